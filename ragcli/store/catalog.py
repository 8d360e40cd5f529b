"""The catalog as readers see it: one SQLite file that holds the texts and the vectors and says which of them count.

Opening costs a millisecond, needs no lock and works beside a writer and in a read-only folder. The writer's side is
`catalog_writer`.
"""

from __future__ import annotations

import fnmatch
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ragcli.errors import ConfigError, IndexDamaged, IndexLocked, IndexMissing, StoreUnwritable
from ragcli.store.layout import Place
from ragcli.types import Counts, Failure, StoredChunk, StoredDocument, Version

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 5_000

_CHUNK = """
    SELECT c.id, c.document_id, d.path, d.title, d.format, c.n, c.text, c.start, c.end, c.heading, c.page,
           c.first_line, c.last_line
    FROM chunks c JOIN documents d ON d.id = c.document_id
    WHERE d.state = 'ready'
"""
_AMONG = "IN (SELECT value FROM json_each(?))"
_PENDING = """
    state IN ('pending', 'stale') AND state <> 'ready'
    AND NOT EXISTS (SELECT 1 FROM documents r WHERE r.path = p.path AND r.state = 'ready' AND r.id > p.id)
"""
"""A document that was cut off, unless it was finished since under a later id."""


class Catalog:
    """Implements `ChunkReader`; safe to share between threads."""

    def __init__(self, place: Place, connection: sqlite3.Connection) -> None:
        self._place = place
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def read(cls, place: Place) -> Self:
        """Raises IndexMissing, IndexDamaged."""
        if not place.exists:
            raise IndexMissing(
                f"there is no collection {place.name!r} yet", remedy="make it with: ragcli ingest PATH" + option(place)
            )
        uri = place.catalog.absolute().as_uri()
        try:
            return cls._open(place, f"{uri}?mode=ro")
        except StoreUnwritable:  # WAL needs two files beside the database, which a read-only folder does not take
            return cls._open(place, f"{uri}?mode=ro&immutable=1")

    @classmethod
    def _open(cls, place: Place, uri: str) -> Self:
        with translated(place):
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        catalog = cls(place, connection)
        try:
            catalog._run(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            (version,) = catalog._one("PRAGMA user_version")
            catalog.check_version(version)
        except BaseException:
            connection.close()
            raise
        return catalog

    def check_version(self, version: int) -> None:
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"collection {self._place.name!r} was made by a newer ragcli",
                remedy="upgrade with: pip install -U ragcli",
            )
        if version < 1:
            raise damaged(self._place)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- what is known of the collection

    @property
    def place(self) -> Place:
        return self._place

    @property
    def name(self) -> str:
        return self.meta("name")

    @property
    def embedder(self) -> str:
        """Id of the embedder that made the vectors; empty before the first document."""
        return self.meta("embedder")

    @property
    def dimensions(self) -> int:
        return int(self.meta("dimensions") or 0)

    @property
    def generation(self) -> int:
        return int(self.meta("generation") or 0)

    @property
    def state(self) -> str:
        """Names what is indexed now, among all collections there ever are: a copy has the same until it is changed."""
        return self.meta("state") or f"{self._place.folder}\n{self.generation}"  # made before there were names

    def meta(self, key: str) -> str:
        """Empty where nothing was stored under the key."""
        rows = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else ""

    def check(self) -> None:
        """Reads the whole database. Raises IndexDamaged unless it is whole."""
        if self._all("PRAGMA quick_check(1)") != [("ok",)]:
            raise damaged(self._place)

    def counts(self) -> Counts:
        (row,) = self._all(
            f"""
            SELECT (SELECT count(*) FROM documents WHERE state = 'ready'),
                   (SELECT coalesce(sum(chunks), 0) FROM documents WHERE state = 'ready'),
                   (SELECT count(*) FROM failures),
                   (SELECT count(DISTINCT path) FROM documents p WHERE {_PENDING})
            """
        )
        return Counts(*row)

    def documents(self) -> Iterator[StoredDocument]:
        """In order of path; pending ones too where no version of them is ready."""
        query = f"""
            SELECT id, path, title, format, chunks, size, indexed_at, state FROM documents WHERE state = 'ready'
            UNION ALL
            SELECT max(id), path, title, format, 0, size, 0.0, 'pending' FROM documents p
            WHERE {_PENDING} AND NOT EXISTS (SELECT 1 FROM documents r WHERE r.path = p.path AND r.state = 'ready')
            GROUP BY path
            ORDER BY path
        """
        return (StoredDocument(*row) for row in self._all(query))

    def versions(self) -> dict[str, Version]:
        """By path, of the documents that count."""
        rows = self._all("SELECT path, id, size, mtime_ns, sha256 FROM documents WHERE state = 'ready'")
        return {row[0]: Version(*row[1:]) for row in rows}

    def failed_versions(self) -> dict[str, Version]:
        """By path, of the files that could not be indexed as they were; an older version may count all the same."""
        rows = self._all("SELECT path, 0, size, mtime_ns, '', kind, message FROM failures")
        return {row[0]: Version(*row[1:]) for row in rows}

    def failures(self) -> list[Failure]:
        return [Failure(*row) for row in self._all("SELECT path, kind, message FROM failures ORDER BY path")]

    # --- chunks

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        in_order = sorted(map(int, ids))  # neighbours lie on one page
        rows = self._all(f"{_CHUNK} AND c.id {_AMONG}", (json.dumps(in_order),))
        return {row[0]: _stored_chunk(row) for row in rows}

    def live(self, ids: Sequence[int]) -> set[int]:
        """Those of the ids that count."""
        query = f"""
            SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id
            WHERE d.state = 'ready' AND c.id {_AMONG}
        """
        return {row[0] for row in self._all(query, (json.dumps(list(map(int, ids))),))}

    def neighbours(self, chunk: StoredChunk, before: int, after: int) -> list[StoredChunk]:
        rows = self._all(
            f"{_CHUNK} AND c.document_id = ? AND c.n BETWEEN ? AND ? ORDER BY c.n",
            (chunk.document_id, chunk.n - before, chunk.n + after),
        )
        return [_stored_chunk(row) for row in rows]

    def chunks_of(self, document_id: int) -> Iterator[StoredChunk]:
        """All chunks of a document in order, a page at a time."""
        n = -1
        while rows := self._all(f"{_CHUNK} AND c.document_id = ? AND c.n > ? ORDER BY c.n LIMIT 500", (document_id, n)):
            yield from map(_stored_chunk, rows)
            n = rows[-1][5]

    def ids_under(self, patterns: Sequence[str]) -> list[int]:
        documents = [document.id for document in self.documents() if _matches(document.path, patterns)]
        query = f"SELECT id FROM chunks WHERE document_id {_AMONG} ORDER BY id"
        return [row[0] for row in self._all(query, (json.dumps(documents),))] if documents else []

    def vectors_after(self, chunk_id: int, *, live: bool = False) -> Iterator[list[tuple[int, bytes]]]:
        """Pages of (id, float32 bytes) above the id, in order of id; of all chunks, or only of those that count."""
        only = "JOIN chunks c ON c.id = v.id JOIN documents d ON d.id = c.document_id AND d.state = 'ready'"
        query = f"""
            SELECT v.id, v.vector FROM vectors v {only if live else ""}
            WHERE v.id > ? ORDER BY v.id LIMIT 2000
        """
        while rows := self._all(query, (chunk_id,)):
            yield rows
            chunk_id = rows[-1][0]

    # --- the one way to the database

    def _all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows at once: an unfinished statement would hold back the writer's checkpoints."""
        with self._lock, translated(self._place):
            return self._connection.execute(sql, parameters).fetchall()

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        with self._lock, translated(self._place):
            return self._connection.execute(sql, parameters).fetchone()

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """The number of rows that were changed."""
        with self._lock, translated(self._place):
            return self._connection.execute(sql, parameters).rowcount


_UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NOT_OURS = {sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_TOOBIG}


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Maps SQLite's errors by their code."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            raise
        primary = code & 0xFF
        if primary in _NOT_OURS:
            raise
        if primary in _LOCKED:
            raise IndexLocked(
                f"the catalog of collection {place.name!r} is locked by another process", remedy="try again"
            ) from error
        if primary in _UNWRITABLE or primary == sqlite3.SQLITE_IOERR:
            raise StoreUnwritable(
                f"cannot write the catalog below {place.folder}: {error}",
                remedy="free space, mend the folder's permissions, or choose another with --home DIR",
            ) from error
        raise damaged(place) from error


def damaged(place: Place) -> IndexDamaged:
    return IndexDamaged(
        f"the catalog of collection {place.name!r} is damaged ({place.catalog})",
        remedy=f"delete it with: ragcli collections delete {place.name!r}, then ingest again",
    )


def option(place: Place) -> str:
    """The flag that names the collection, where it must be named."""
    return "" if place.name == "default" else f" -c {place.name!r}"


def _stored_chunk(row: Sequence[Any]) -> StoredChunk:
    *values, heading, page, first_line, last_line = row
    lines = None if first_line is None else (first_line, last_line)
    place: tuple[Any, ...] = (tuple(json.loads(heading)) if heading else (), page, lines)
    return StoredChunk(*values, *place)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    """A pattern with wildcards is a glob over the path or its end; another one is a part of the path."""
    folded = Path(path).as_posix().casefold()
    for pattern in patterns:
        wanted = pattern.replace("\\", "/").casefold()
        if any(wildcard in wanted for wildcard in "*?["):
            if fnmatch.fnmatchcase(folded, wanted) or fnmatch.fnmatchcase(folded, f"*/{wanted}"):
                return True
        elif wanted in folded:
            return True
    return False
