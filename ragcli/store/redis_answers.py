"""Answers that all machines of a fleet give again: the shared tier of the cache, in Redis."""

from __future__ import annotations

import time
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from ragcli.errors import CacheFailed
from ragcli.ports.cache import SCHEMA, CachedAnswer, CacheKey, TierStats

if TYPE_CHECKING:
    from redis.asyncio import Redis as Client

    from ragcli.store.redis_link import RedisLink
    from ragcli.types import CacheTier

T = TypeVar("T")

LARGEST = 1_000_000
"""Bytes of one answer, sources included; a larger one is not kept."""
PAGE = 1000
"""Keys that one step of a listing looks at: some milliseconds of Redis's time."""
WEIGHED = 50
"""Answers of each page whose size is asked for."""

_decoder = msgspec.msgpack.Decoder(CachedAnswer)


class RedisAnswers:
    """A ports.AnswerTier. How much it holds in all is bounded by Redis (`maxmemory`) and by the time to live.

    Who asks it tells its troubles: the link has no news of them then.
    """

    name: CacheTier = "redis"

    def __init__(self, link: RedisLink, *, ttl_s: float, clock: Callable[[], float] = time.time) -> None:
        self._link, self._ttl_s, self._clock = link, ttl_s, clock

    async def get(self, key: CacheKey) -> CachedAnswer | None:
        name = self._name(key.digest)

        stored: bytes | None = await self._ask(lambda client: cast("Awaitable[bytes | None]", client.get(name)))
        answer = _decoded(stored) if stored is not None else None
        if answer is None:
            return None
        young = self._clock() - answer.created_at < self._ttl_s
        return answer if young else None

    async def put(self, key: CacheKey, answer: CachedAnswer) -> None:
        blob = msgspec.msgpack.encode(answer)
        left_s = answer.created_at + self._ttl_s - self._clock()
        if len(blob) > LARGEST or left_s <= 0:
            return
        value = zlib.compress(blob, 1)  # a third is left to store and to send
        name, left_ms = self._name(key.digest), int(min(left_s, self._ttl_s) * 1000) + 1
        await self._ask(lambda client: client.set(name, value, px=left_ms))

    async def clear(self) -> int:
        """With what is still shared of those that were just made: it would be given again, too."""
        await self._cleared(self._link.key("flight", "*"))
        return await self._cleared(self._name("*"))

    async def _cleared(self, pattern: str) -> int:
        removed = 0
        cursor = 0
        while True:

            async def step(client: Client, cursor: int = cursor) -> tuple[int, int]:
                after, names = await client.scan(cursor, match=pattern, count=PAGE)
                return after, await client.unlink(*names) if names else 0

            cursor, unlinked = await self._ask(step)
            removed += unlinked
            if not cursor:
                return removed

    async def stats(self) -> TierStats:
        """`bytes` is estimated from some of the answers."""
        try:
            return await self._counted()
        except CacheFailed as error:
            return TierStats(tier="redis", trouble=str(error))

    async def _counted(self) -> TierStats:
        entries = weighed = size = 0
        cursor = 0
        while True:

            async def step(client: Client, cursor: int = cursor) -> tuple[int, int, list[int]]:
                after, names = await client.scan(cursor, match=self._name("*"), count=PAGE)
                lengths = client.pipeline(transaction=False)
                for name in names[:WEIGHED]:
                    lengths.strlen(name)
                return after, len(names), await lengths.execute() if names else []

            cursor, found, sizes = await self._ask(step)
            entries, weighed, size = entries + found, weighed + len(sizes), size + sum(sizes)
            if not cursor:
                return TierStats(tier="redis", entries=entries, bytes=size * entries // weighed if weighed else 0)

    async def _ask(self, work: Callable[[Client], Awaitable[T]]) -> T:
        try:
            return await self._link.ask(work)
        except CacheFailed:
            self._link.news()
            raise

    async def aclose(self) -> None:
        """The link is closed by who opened it."""

    def _name(self, digest: str) -> str:
        return self._link.key("answer", digest)


def _decoded(stored: bytes) -> CachedAnswer | None:
    """None for what another version, or somebody else, has written, and for what is larger than ragcli writes."""
    unpacking = zlib.decompressobj()
    try:
        answer = _decoder.decode(unpacking.decompress(stored, LARGEST))
        whole = unpacking.eof
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return answer if whole and answer.schema == SCHEMA else None
