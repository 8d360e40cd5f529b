"""Vectors that cost money or time, in one SQLite file for all collections: `embeddings.db`.

What is found again by its content need not be embedded again: the same passage in another collection, in a folder that
was deleted and indexed anew, and the question that is asked a second time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ragcli.errors import CacheFailed
from ragcli.store.kept import HELD, KeptFile, held_by

VERSION = 1
PAGE = 500
"""Parameters of one query."""
OVERHEAD = 80
"""Bytes that a row takes beside its vector, about."""
ROOM = 0.95
"""What a file that was full is cleared down to."""
REST_S = 30.0
"""How long a file that made trouble is left alone: an ingest asks thousands of times."""

_TABLES = (
    "create table vectors (id integer primary key, hash blob not null unique, size integer not null, "
    "vector blob not null)",
    *held_by("vectors"),
)


class SQLiteVectors:
    """Implements `VectorCache`; those that were added first go first."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._file = KeptFile(path, version=VERSION, tables=_TABLES)
        self.max_bytes = max_bytes
        self._resting_until = 0.0

    def get(self, space: str, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        names = {_name(space, each): each for each in hashes}
        found: dict[bytes, bytes] = {}
        wanted = list(names)
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            places = ",".join("?" * len(page))
            query = f"select hash, vector from vectors where hash in ({places})"  # noqa: S608  # places alone
            found.update((names[name], vector) for name, vector in self._asked(query, page))
        return found

    def put(self, space: str, vectors: Mapping[bytes, bytes]) -> None:
        rows = [(_name(space, each), len(vector) + OVERHEAD, vector) for each, vector in vectors.items()]
        with self._file.writing() as database:
            database.executemany("insert or ignore into vectors (hash, size, vector) values (?, ?, ?)", rows)
            entries, size = database.execute(HELD).fetchone()
            while entries and size > self.max_bytes:
                some = max(1, int(entries * (1 - ROOM)))
                database.execute(
                    "delete from vectors where id in (select id from vectors order by id limit ?)", (some,)
                )
                entries, size = database.execute(HELD).fetchone()

    def held(self) -> tuple[int, int]:
        """Vectors, and their bytes."""
        return self._file.held()

    def clear(self) -> int:
        return self._file.clear("vectors")

    def close(self) -> None:
        self._file.close()

    def _asked(self, query: str, values: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        if time.monotonic() < self._resting_until:
            return []
        try:
            return self._file.read(query, *values)
        except CacheFailed:
            self._resting_until = time.monotonic() + REST_S
            raise


def _name(space: str, content: bytes) -> bytes:
    return hashlib.blake2b(space.encode() + b"\0" + content, digest_size=16).digest()
