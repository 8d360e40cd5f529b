"""Spans around the steps of a journey, for whoever traces it; where nobody does, they cost next to nothing.

The span that a piece of code runs in is known from its context, so that nobody hands it down. It is set while code
runs and taken back before anything is yielded: a generator and its consumer share one context.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ragcli.errors import RagcliError
from ragcli.ports.tracing import Span, Tracer
from ragcli.streams.relay import Around

P = ParamSpec("P")
Y = TypeVar("Y")
S = TypeVar("S")


class _Nothing:
    """The span where nobody traces."""

    def child(self, name: str) -> Span:
        return self

    def note(self, **facts: str | float | bool | None) -> None:
        pass

    def end(self, failure: str = "") -> None:
        pass


NOTHING: Span = _Nothing()
_current: ContextVar[Span] = ContextVar("span", default=NOTHING)


def current() -> Span:
    """The span that this code runs in."""
    return _current.get()


def begun(name: str) -> Span:
    """A span inside the current one, to be ended by whoever asked for it; others do not begin inside it."""
    return _current.get().child(name)


@contextmanager
def stage(name: str) -> Iterator[Span]:
    """A span inside the current one, which others begin inside; for a block that yields nothing."""
    outer = _current.get()
    if outer is NOTHING:
        yield outer
        return
    span = outer.child(name)
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.end(kind_of(error))
        raise
    finally:
        _current.reset(token)
        span.end()


def traced(
    name: str,
    tracer: Tracer | None,
    stream: AsyncGenerator[Y, S],
    *,
    facts: Callable[[Y], Mapping[str, float]] = lambda item: {},
) -> AsyncGenerator[Y, S]:
    """The stream, its steps inside a span that lasts from the first one to the end; `facts` of items are noted."""
    if tracer is None:
        return stream
    return _Inside(stream, name, tracer, facts)


class _Inside(Around[Y, S]):
    def __init__(
        self, stream: AsyncGenerator[Y, S], name: str, tracer: Tracer, facts: Callable[[Y], Mapping[str, float]]
    ) -> None:
        super().__init__(stream)
        self._name, self._tracer, self._facts = name, tracer, facts
        self._span = NOTHING

    async def around(self, step: Awaitable[Y]) -> Y:
        if self._span is NOTHING:
            self._span = self._tracer.span(self._name)
        token = _current.set(self._span)
        try:
            item = await step
            self._span.note(**self._facts(item))
            return item
        except StopAsyncIteration:
            self._span.end()
            raise
        except BaseException as error:
            self._span.end(kind_of(error))
            raise
        finally:
            _current.reset(token)

    def ended(self) -> None:
        self._span.end()


class Traced(Protocol):
    """What has a tracer, or None where nobody watches."""

    tracer: Tracer | None


T = TypeVar("T", bound=Traced)


def as_span(
    name: str,
) -> Callable[[Callable[Concatenate[T, P], AsyncGenerator[Y, S]]], Callable[Concatenate[T, P], AsyncGenerator[Y, S]]]:
    """`traced` for a method of an object with a `tracer`."""

    def decorate(
        method: Callable[Concatenate[T, P], AsyncGenerator[Y, S]],
    ) -> Callable[Concatenate[T, P], AsyncGenerator[Y, S]]:
        @wraps(method)
        def call(self: T, /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
            return traced(name, self.tracer, method(self, *args, **kwargs))

        return call

    return decorate


def kind_of(error: BaseException) -> str:
    """How monitoring names an error; closing and cancelling are none."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return ""
    return error.kind if isinstance(error, RagcliError) else type(error).__name__
