"""Operators over async iterators: what `itertools` is to iterators, with concurrency and bounded memory.

Each is an async generator that owns its source: when it ends, fails, is closed, cancelled or garbage-collected, the
source is closed and every task it started has ended. Items keep their order, and an error comes out at its place,
after the items before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from ragcli.streams.step import Step

T = TypeVar("T")
R = TypeVar("R")


async def map_concurrent(
    source: AsyncIterable[T], function: Callable[[T], Awaitable[R]], *, limit: int
) -> AsyncGenerator[R, None]:
    """`function` of every item, in the order of the source, at most `limit` calls in flight or waiting to be taken.

    The first error ends the stream; calls that were in flight behind it are cancelled.
    """
    calls: set[asyncio.Task[R]] = set()

    async def call(item: T) -> R:
        return await function(item)

    async def start() -> AsyncGenerator[asyncio.Task[R], None]:
        async with _closing(source) as items:
            async for item in items:
                task = asyncio.create_task(call(item))
                calls.add(task)
                yield task

    ahead = _Ahead(start(), limit)
    try:
        async for task in ahead:
            result = await task
            calls.discard(task)
            ahead.release()
            yield result
        ahead.check()
    finally:
        try:
            await ahead.aclose()
        finally:
            for task in calls:
                task.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


async def batched(
    source: AsyncIterable[T], size: int, *, first: int | None = None, seconds: float | None = None
) -> AsyncGenerator[list[T], None]:
    """Lists of `size` items, the last one shorter; with `seconds`, none waits longer than that for its last item.

    The time counts from the first item of a batch. With `first`, the first list has so many items, and each next one
    twice as many as the one before it, up to `size`.
    """
    full = min(first or size, size)
    batch: list[T] = []
    due = 0.0
    ahead = _Ahead(source, full)
    try:
        while True:
            try:
                async with asyncio.timeout_at(due if batch and seconds is not None else None):
                    item = await anext(ahead)
            except TimeoutError:
                yield batch
                batch = []
                continue
            except StopAsyncIteration:
                break
            ahead.release()
            if not batch and seconds is not None:
                due = asyncio.get_running_loop().time() + seconds
            batch.append(item)
            if len(batch) == full:
                yield batch
                grown = min(2 * full, size)
                for _ in range(grown - full):
                    ahead.release()
                batch, full = [], grown
        if batch:
            yield batch
        ahead.check()
    finally:
        await ahead.aclose()


async def buffered(source: AsyncIterable[T], limit: int) -> AsyncGenerator[T, None]:
    """The items of the source, which runs in a task of its own, at most `limit` items ahead."""
    ahead = _Ahead(source, limit)
    try:
        async for item in ahead:
            ahead.release()
            yield item
        ahead.check()
    finally:
        await ahead.aclose()


async def interruptible(stream: AsyncIterable[T], stop: asyncio.Event) -> AsyncGenerator[T, None]:
    """The items of the stream until `stop` is set; then closes the stream and ends, also while it waits for an item.

    The stream runs in the caller's task, as without this operator.
    """
    step = Step()
    watcher = asyncio.ensure_future(stop.wait())
    watcher.add_done_callback(lambda watcher: None if watcher.cancelled() else step.interrupt())
    try:
        async with _closing(stream) as items:
            while not stop.is_set():
                with step:
                    try:
                        item = await anext(items)
                    except StopAsyncIteration:
                        return
                if step.interrupted:
                    return
                yield item
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


class _Ahead(Generic[T]):
    """Iterates a source in a task of its own and holds at most `limit` items that were not yet released.

    Iterating it ends where the source ends or fails; `check` then raises what it failed with.
    """

    def __init__(self, source: AsyncIterable[T], limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a limit of {limit} would let nothing through")
        self._room = asyncio.Semaphore(limit)
        self._items: asyncio.Queue[T | _End] = asyncio.Queue()
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._run(source))

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        item = await self._items.get()
        if isinstance(item, _End):
            raise StopAsyncIteration
        return item

    def release(self) -> None:
        self._room.release()

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    async def aclose(self) -> None:
        """Ends the task and closes the source; raises an error only where closing itself failed."""
        known = self._error
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._error is not known:
            self.check()

    async def _run(self, source: AsyncIterable[T]) -> None:
        try:
            async with _closing(source) as items:
                await self._room.acquire()
                async for item in items:
                    self._items.put_nowait(item)
                    await self._room.acquire()
        except Exception as error:
            self._error = error
        finally:
            self._items.put_nowait(_End())


class _End:
    """Stands behind the last item of a source."""


@asynccontextmanager
async def _closing(source: AsyncIterable[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """Iterates a source and closes it, where it is one that can be closed."""
    items = aiter(source)
    try:
        yield items
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()
