"""Answers in the memory of this process: the first tier, for what lives longer than one question."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from ragcli.ports import CachedAnswer, CacheKey, TierStats
from ragcli.types import CacheTier

SHARE = 8
"""One answer may take one part in this many of the bound."""
OVERHEAD = 400
"""Bytes that an entry takes beside its answer, about."""


class MemoryAnswers:
    """Implements `AnswerTier`; bounded in bytes and entries, the least recently used go first."""

    name: CacheTier = "memory"

    def __init__(
        self, max_bytes: int, *, max_entries: int, ttl_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._ttl_s = ttl_s
        self._clock = clock
        self._held: OrderedDict[str, tuple[CachedAnswer, int]] = OrderedDict()
        self._bytes = 0

    async def get(self, key: CacheKey) -> CachedAnswer | None:
        digest = key.digest
        found = self._held.get(digest)
        if found is None:
            return None
        if self._clock() - found[0].created_at > self._ttl_s:
            self._drop(digest)
            return None
        self._held.move_to_end(digest)
        return found[0]

    async def put(self, key: CacheKey, answer: CachedAnswer) -> None:
        digest = key.digest
        size = len(msgspec.msgpack.encode(answer)) + OVERHEAD
        self._drop(digest)
        if size * SHARE > self._max_bytes:
            return
        self._held[digest] = (answer, size)
        self._bytes += size
        while self._bytes > self._max_bytes or len(self._held) > self._max_entries:
            self._drop(next(iter(self._held)))

    async def clear(self) -> int:
        count = len(self._held)
        self._held.clear()
        self._bytes = 0
        return count

    async def stats(self) -> TierStats:
        return TierStats(tier=self.name, entries=len(self._held), bytes=self._bytes, max_bytes=self._max_bytes)

    async def aclose(self) -> None:
        await self.clear()

    def _drop(self, digest: str) -> None:
        if dropped := self._held.pop(digest, None):
            self._bytes -= dropped[1]
