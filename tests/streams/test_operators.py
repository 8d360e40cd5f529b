"""Operators keep order, bounds and errors in place, and leave nothing open however they end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.streams.operators import batched, buffered, interruptible, map_concurrent


class Source:
    """Yields items and then raises `error`; tells how many were taken and whether it was closed."""

    def __init__(self, items: Sequence[object], *, error: Exception | None = None, hang: bool = False) -> None:
        self.items, self.error, self.hang = items, error, hang
        self.taken = 0
        self.closed = asyncio.Event()

    async def __call__(self) -> AsyncGenerator[object, None]:
        try:
            for item in self.items:
                self.taken += 1
                yield item
            if self.hang:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
        finally:
            await asyncio.sleep(0)  # closing may need the loop
            self.closed.set()


async def drain(stream: AsyncGenerator[object, None], seen: list[object]) -> None:
    async for item in stream:
        seen.append(item)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
async def no_task_is_left():  # type: ignore[no-untyped-def]
    before = asyncio.all_tasks()
    yield
    gc.collect()
    await settle()
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


async def echo(item: object) -> object:
    await asyncio.sleep(0)
    return item


OPERATORS = {
    "map_concurrent": lambda source: map_concurrent(source, echo, limit=3),
    "batched": lambda source: batched(source, 2),
    "batched by time": lambda source: batched(source, 2, seconds=30),
    "buffered": lambda source: buffered(source, 3),
    "interruptible": lambda source: interruptible(source, asyncio.Event()),
}


@pytest.fixture(params=OPERATORS)
def operator(request):  # type: ignore[no-untyped-def]
    return OPERATORS[request.param]


def flat(results: Sequence[object]) -> list[object]:
    return [item for result in results for item in (result if isinstance(result, list) else [result])]


async def test_every_item_comes_out_once_and_in_order(operator) -> None:  # type: ignore[no-untyped-def]
    source = Source(["一", "two", "三", "four", "五"])
    assert flat([result async for result in operator(source())]) == source.items
    assert source.closed.is_set()


async def test_an_error_of_the_source_comes_after_the_items_before_it(operator) -> None:  # type: ignore[no-untyped-def]
    source = Source([1, 2, 3], error=OSError("disk gone"))
    seen: list[object] = []
    with pytest.raises(OSError, match="disk gone"):
        await drain(operator(source()), seen)
    assert flat(seen) == [1, 2, 3]
    assert source.closed.is_set()


async def test_closing_half_way_closes_the_source(operator) -> None:  # type: ignore[no-untyped-def]
    source = Source(range(100), hang=True)
    stream = operator(source())
    await anext(stream)
    await stream.aclose()
    assert source.closed.is_set()
    assert source.taken < 10


async def test_cancelling_the_consumer_closes_the_source(operator) -> None:  # type: ignore[no-untyped-def]
    source = Source([1], hang=True)

    async def consume() -> None:
        async for _ in operator(source()):
            pass

    task = asyncio.create_task(consume())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed.is_set()


async def test_garbage_collection_closes_the_source(operator) -> None:  # type: ignore[no-untyped-def]
    source = Source(range(100), hang=True)

    async def abandon() -> None:
        stream = operator(source())
        await anext(stream)

    await abandon()
    gc.collect()
    await asyncio.wait_for(source.closed.wait(), 60)


async def test_an_error_while_closing_the_source_is_not_swallowed(operator) -> None:  # type: ignore[no-untyped-def]
    async def stubborn() -> AsyncGenerator[int, None]:
        try:
            for n in range(100):
                yield n
            await asyncio.Event().wait()
        finally:
            raise OSError("could not close")

    stream = operator(stubborn())
    await anext(stream)
    with pytest.raises(OSError, match="could not close"):
        await stream.aclose()


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8), st.lists(st.integers(0, 5), min_size=1))
def test_results_keep_the_order_of_the_source_whatever_each_call_takes(
    items: list[int], limit: int, steps: list[int]
) -> None:
    running = peak = 0

    async def double(item: int) -> int:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        for _ in range(steps[item % len(steps)]):
            await asyncio.sleep(0)
        running -= 1
        return 2 * item

    async def collect() -> list[int]:
        return [result async for result in map_concurrent(Source(items)(), double, limit=limit)]

    assert asyncio.run(collect()) == [2 * item for item in items]
    assert peak <= limit


async def test_calls_overlap_up_to_the_limit() -> None:
    together = asyncio.Barrier(4)

    async def meet(item: object) -> object:
        await together.wait()
        return item

    async with asyncio.timeout(5):
        assert [item async for item in map_concurrent(Source(range(8))(), meet, limit=4)] == list(range(8))


async def test_a_failed_call_comes_at_its_place_and_cancels_those_behind_it() -> None:
    cancelled: list[int] = []

    async def call(item: int) -> int:
        if item == 2:
            await settle()
            raise ValueError("second item")
        if item > 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(item)
                raise
        return item

    seen: list[object] = []
    with pytest.raises(ValueError, match="second item"):
        await drain(map_concurrent(Source(range(20))(), call, limit=4), seen)
    assert seen == [0, 1]
    assert sorted(cancelled) == [3, 4, 5]


@given(st.lists(st.integers(), max_size=40), st.integers(1, 7), st.sampled_from([None, 30.0]))
def test_batches_are_full_but_for_the_last(items: list[int], size: int, seconds: float | None) -> None:
    async def collect() -> list[list[object]]:
        return [batch async for batch in batched(Source(items)(), size, seconds=seconds)]

    assert asyncio.run(collect()) == [items[start : start + size] for start in range(0, len(items), size)]


async def test_batches_grow_from_a_small_first_one_and_are_made_no_further_ahead_than_they_are_large() -> None:
    source = Source(range(40))
    sizes = []
    async for batch in batched(source(), 8, first=2):
        sizes.append(len(batch))
        await settle()
        assert source.taken <= sum(sizes) + sizes[-1] + 1
    assert sizes == [2, 4, 8, 8, 8, 8, 2]


async def test_a_batch_is_not_held_back_when_the_source_pauses() -> None:
    go_on = asyncio.Event()

    async def pausing() -> AsyncGenerator[str, None]:
        yield "甲"
        yield "b"
        await go_on.wait()  # set only by whoever got the first batch
        yield "丙"

    batches = []
    async with asyncio.timeout(5):
        async for batch in batched(pausing(), 10, seconds=0.01):
            batches.append(batch)
            go_on.set()
    assert batches == [["甲", "b"], ["丙"]]


async def test_a_time_out_of_the_source_is_not_taken_for_the_batch_being_due() -> None:
    with pytest.raises(TimeoutError):
        async for _ in batched(Source([1], error=TimeoutError())(), 10, seconds=0.01):
            pass


async def test_a_buffer_runs_ahead_of_its_consumer_but_no_further_than_its_limit() -> None:
    source = Source(range(100))
    stream = buffered(source(), 5)
    assert await anext(stream) == 0
    await settle()
    assert source.taken == 6  # the one handed out and five ahead
    await stream.aclose()


@pytest.mark.parametrize("make", [lambda s: buffered(s, 0), lambda s: map_concurrent(s, echo, limit=0)])
async def test_a_limit_below_one_is_an_error_and_not_a_hang(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="limit"):
        await anext(make(Source([1])()))


async def test_stop_ends_a_stream_that_waits_for_its_next_item_and_closes_it() -> None:
    source, stop = Source([1, 2], hang=True), asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    assert [item async for item in interruptible(source(), stop)] == [1, 2]
    assert source.closed.is_set()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_stop_between_two_items_ends_the_stream_before_the_next() -> None:
    source, stop = Source(range(10)), asyncio.Event()
    seen = []
    async for item in interruptible(source(), stop):
        seen.append(item)
        stop.set()
    assert seen == [0]
    assert source.closed.is_set()


async def test_stop_set_beforehand_takes_nothing() -> None:
    source, stop = Source(range(10)), asyncio.Event()
    stop.set()
    assert [item async for item in interruptible(source(), stop)] == []
    assert source.taken == 0


async def test_a_cancellation_together_with_stop_still_cancels() -> None:
    source, stop = Source([1], hang=True), asyncio.Event()

    async def consume() -> None:
        async for _ in interruptible(source(), stop):
            pass

    task = asyncio.create_task(consume())
    await settle()
    stop.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed.is_set()


async def test_a_time_limit_held_open_across_items_works_inside_an_interruptible_stream() -> None:
    """The stream stays in one task, which `asyncio.timeout` needs."""

    async def limited() -> AsyncGenerator[int, None]:
        async with asyncio.timeout(0.01):
            yield 1
            await asyncio.Event().wait()

    seen: list[object] = []
    with pytest.raises(TimeoutError):
        await drain(interruptible(limited(), asyncio.Event()), seen)
    assert seen == [1]


async def test_operators_stack_and_close_through_every_layer() -> None:
    source = Source(range(1000), hang=True)
    stream = interruptible(map_concurrent(buffered(batched(source(), 3, seconds=1), 2), echo, limit=2), asyncio.Event())
    assert await anext(stream) == [0, 1, 2]
    await stream.aclose()
    assert source.closed.is_set()
