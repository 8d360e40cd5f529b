"""Monitoring: counts and times of the streams of a function, without touching what flows through them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

from msgspec import Struct, field

from ragcli.streams.relay import Around
from ragcli.streams.trace import NOTHING, begun, kind_of

P = ParamSpec("P")
Y = TypeVar("Y")
S = TypeVar("S")

Outcome = Literal["finished", "failed", "closed"]


class Record(Struct, frozen=True, kw_only=True):
    """One stream: how it ended, and when its items came."""

    outcome: Outcome
    failure: str = ""
    items: int = 0
    first_item_s: float | None = None
    seconds: float = 0.0

    @property
    def items_per_s(self) -> float | None:
        """Of the items after the first one; None where that says nothing."""
        if self.first_item_s is None or self.items < 2 or self.seconds <= self.first_item_s:
            return None
        return (self.items - 1) / (self.seconds - self.first_item_s)


class Stats(Struct, kw_only=True):
    """Sums over all streams so far, and the last one that ended. `failures` counts by the kind of error."""

    name: str = ""
    started: int = 0
    finished: int = 0
    failed: int = 0
    closed: int = 0
    items: int = 0
    seconds: float = 0.0
    first_items: int = 0
    first_item_s: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    last: Record | None = None

    @property
    def running(self) -> int:
        return self.started - self.finished - self.failed - self.closed

    @property
    def mean_first_item_s(self) -> float | None:
        return self.first_item_s / self.first_items if self.first_items else None

    @property
    def mean_items_per_s(self) -> float | None:
        """Of the items after the first ones."""
        seconds = self.seconds - self.first_item_s
        return (self.items - self.first_items) / seconds if self.items > self.first_items and seconds > 0 else None

    def add(self, record: Record) -> None:
        self.last = record
        self.items += record.items
        self.seconds += record.seconds
        if record.first_item_s is not None:
            self.first_items += 1
            self.first_item_s += record.first_item_s
        match record.outcome:
            case "finished":
                self.finished += 1
            case "closed":
                self.closed += 1
            case "failed":
                self.failed += 1
                self.failures[record.failure] += 1


def monitored(
    stats: Stats,
    *,
    clock: Callable[[], float] = time.perf_counter,
    ended: Callable[[Record], None] | None = None,
    span: str = "stream",
) -> Callable[[Callable[P, AsyncGenerator[Y, S]]], Callable[P, AsyncGenerator[Y, S]]]:
    """Adds each stream of the function to `stats` when it ends, and tells `ended` of it; in a trace it is a `span`.

    Counted from the first step. A stream that its consumer closed, cancelled or dropped counts as closed.
    """

    def decorate(function: Callable[P, AsyncGenerator[Y, S]]) -> Callable[P, AsyncGenerator[Y, S]]:
        @wraps(function)
        def watching(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
            return _Watched(function(*args, **kwargs), stats, clock, ended, span)

        return watching

    return decorate


class _Watched(Around[Y, S]):
    """What is known of one stream while it runs."""

    def __init__(
        self,
        stream: AsyncGenerator[Y, S],
        stats: Stats,
        clock: Callable[[], float],
        told: Callable[[Record], None] | None,
        span: str,
    ) -> None:
        super().__init__(stream)
        self._stats, self._clock, self._told = stats, clock, told
        self._name, self._span = span, NOTHING
        self._began: float | None = None
        self._first_item_s: float | None = None
        self._items = 0
        self._open = True

    async def around(self, step: Awaitable[Y]) -> Y:
        if self._began is None:
            self._began = self._clock()
            self._stats.started += 1
            self._span = begun(self._name)
        try:
            item = await step
        except StopAsyncIteration:
            self._end("finished")
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self._end("closed")
            raise
        except BaseException as error:
            self._end("failed", kind_of(error))
            raise
        self._items += 1
        if self._first_item_s is None:
            self._first_item_s = self._clock() - self._began
        return item

    def ended(self) -> None:
        self._end("closed")

    def _end(self, outcome: Outcome, failure: str = "") -> None:
        if not self._open or self._began is None:
            return
        self._open = False
        record = Record(
            outcome=outcome,
            failure=failure,
            items=self._items,
            first_item_s=self._first_item_s,
            seconds=self._clock() - self._began,
        )
        self._stats.add(record)
        self._span.note(
            of=self._stats.name,
            outcome=outcome,
            items=record.items,
            first_item_ms=None if record.first_item_s is None else record.first_item_s * 1000,
            items_per_s=record.items_per_s,
        )
        self._span.end(failure)
        if self._told is not None:
            self._told(record)
