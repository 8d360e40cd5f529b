"""Limits: how many streams may start in a second, and how long one may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

from ragcli.errors import TimedOut
from ragcli.streams.relay import Around, Opened, relay
from ragcli.streams.step import Deadline

P = ParamSpec("P")
Y = TypeVar("Y")
S = TypeVar("S")


class Limiter(Protocol):
    async def wait(self) -> None:
        """Returns when it is the caller's turn."""
        ...


class RateLimiter:
    """Lets callers through one by one, evenly spaced, in the order in which they came.

    A caller that is cancelled while it waits gives its place to the next one. Belongs to one event loop.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not requests_per_second > 0:
            raise ValueError(f"{requests_per_second} requests a second would let nothing through")
        self._interval = 1 / requests_per_second
        self._sleep, self._clock = sleep, clock
        self._turn = asyncio.Lock()  # wakes its waiters first in, first out
        self._free_at = clock()

    async def wait(self) -> None:
        """Returns when it is the caller's turn."""
        async with self._turn:
            # A sleep that overran does not push back those behind it: their times are counted from the planned one.
            planned = max(self._free_at, self._clock())
            while (early := planned - self._clock()) > 0:
                await self._sleep(early)
            self._free_at = planned + self._interval


def rate_limit(
    requests_per_second: float = 10, *, limiter: Limiter | None = None
) -> Callable[[Callable[P, AsyncGenerator[Y, S]]], Callable[P, AsyncGenerator[Y, S]]]:
    """At most so many streams of the function start in a second; `limiter` shares a limit among several functions,
    or among machines.
    """

    def decorate(function: Callable[P, AsyncGenerator[Y, S]]) -> Callable[P, AsyncGenerator[Y, S]]:
        shared = limiter or RateLimiter(requests_per_second)

        async def in_turn(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Opened[Y, S], None]:
            await shared.wait()
            stream = function(*args, **kwargs)
            async for first in stream:
                yield Opened(stream, first)
                return

        @wraps(function)
        def limited(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
            return relay(in_turn(*args, **kwargs))

        return limited

    return decorate


def time_limit(seconds: float) -> Callable[[Callable[P, AsyncGenerator[Y, S]]], Callable[P, AsyncGenerator[Y, S]]]:
    """A stream that is not at its end after so many seconds is closed and raises TimedOut.

    The time that its consumer takes between two items counts too, but only the stream itself is ever interrupted.
    """

    def decorate(function: Callable[P, AsyncGenerator[Y, S]]) -> Callable[P, AsyncGenerator[Y, S]]:
        @wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
            return _Timed(function(*args, **kwargs), seconds)

        return timed

    return decorate


class _Timed(Around[Y, S]):
    def __init__(self, stream: AsyncGenerator[Y, S], seconds: float) -> None:
        super().__init__(stream)
        self._seconds = seconds
        self._deadline: Deadline | None = None
        self._due = 0.0

    async def around(self, step: Awaitable[Y]) -> Y:
        if self._deadline is None:
            self._deadline = Deadline()
            self._due = asyncio.get_running_loop().time() + self._seconds
        try:
            with self._deadline.until(self._due):
                return await step
            raise TimedOut(f"not finished after {self._seconds:g} s", remedy="raise the timeout")
        except BaseException:
            self.ended()
            raise

    def ended(self) -> None:
        if self._deadline is not None:
            self._deadline.close()
