"""Monitoring counts each stream once, under the way in which it ended."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from ragcli.errors import RateLimited
from ragcli.streams.monitor import Record, Stats, monitored


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stats() -> Stats:
    return Stats(name="chat")


async def test_a_finished_stream_counts_its_items_and_their_times(stats: Stats, clock: Clock) -> None:
    ended: list[Record] = []

    @monitored(stats, clock=clock, ended=ended.append)
    async def tokens() -> AsyncGenerator[str, None]:
        for token in "这是 an answer".split():
            clock.now += 0.5
            yield token

    assert [token async for token in tokens()] == ["这是", "an", "answer"]
    record = Record(outcome="finished", items=3, first_item_s=0.5, seconds=1.5)
    assert stats.last == record
    assert ended == [record]
    assert record.items_per_s == 2.0
    assert (stats.started, stats.finished, stats.running, stats.items) == (1, 1, 0, 3)
    assert stats.mean_first_item_s == 0.5
    assert stats.mean_items_per_s == 2.0


async def test_failures_are_counted_by_kind(stats: Stats) -> None:
    errors = [RateLimited("slow"), RateLimited("slow"), ValueError("bug")]

    @monitored(stats)
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise errors.pop()

    async def consume() -> None:
        async for _ in failing():
            pass

    for _ in range(3):
        with pytest.raises((RateLimited, ValueError)):
            await consume()
    assert stats.failures == Counter(rate_limited=2, ValueError=1)
    assert (stats.failed, stats.running) == (3, 0)


async def test_closed_cancelled_and_dropped_streams_count_as_closed(stats: Stats) -> None:
    @monitored(stats)
    async def endless() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.Event().wait()

    closed = endless()
    await anext(closed)
    assert stats.running == 1
    await closed.aclose()

    cancelled = endless()
    await anext(cancelled)
    task = asyncio.ensure_future(anext(cancelled))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await anext(endless())
    gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (stats.started, stats.closed, stats.failed, stats.running) == (3, 3, 0, 0)


def test_a_rate_is_only_given_where_it_says_something() -> None:
    assert Record(outcome="finished", items=1, first_item_s=0.1, seconds=0.1).items_per_s is None
    assert Record(outcome="failed").items_per_s is None
    assert Stats().mean_first_item_s is None
    assert Stats().mean_items_per_s is None
