"""What `yield from` is to generators, for async generators, which the language lacks: delegation in both directions.

Follows PEP 380: values sent and exceptions thrown go to the inner stream, and closing the outer one closes it. One
addition: the inner stream is opened by a prelude, itself an async generator, that may yield items of its own first.
The decorators of this package are such preludes, or put something around each step.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

N = TypeVar("N")
Y = TypeVar("Y")
S = TypeVar("S")


class Opened(Struct, Generic[Y, S], frozen=True):
    """A stream that has yielded its first item, which is still to be handed on."""

    stream: AsyncGenerator[Y, S]
    first: Y


class Aside(Struct, Generic[N], frozen=True):
    """An item of the prelude's own, handed on before the stream has any."""

    item: N


async def relay(prelude: AsyncGenerator[Aside[N] | Opened[Y, S], None]) -> AsyncGenerator[N | Y, S]:
    """The asides of the prelude up to an `Opened`, then the items of the opened stream; a prelude may end without one.

    A value that is sent in reply to an aside goes nowhere: no stream is there yet to take it.
    """
    try:
        async for step in prelude:
            if isinstance(step, Opened):
                break
            yield step.item
        else:
            return
    finally:
        await prelude.aclose()

    stream: AsyncGenerator[Y, S] = step.stream
    item: Y = step.first
    try:
        while True:
            try:
                reply = yield item
            except GeneratorExit:
                raise
            except BaseException as error:
                item = await stream.athrow(error)
            else:
                item = await stream.asend(reply)
    except StopAsyncIteration:
        return
    finally:
        await stream.aclose()


def around_steps(
    stream: AsyncGenerator[Y, S], around: Callable[[Awaitable[Y]], Awaitable[Y]], ended: Callable[[], None]
) -> AsyncGenerator[Y, S]:
    """The stream, each of whose steps (to its next item, its end or its error) is awaited by `around`.

    `ended` is called when no more steps follow, however that came about.
    """

    async def prelude() -> AsyncGenerator[Opened[Y, S], None]:
        steps = _Steps(stream, around, ended)
        async for first in steps:
            yield Opened(steps, first)
            return

    return relay(prelude())


class _Steps(AsyncGenerator[Y, S]):
    def __init__(
        self,
        stream: AsyncGenerator[Y, S],
        around: Callable[[Awaitable[Y]], Awaitable[Y]],
        ended: Callable[[], None],
    ) -> None:
        self._stream, self._around, self._ended = stream, around, ended

    async def asend(self, value: S) -> Y:
        return await self._step(self._stream.asend(value))

    async def athrow(self, *error: Any) -> Y:
        return await self._step(self._stream.athrow(*error))

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._ended()

    async def _step(self, step: Awaitable[Y]) -> Y:
        try:
            return await self._around(step)
        except BaseException:
            self._ended()
            raise
