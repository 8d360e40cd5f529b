"""The catalog as its one writer sees it.

A document is `pending` while its chunks come in, `ready` when all are indexed, `retired` when a newer version or a
removal has replaced it, and `stale` when the run that wrote it was cut off: retired and stale ones wait until the
indexes have let go of their chunks. Chunk ids are never used again.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from ragcli.ports import KeywordEntry
from ragcli.store.catalog import BUSY_TIMEOUT_MS, SCHEMA_VERSION, Catalog, translated
from ragcli.store.layout import FILE_MODE, Place, keep_private, writing
from ragcli.types import Failure, File, Passage

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL, title TEXT NOT NULL, format TEXT NOT NULL,
    size INTEGER NOT NULL DEFAULT 0, mtime_ns INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL, chunks INTEGER NOT NULL DEFAULT 0, indexed_at REAL NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX one_ready_version ON documents(path) WHERE state = 'ready';
CREATE INDEX unsettled ON documents(state) WHERE state <> 'ready';
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, text TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, heading TEXT, page INTEGER, first_line INTEGER, last_line INTEGER
);
CREATE INDEX chunks_of_document ON chunks(document_id, n);
CREATE INDEX chunks_by_hash ON chunks(hash);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE failures (
    path TEXT PRIMARY KEY, kind TEXT NOT NULL, message TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
"""
_AMONG = "IN (SELECT value FROM json_each(?))"


