"""Answers in one SQLite file, `answers.db`, for all collections of a home and all processes that use it.

Beside each answer stand the digest of what its question means and the question's vector, where they are known: the
semantic tier finds its candidates by an index over scope and meaning, so that it costs the same at ten questions and at
a million, needs no index of its own to be kept in step, and never imports a vector database.

Every trouble is `CacheFailed`; a file that cannot be read says how to be rid of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from ragcli.errors import CacheFailed
from ragcli.ports import CachedAnswer, CacheKey, TierStats
from ragcli.ports.cache import SCHEMA
from ragcli.store.kept import HELD, KeptFile, held_by
from ragcli.types import CacheTier

SHARE = 8
"""One answer may take one part in this many of the bound."""
OVERHEAD = 300
"""Bytes that a row and its places in the indexes take beside the answer and the vector, about."""
SWEPT = 100
"""Rows of other generations, or too old, that one write takes away."""
ROOM = 0.95
"""What a file that was full is cleared down to."""
TOUCH_AFTER_S = 600.0
"""The moment of the last use is written no more often."""

_TABLES = (
    "create table answers (id integer primary key, digest text not null unique, collection text not null, "
    "generation integer not null, scope text not null, meaning blob, created real not null, used real not null, "
    "size integer not null, answer blob not null, vector blob)",
    "create index answers_by_meaning on answers (scope, meaning) where meaning is not null",
    "create index answers_by_use on answers (used)",
    "create index answers_by_age on answers (created)",
    "create index answers_by_generation on answers (collection, generation)",
    *held_by("answers"),
)


class SQLiteAnswers:
    """Implements `AnswerTier`, and what `answer.semantic` asks of a store; one connection, opened at first use."""

    name: CacheTier = "disk"

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        max_entries: int,
        ttl_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = KeptFile(path, version=SCHEMA, tables=_TABLES)
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._ttl_s = ttl_s
        self._clock = clock

    # --- ports.AnswerTier

    async def get(self, key: CacheKey) -> CachedAnswer | None:
        return await asyncio.to_thread(self._get, key.digest)

    async def put(self, key: CacheKey, answer: CachedAnswer, *, meaning: bytes = b"", vector: bytes = b"") -> None:
        """`meaning` and `vector` (float32) let the semantic tier find it."""
        await asyncio.to_thread(self._put, key, answer, meaning, vector)

    async def clear(self) -> int:
        return await asyncio.to_thread(self._clear)

    async def stats(self) -> TierStats:
        try:
            entries, size = await asyncio.to_thread(self._file.held)
        except CacheFailed as error:
            return TierStats(tier=self.name, max_bytes=self._max_bytes, trouble=str(error))
        return TierStats(tier=self.name, entries=entries, bytes=size, max_bytes=self._max_bytes)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._file.close)

    async def forget(self, collection: str, *, before: int | None = None) -> None:
        """Answers about a collection, or about its generations before that one: they hold texts of its documents."""
        await asyncio.to_thread(self._forget, collection, before)

    # --- what the semantic tier asks

    async def find(
        self, key: CacheKey, meaning: Callable[[], bytes], most: int
    ) -> tuple[CachedAnswer | None, list[tuple[CachedAnswer, bytes]]]:
        return await asyncio.to_thread(self._find, key, meaning, most)

    # --- in a thread

    def _get(self, digest: str) -> CachedAnswer | None:
        rows = self._file.read("select answer, created, used from answers where digest = ?", digest)
        if not rows:
            return None
        [(blob, created, used)] = rows
        now = self._clock()
        if now - created > self._ttl_s:
            return None
        if now - used > TOUCH_AFTER_S:
            with suppress(CacheFailed), self._file.writing() as database:
                database.execute("update answers set used = ? where digest = ?", (now, digest))
        return _decoded(blob)

    def _find(
        self, key: CacheKey, meaning: Callable[[], bytes], most: int
    ) -> tuple[CachedAnswer | None, list[tuple[CachedAnswer, bytes]]]:
        exact = self._get(key.digest)
        of_it = meaning() if exact is None else b""
        return exact, self._meaning(key.scope, of_it, most) if of_it else []

    def _meaning(self, scope: str, meaning: bytes, most: int) -> list[tuple[CachedAnswer, bytes]]:
        rows = self._file.read(
            "select answer, vector from answers where scope = ? and meaning = ? and created > ? "
            "order by created desc limit ?",
            scope,
            meaning,
            self._clock() - self._ttl_s,
            most,
        )
        return [(answer, vector) for blob, vector in rows if (answer := _decoded(blob)) is not None]

    def _put(self, key: CacheKey, answer: CachedAnswer, meaning: bytes, vector: bytes) -> None:
        blob = zlib.compress(msgspec.msgpack.encode(answer), 1)
        size = len(blob) + len(vector) + OVERHEAD
        if size * SHARE > self._max_bytes:
            return
        now = self._clock()
        with self._file.writing() as database:
            database.execute("delete from answers where digest = ?", (key.digest,))
            database.execute(
                "insert into answers (digest, collection, generation, scope, meaning, created, used, size, answer, "
                "vector) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key.digest, key.collection, key.generation, key.scope, meaning or None),
                    *(answer.created_at, now, size, blob, vector or None),
                ),
            )
            self._sweep(database, key, now)

    def _sweep(self, database: sqlite3.Connection, key: CacheKey, now: float) -> None:
        """Takes away what nobody will ask for again, a little at a time, and what there is no room for."""
        for old, values in (
            ("collection = ? and generation < ?", (key.collection, key.generation)),
            ("created < ?", (now - self._ttl_s,)),
        ):
            some = f"select id from answers where {old} limit {SWEPT}"  # noqa: S608  # put together from constants
            database.execute(f"delete from answers where id in ({some})", values)  # noqa: S608
        entries, size = database.execute(HELD).fetchone()
        if size <= self._max_bytes and entries <= self._max_entries:
            return
        while entries and (size > ROOM * self._max_bytes or entries > ROOM * self._max_entries):
            some = max(1, entries // 100)
            database.execute(
                "delete from answers where id in (select id from answers order by used, id limit ?)", (some,)
            )
            entries, size = database.execute(HELD).fetchone()

    def _forget(self, collection: str, before: int | None) -> None:
        if self._file.held()[0]:
            with self._file.writing() as database:
                database.execute(
                    "delete from answers where collection = ? and generation < coalesce(?, generation + 1)",
                    (collection, before),
                )

    def _clear(self) -> int:
        return self._file.clear("answers")


def _decoded(blob: bytes) -> CachedAnswer | None:
    """None for what another version wrote."""
    try:
        answer = msgspec.msgpack.decode(zlib.decompress(blob), type=CachedAnswer)
    except (msgspec.MsgspecError, zlib.error):
        return None
    return answer if answer.schema == SCHEMA else None
