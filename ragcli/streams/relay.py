"""What `yield from` is to generators, for async generators, which the language lacks: delegation in both directions.

Follows PEP 380: values sent and exceptions thrown go to the inner stream, and closing the outer one closes it. One
addition: the inner stream is opened by a prelude, itself an async generator, that may yield items of its own first.
The decorators of this package are such preludes, or put something around each step.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable
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


def relay(prelude: AsyncGenerator[Aside[N] | Opened[Y, S], None]) -> AsyncGenerator[N | Y, S]:
    """The asides of the prelude up to an `Opened`, then the items of the opened stream; a prelude may end without one.

    A value that is sent in reply to an aside goes nowhere: no stream is there yet to take it.
    """
    return _Relay(prelude)


class Around(AsyncGenerator[Y, S]):
    """A stream with something around each of its steps (to its next item, its end or its error): `around` says what.

    Where the stream ends or fails, `around` hears of it by what it awaits. `ended` is called where it was closed or
    dropped instead; it may be called more than once.
    """

    def __init__(self, stream: AsyncGenerator[Y, S]) -> None:
        self._stream = stream

    @abstractmethod
    async def around(self, step: Awaitable[Y]) -> Y:
        """What the step brings. Raises what it raises."""

    def ended(self) -> None:
        """No more steps follow."""

    def __anext__(self) -> Awaitable[Y]:  # type: ignore[override]  # what is awaitable is enough
        return self.around(self._stream.__anext__())

    def asend(self, value: S) -> Awaitable[Y]:  # type: ignore[override]
        return self.around(self._stream.asend(value))

    def athrow(self, *error: Any) -> Awaitable[Y]:  # type: ignore[override]
        return self.around(self._stream.athrow(*error))

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self.ended()

    def __del__(self) -> None:
        self.ended()


class _Relay(AsyncGenerator[N | Y, S]):
    """Once the stream is open, nothing stands between it and the consumer: its own steps are handed out."""

    def __init__(self, prelude: AsyncGenerator[Aside[N] | Opened[Y, S], None]) -> None:
        self._prelude = prelude
        self._stream: AsyncGenerator[Y, S] | None = None

    def __anext__(self) -> Awaitable[N | Y]:  # type: ignore[override]  # what is awaitable is enough
        return self._open(self._prelude.__anext__()) if self._stream is None else self._stream.__anext__()

    def asend(self, value: S) -> Awaitable[N | Y]:  # type: ignore[override]
        return self._open(self._prelude.__anext__()) if self._stream is None else self._stream.asend(value)

    def athrow(self, *error: Any) -> Awaitable[N | Y]:  # type: ignore[override]
        return self._open(self._prelude.athrow(*error)) if self._stream is None else self._stream.athrow(*error)

    async def aclose(self) -> None:
        await self._prelude.aclose()
        if self._stream is not None:
            await self._stream.aclose()

    async def _open(self, opening: Awaitable[Aside[N] | Opened[Y, S]]) -> N | Y:
        step = await opening
        if isinstance(step, Aside):
            return step.item
        self._stream = step.stream
        await self._prelude.aclose()
        return step.first