class CatalogWriter(Catalog):
    """Implements `ports.CatalogWriter`; the caller holds the writer's lock. All methods raise StoreUnwritable."""

    @classmethod
    def open(cls, place: Place) -> Self:
        """Makes the catalog where there is none. Raises IndexDamaged, StoreUnwritable."""
        with writing(place.folder):
            os.close(os.open(place.catalog, os.O_CREAT | os.O_RDWR, FILE_MODE))
        keep_private(place.catalog)  # SQLite gives its other files the same mode
        with translated(place):
            connection = sqlite3.connect(place.catalog, isolation_level=None, check_same_thread=False)
        catalog = cls(place, connection)
        try:
            catalog._prepare()
        except BaseException:
            connection.close()
            raise
        return catalog

    def _prepare(self) -> None:
        self._clear_journal()
        self._run(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        self._one("PRAGMA journal_mode = WAL")
        self._run("PRAGMA synchronous = FULL")  # a reported document survives a power cut; two syncs a batch
        (version,) = self._one("PRAGMA user_version")
        if version:
            self.check_version(version)
            return
        with self.transaction():
            for statement in _SCHEMA.split(";\n"):
                self._run(statement)
            self._run(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self.remember("name", self._place.name)
            self.remember("generation", "0")
            self.remember("state", secrets.token_hex(16))

    def _clear_journal(self) -> None:
        """A run that met a full disk has left a journal that fills it; emptying it needs as much again for a moment."""
        with suppress(OSError, sqlite3.Error), self._lock:
            journal = self._place.catalog.with_name(self._place.catalog.name + "-wal").stat().st_size
            if journal < shutil.disk_usage(self._place.folder).free:
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Leaves one file, so that a copy of it is whole and a read-only folder can be read."""
        with suppress(sqlite3.Error), self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        super().close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested, the outermost one counts."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._run("BEGIN IMMEDIATE")
            try:
                yield
                self._run("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    self._connection.execute("ROLLBACK")
                raise

    def remember(self, key: str, value: str) -> None:
        self._run("INSERT INTO meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", (key, value))

    def bump(self) -> None:
        """Tells readers that what they may find has changed."""
        self._run("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'")
        self.remember("state", secrets.token_hex(16))

    # --- files

    def touch(self, files: Iterable[tuple[int, File]]) -> None:
        """New size and mtime of documents whose content is the same."""
        with self.transaction():
            for document_id, file in files:
                self._run(
                    "UPDATE documents SET size = ?, mtime_ns = ? WHERE id = ?", (file.size, file.mtime_ns, document_id)
                )

    def fail(self, failure: Failure, *, size: int = 0, mtime_ns: int = 0) -> None:
        self._run(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)",
            (failure.path, failure.kind, failure.message, size, mtime_ns),
        )

    def forget_failures(self, paths: Iterable[str]) -> None:
        self._run(f"DELETE FROM failures WHERE path {_AMONG}", (json.dumps(list(paths)),))

    # --- documents

    def ready_ids(self) -> dict[str, int]:
        """Of the documents that count, by path."""
        return dict(self._all("SELECT path, id FROM documents WHERE state = 'ready'"))

    def begin(self, path: str, title: str, format: str) -> int:
        """Id of a new pending document."""
        with self._lock:
            self._run(
                "INSERT INTO documents(path, title, format, state) VALUES (?, ?, ?, 'pending')", (path, title, format)
            )
            (document_id,) = self._one("SELECT last_insert_rowid()")
        return int(document_id)

    def append(self, document_id: int, passages: Sequence[Passage]) -> range:
        """Ids of the new chunks."""
        with self.transaction():
            row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'")
            ids = range(row[0] + 1 if row else 1, (row[0] if row else 0) + len(passages) + 1)
            rows = (_chunk_row(id, document_id, passage) for id, passage in zip(ids, passages, strict=True))
            self._many("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            vectors = ((id, passage.vector) for id, passage in zip(ids, passages, strict=True))
            self._many("INSERT INTO vectors VALUES (?, ?)", vectors)
            self._run("UPDATE documents SET chunks = chunks + ? WHERE id = ?", (len(passages), document_id))
        return ids

    def publish(self, finished: Iterable[tuple[int, File, str]]) -> None:
        """(document id, file, SHA-256): these versions count from now on, and no others of the same paths."""
        with self.transaction():
            now = time.time()
            paths: list[str] = []
            for document_id, file, sha256 in finished:
                self._run("UPDATE documents SET state = 'retired' WHERE path = ? AND state = 'ready'", (file.path,))
                self._run(
                    """
                    UPDATE documents SET state = 'ready', size = ?, mtime_ns = ?, sha256 = ?, indexed_at = ?
                    WHERE id = ?
                    """,
                    (file.size, file.mtime_ns, sha256, now, document_id),
                )
                paths.append(file.path)
            self.forget_failures(paths)
            self.bump()

    def retire(self, document_ids: Iterable[int]) -> None:
        """These documents do not count any more."""
        with self.transaction():
            self._run(f"UPDATE documents SET state = 'retired' WHERE id {_AMONG}", (json.dumps(list(document_ids)),))
            self.bump()

    def abandon(self) -> None:
        """Marks what a run that was cut off has left; its vectors can be used again until `forget`."""
        self._run("UPDATE documents SET state = 'stale' WHERE state = 'pending' AND state <> 'ready'")

    def unsettled(self, *, stale: bool) -> list[int]:
        """Ids of the chunks of retired documents, or of stale ones, which the indexes must let go."""
        query = f"SELECT c.id FROM chunks c WHERE c.document_id IN ({_unsettled(stale)})"
        return sorted(row[0] for row in self._all(query))

    def forget(self, *, stale: bool) -> None:
        """Deletes retired documents, or stale ones, with their chunks and vectors."""
        documents = _unsettled(stale)
        chunks = f"SELECT id FROM chunks WHERE document_id IN ({documents})"
        with self.transaction():
            self._run(f"DELETE FROM vectors WHERE id IN ({chunks})")
            self._run(f"DELETE FROM chunks WHERE document_id IN ({documents})")
            self._run(f"DELETE FROM documents WHERE id IN ({documents})")

    # --- vectors

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Vectors by hash of their text, for those hashes that the collection holds in whatever state."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(hashes), 500):
            part = hashes[start : start + 500]
            marks = ", ".join("?" * len(part))
            query = f"""
                SELECT c.hash, v.vector FROM chunks c JOIN vectors v ON v.id = c.id WHERE c.hash IN ({marks})
            """
            found.update(self._all(query, part))
        return found

    def adopt(self, embedder: str, dimensions: int) -> None:
        """The collection belongs to this embedder from now on."""
        with self.transaction():
            self.remember("embedder", embedder)
            self.remember("dimensions", str(dimensions))

    def texts_to_embed(self, embedder: str) -> Iterator[list[tuple[int, tuple[str, ...], str]]]:
        """Pages of (chunk id, heading path, text) that have no vector of this new embedder yet."""
        with self.transaction():
            self._run("CREATE TABLE IF NOT EXISTS next_vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL)")
            if self.meta("next_embedder") != embedder:
                self._run("DELETE FROM next_vectors")
                self.remember("next_embedder", embedder)
        query = """
            SELECT c.id, coalesce(c.heading, ''), c.text FROM chunks c
            WHERE c.id > ? AND NOT EXISTS (SELECT 1 FROM next_vectors v WHERE v.id = c.id) ORDER BY c.id LIMIT 1000
        """
        last = 0
        while rows := self._all(query, (last,)):
            yield [(id, tuple(json.loads(heading)) if heading else (), text) for id, heading, text in rows]
            last = rows[-1][0]

    def store_next_vectors(self, vectors: Mapping[int, bytes]) -> None:
        with self.transaction():
            self._many("INSERT OR REPLACE INTO next_vectors VALUES (?, ?)", vectors.items())

    def switch_vectors(self, embedder: str, dimensions: int) -> None:
        """The new embedder's vectors take the place of the old ones, in one step; every chunk has one by now."""
        with self.transaction():
            self._run("DROP TABLE vectors")
            self._run("ALTER TABLE next_vectors RENAME TO vectors")
            self._run("DELETE FROM meta WHERE key = 'next_embedder'")
            self.remember("matrix", str(int(self.meta("matrix") or 0) + 1))  # the present one has other rows
            self.adopt(embedder, dimensions)
            self.bump()

    # --- what the keyword index is told

    def entries(self, ids: Iterable[int]) -> list[KeywordEntry]:
        query = f"""
            SELECT c.id, d.title, coalesce(c.heading, ''), d.path, c.text
            FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id {_AMONG}
        """
        return [_entry(row) for row in self._all(query, (json.dumps(list(ids)),))]

    def entries_after(self, chunk_id: int) -> Iterator[list[KeywordEntry]]:
        """Pages of all chunks that count, in order of id."""
        query = """
            SELECT c.id, d.title, coalesce(c.heading, ''), d.path, c.text
            FROM chunks c JOIN documents d ON d.id = c.document_id
            WHERE d.state = 'ready' AND c.id > ? ORDER BY c.id LIMIT 2000
        """
        while rows := self._all(query, (chunk_id,)):
            yield [_entry(row) for row in rows]
            chunk_id = rows[-1][0]

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._lock, translated(self._place):
            self._connection.executemany(sql, rows)


def _unsettled(stale: bool) -> str:
    """Selects the ids of documents; the state stands in the query, for SQLite to see that its partial index fits."""
    return f"SELECT id FROM documents WHERE state = '{'stale' if stale else 'retired'}' AND state <> 'ready'"


def _chunk_row(id: int, document_id: int, passage: Passage) -> Sequence[Any]:
    chunk = passage.chunk
    heading = json.dumps(chunk.heading, ensure_ascii=False) if chunk.heading else None
    first, last = chunk.lines or (None, None)
    position = (chunk.start, chunk.end, heading, chunk.page, first, last)
    return (id, document_id, chunk.n, passage.hash, chunk.text, *position)


def _entry(row: Sequence[Any]) -> KeywordEntry:
    id, title, heading, path, body = row
    return KeywordEntry(id, title, " > ".join(json.loads(heading)) if heading else "", path, body)
