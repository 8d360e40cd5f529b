"""A rate that all machines of a fleet hold together, by the clock of the Redis that they share.

The generic cell rate algorithm (ITU-T I.371; the virtual scheduling form, with no burst): one moment is kept, the next
one that is free. A caller takes it and moves it on by one interval, in one step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from ragcli.errors import RedisAway
from ragcli.store.redis_link import Script
from ragcli.streams.limit import RateLimiter

if TYPE_CHECKING:
    from ragcli.store.redis_link import RedisLink

TAKE = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = math.max(now, tonumber(redis.call('GET', KEYS[1])) or 0)
redis.call('SET', KEYS[1], string.format('%.0f', free + ARGV[1]), 'PX', math.ceil((free + ARGV[1] - now) / 1000) + 1000)
return math.ceil(free - now)
"""
)
"""KEYS the moment; ARGV interval in microseconds. Microseconds until the moment that was taken."""


class SharedRateLimiter:
    """A streams.limit.Limiter. Each process takes one moment at a time and lets its callers through in their order.

    So processes that wait take turns, however many callers each has, and one that dies loses one moment alone. While
    Redis is away each process holds the rate by itself.
    """

    def __init__(
        self,
        link: RedisLink,
        name: str,
        requests_per_second: float,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Who gives the same `name` (an endpoint and a model, nothing secret) shares the limit."""
        self._link = link
        self._key = link.key("rate", sha256(name.encode()).hexdigest()[:32])
        self._interval_s = 1 / requests_per_second
        self._sleep, self._clock = sleep, clock
        self._local = RateLimiter(requests_per_second, sleep=sleep, clock=clock)
        self._turn = asyncio.Lock()  # wakes its waiters first in, first out
        self._taken: float | None = None

    async def wait(self) -> None:
        async with self._turn:
            try:
                moment = await self._moment()
            except RedisAway:
                await self._local.wait()
                return
            while (early := moment - self._clock()) > 0:
                await self._sleep(early)
            self._taken = None

    async def _moment(self) -> float:
        """The one that a caller took and did not use, because it was cancelled, or the next free one."""
        if self._taken is None or self._clock() - self._taken > self._interval_s:
            us = await self._link.ask(lambda client: TAKE.run(client, [self._key], [self._interval_s * 1e6]))
            self._taken = self._clock() + us / 1e6  # never early: the way back counts as waiting
        return self._taken
