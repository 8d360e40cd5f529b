"""Limits hold for a thousand streams at once, in order of arrival, and end what takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ragcli.errors import TimedOut
from ragcli.streams.limit import RateLimiter, rate_limit, time_limit


class Time:
    """A clock that moves only when someone sleeps, and oversleeps a little, as real ones do."""

    def __init__(self, overrun: float = 0.0) -> None:
        self.now, self.overrun = 100.0, overrun

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds + self.overrun


def limiter_at(time: Time, rate: float) -> RateLimiter:
    return RateLimiter(rate, sleep=time.sleep, clock=time.clock)


async def test_a_thousand_streams_start_in_order_of_arrival_and_not_faster_than_the_limit() -> None:
    time = Time(overrun=0.0004)
    starts: list[tuple[int, float]] = []

    @rate_limit(limiter=limiter_at(time, 100))
    async def stream(n: int) -> AsyncGenerator[int, None]:
        starts.append((n, time.now))
        yield n
        await asyncio.sleep(0)
        yield n

    async def consume(n: int) -> list[int]:
        return [item async for item in stream(n)]

    results = await asyncio.gather(*(consume(n) for n in range(1000)))
    assert results == [[n, n] for n in range(1000)]
    assert [n for n, _ in starts] == list(range(1000))
    times = [at for _, at in starts]
    for first in range(900):
        assert times[first + 100] - times[first] >= 1 - 0.001
    assert times[-1] - times[0] == pytest.approx(9.99, abs=0.01)  # and not slower either


async def test_the_first_request_after_a_pause_does_not_wait() -> None:
    time = Time()
    limiter = limiter_at(time, 10)
    await limiter.wait()
    time.now += 60
    before = time.now
    await limiter.wait()
    assert time.now == before
    await limiter.wait()
    assert time.now == pytest.approx(before + 0.1)


async def test_a_stream_that_is_cancelled_while_it_waits_gives_its_turn_to_the_next() -> None:
    gate = asyncio.Event()
    time = Time()

    async def sleep(seconds: float) -> None:
        await gate.wait()
        time.now += seconds

    limiter = RateLimiter(1, sleep=sleep, clock=time.clock)
    await limiter.wait()
    waiting = [asyncio.create_task(limiter.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    gate.set()
    await waiting[2]
    assert time.now == pytest.approx(101)


async def test_all_streams_of_a_function_share_its_limit() -> None:
    @rate_limit(requests_per_second=1000)
    async def one() -> AsyncGenerator[float, None]:
        yield asyncio.get_running_loop().time()

    times = sorted([at for n in range(5) async for at in one()])
    assert times[-1] - times[0] >= 0.004 - 0.0005


def test_a_rate_of_nothing_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(ValueError, match="nothing through"):
        RateLimiter(0)


async def test_a_stream_that_takes_too_long_is_closed_and_raises_timed_out() -> None:
    closed = asyncio.Event()

    @time_limit(0.02)
    async def slow() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    stream = slow()
    assert await anext(stream) == 1
    with pytest.raises(TimedOut, match=r"0\.02 s"):
        await anext(stream)
    assert closed.is_set()


async def test_the_time_limit_is_for_the_whole_and_not_for_each_item() -> None:
    @time_limit(0.05)
    async def endless() -> AsyncGenerator[int, None]:
        while True:
            await asyncio.sleep(0.001)
            yield 1

    async def consume() -> None:
        async for _ in endless():
            pass

    with pytest.raises(TimedOut):
        await asyncio.wait_for(consume(), 60)


async def test_a_time_out_within_the_stream_passes_unchanged() -> None:
    @time_limit(60)
    async def failing() -> AsyncGenerator[int, None]:
        raise TimeoutError("its own")
        yield

    with pytest.raises(TimeoutError, match="its own"):
        await anext(failing())
