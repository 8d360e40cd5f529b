"""One stream that the event loop closes as a whole, in place of all the async generators that it is made of.

A loop closes the generators that nobody holds any more, and those that are open when it ends, each in a task of its
own and in any order. Of generators inside each other one is then closed by two at once, which fails aloud and leaves
behind what they hold. So the loop does not get to know these; they are closed from the outside in.
"""

from __future__ import annotations

import asyncio
import sys
import types
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Y = TypeVar("Y")
S = TypeVar("S")
T = TypeVar("T")


def sheltered(function: Callable[P, AsyncGenerator[Y, S]]) -> Callable[P, AsyncGenerator[Y, S]]:
    """For the outermost generator: closed in order, with all inside it, wherever it was dropped or left open.

    A generator that begins inside must be closed by the one that began it, as `aclosing` does.
    """

    @wraps(function)
    def outermost(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
        return _Sheltered(function(*args, **kwargs))

    return outermost


class _Sheltered(AsyncGenerator[Y, S]):
    def __init__(self, stream: AsyncGenerator[Y, S]) -> None:
        self._stream = stream
        self._keeper: _Keeper | None = None

    def __anext__(self) -> Awaitable[Y]:  # type: ignore[override]  # what is awaitable is enough
        return self._step(self._stream.__anext__)

    def asend(self, value: S) -> Awaitable[Y]:  # type: ignore[override]
        return self._step(self._stream.asend, value)

    def athrow(self, *error: Any) -> Awaitable[Y]:  # type: ignore[override]
        return self._step(self._stream.athrow, *error)

    async def aclose(self) -> None:
        try:
            await _unnoticed(self._stream.aclose)
        finally:
            self._ended()

    def __del__(self) -> None:
        if self._keeper is not None:
            self._keeper.dropped(self._stream)

    async def _step(self, begin: Callable[..., Awaitable[Y]], *arguments: Any) -> Y:
        if self._keeper is None:
            self._keeper = await _keeper_here()
            self._keeper.open[self._stream] = None
        try:
            return await _unnoticed(begin, *arguments)
        except BaseException:
            self._ended()
            raise

    def _ended(self) -> None:
        if self._keeper is not None:
            self._keeper.open.pop(self._stream, None)
            self._keeper = None


class _Keeper:
    """The streams of one event loop that have begun, each with the task that closes it since it was dropped."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.open: dict[AsyncGenerator[Any, Any], asyncio.Task[None] | None] = {}
        self._loop = weakref.ref(loop)
        self._end = self._close_at_end()

    async def start(self) -> None:
        await anext(self._end)  # from here on the loop knows one generator, which stands for all

    def dropped(self, stream: AsyncGenerator[Any, Any]) -> None:
        """Called by the garbage collector, in whatever thread."""
        loop = self._loop()
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed, and the stream with it
                loop.call_soon_threadsafe(self._close_soon, stream)

    def _close_soon(self, stream: AsyncGenerator[Any, Any]) -> None:
        if stream in self.open:
            self.open[stream] = asyncio.get_running_loop().create_task(self._close(stream))

    async def _close(self, stream: AsyncGenerator[Any, Any]) -> None:
        try:
            await _unnoticed(stream.aclose)
        finally:
            self.open.pop(stream, None)

    async def _close_at_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for stream, closing in list(self.open.items()):
                if closing is None or closing.cancelled():  # before it had begun
                    await self._close(stream)
                else:
                    await asyncio.wait({closing})


_keepers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Keeper] = weakref.WeakKeyDictionary()


async def _keeper_here() -> _Keeper:
    loop = asyncio.get_running_loop()
    keeper = _keepers.get(loop)
    if keeper is None:
        keeper = _keepers[loop] = _Keeper(loop)
        await keeper.start()
    return keeper


@types.coroutine
def _unnoticed(begin: Callable[..., Awaitable[T]], *arguments: Any) -> Generator[Any, Any, T]:
    """Awaits `begin(*arguments)`; the loop's hook for new generators (PEP 525) is off while that runs."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, hooks.finalizer)
    try:
        steps = begin(*arguments).__await__()
        waits_for = next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # it carries what a coroutine returns, untyped
    finally:
        sys.set_asyncgen_hooks(*hooks)
    while True:
        error: BaseException | None = None
        value = None
        try:
            value = yield waits_for
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as thrown:
            error = thrown
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, hooks.finalizer)
        try:
            waits_for = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            sys.set_asyncgen_hooks(*hooks)
