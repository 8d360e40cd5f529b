"""question -> rewrite -> (cache | flight): the events of an answer, from a tier that has it or from one shared making.

What listens hears the same events either way and may reply the same. A pick among the sources is part of the key: it
is looked up anew, and made from those sources where nobody has asked that yet.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from ragcli.answer.flights import Shared
from ragcli.answer.tiers import AnswerCache, Hit, told
from ragcli.ports import CacheKey
from ragcli.streams.operators import interruptible
from ragcli.types import (
    Answer,
    CacheTier,
    Done,
    Event,
    Notice,
    Pick,
    Reply,
    Retrieval,
    Rewritten,
    Search,
    Source,
    SourcesFound,
    Stop,
    Timings,
    Token,
    Turn,
    Usage,
)

if TYPE_CHECKING:
    from ragcli.answer.rewrite import Rewriter
    from ragcli.answer.semantic import Embed


class Making(Protocol):
    """Has an answer made, as `answer.pipeline.answer` does."""

    def __call__(
        self, standalone: str, resume: Answer | None, stop: asyncio.Event
    ) -> AsyncGenerator[Event, Reply | None]: ...


class Scope(Struct, frozen=True):
    """What an answer depends on beside the question: `settled` are all settings that decide it, in a fixed order."""

    collection: str
    generation: int
    settled: bytes

    def key(self, question: str, history: Sequence[Turn] = (), picked: Sequence[Source] = ()) -> CacheKey:
        """`history` is what a question that was not made to stand alone may still be understood from."""
        digest = hashlib.sha256(f"{self.collection}\n{self.generation}\n".encode())
        digest.update(self.settled)
        for turn in history:
            digest.update(repr((turn.question, turn.answer)).encode("utf-8", "surrogatepass"))
        if picked:
            digest.update(repr([(source.n, source.path, source.text) for source in picked]).encode())
        return CacheKey(
            collection=self.collection,
            generation=self.generation,
            scope=digest.hexdigest(),
            question=" ".join(question.split()),
        )


async def cached(
    question: str,
    *,
    cache: AnswerCache,
    scope: Scope,
    make: Making,
    provider: tuple[str, str],
    rewriter: Rewriter,
    embed: Embed | None = None,
    history: Sequence[Turn] = (),
    session: str | None = None,
    stop: asyncio.Event | None = None,
    renew: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> AsyncGenerator[Event, Reply | None]:
    """As `pipeline.answer`; `renew` has the answer made again and kept in place of the one that there is.

    `provider` names who answers, and its model. `embed` lets the semantic tier take part.
    """
    stop = stop or asyncio.Event()
    seat = _Seat(question, session, provider, clock)
    standalone = await _rewritten(question, history, rewriter, stop)
    if standalone is None:
        yield await seat.stopped()
        return
    if standalone != question and isinstance((yield Rewritten(standalone)), Stop):
        yield await seat.stopped()
        return
    context = _unsaid(question, history) if standalone == question else ()
    key = scope.key(standalone, context)

    picked: tuple[Source, ...] = ()
    while True:
        told_of: list[Notice] = []
        hit = None if renew else await cache.find(key, embed if not picked else None, told_of.append)
        for notice in told_of:
            yield notice
        if hit is None and not renew:
            hit = await cache.landed(key)
        if hit is not None:
            events = _replayed(hit, standalone, cache.clock(), quietly=bool(picked))
            seat.tier = hit.tier
        else:
            events = _made(seat, cache, key, make, standalone, picked, embed if not picked else None, stop, renew)
        other: Pick | Search | None = None
        async with aclosing(events):
            async for event in events:
                if picked and isinstance(event, SourcesFound):
                    continue
                mine = seat.took(event)
                reply = yield mine
                if isinstance(mine, Done):
                    return
                if isinstance(reply, Stop):
                    stop.set()
                if hit is not None and stop.is_set():
                    break
                if isinstance(mine, SourcesFound) and (other := _other(reply, seat.sources)):
                    break
        if other is None:
            yield await seat.stopped()
            return
        picked = _picked(other, seat.sources)
        if not picked:
            break
        seat.sources = picked
        key = scope.key(standalone, context, picked)
    async with aclosing(_alone(make(standalone, None, stop), other)) as rest:
        event = await anext(rest)
        while not isinstance(event, Done):
            event = await rest.asend((yield event))
        yield replace(event, answer=replace(event.answer, question=question, session=session))


class _Seat(Struct):
    """What one listener has seen of an answer, and what of it is its own."""

    question: str
    session: str | None
    provider: tuple[str, str]
    clock: Callable[[], float]
    tier: CacheTier = "miss"
    started: float = 0.0
    first_token_ms: float | None = None
    sources: tuple[Source, ...] = ()
    pieces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def took(self, event: Event) -> Event:
        match event:
            case SourcesFound(retrieval):
                self.sources = retrieval.sources
            case Token(text):
                if self.first_token_ms is None:
                    self.first_token_ms = self._elapsed()
                self.pieces.append(text)
            case Usage() if self.tier != "miss":
                return Usage(estimated=False)
            case Done(answer, error):
                return Done(self._own(answer), error)
            case _:
                pass
        return event

    async def stopped(self) -> Done:
        """The part that came, checked in a thread."""
        from ragcli.answer.verify import verify

        text = "".join(self.pieces)
        checked = await asyncio.to_thread(verify, text, self.sources)
        answer = Answer(
            question=self.question,
            answer=text,
            finish="interrupted",
            grounded=checked.grounded,
            sources=self.sources,
            citations=checked.citations,
            provider=self.provider[0],
            model=self.provider[1],
        )
        return Done(self._own(answer))

    def _own(self, answer: Answer) -> Answer:
        timings = Timings(
            retrieve_ms=answer.timings.retrieve_ms,
            first_token_ms=self.first_token_ms,
            total_ms=self._elapsed(),
            tokens_per_s=answer.timings.tokens_per_s,
        )
        usage = answer.usage if self.tier == "miss" else Usage(estimated=False)
        return replace(
            answer,
            question=self.question,
            session=self.session,
            cache=self.tier,
            timings=timings,
            usage=usage,
            gist=answer.gist if self.tier == "miss" else None,
        )

    def _elapsed(self) -> float:
        return (self.clock() - self.started) * 1000


async def _rewritten(question: str, history: Sequence[Turn], rewriter: Rewriter, stop: asyncio.Event) -> str | None:
    """None where `stop` was set meanwhile."""
    if not history:
        return question

    async def once() -> AsyncGenerator[str, None]:
        yield await rewriter(question, history)

    async with aclosing(interruptible(once(), stop)) as results:
        async for standalone in results:
            return standalone
    return None


def _unsaid(question: str, history: Sequence[Turn]) -> Sequence[Turn]:
    """The chat before the question was put for the first time: to ask the same again at once changes nothing."""
    turns = list(history)
    while turns and turns[-1].question == question:
        turns.pop()
    return turns


async def _replayed(hit: Hit, question: str, now: float, *, quietly: bool) -> AsyncGenerator[Event, None]:
    """The events of an answer that was kept, line by line."""
    answer = hit.cached.answer
    yield told(hit, " ".join(question.split()), now)
    if not quietly:
        yield SourcesFound(
            Retrieval(query=hit.cached.asked, mode="hybrid", sources=answer.sources, confidence=1.0, relevant=True)
        )
    for line in answer.answer.splitlines(keepends=True):
        yield Token(line)
    yield Usage()
    yield Done(answer)


async def _made(
    seat: _Seat,
    cache: AnswerCache,
    key: CacheKey,
    make: Making,
    standalone: str,
    picked: tuple[Source, ...],
    embed: Embed | None,
    stop: asyncio.Event,
    renew: bool,
) -> AsyncGenerator[Event, None]:
    """Rides in the flight to this answer; `stop` ends the flight where nobody else rides."""

    def begin(resume: Answer | None, ending: asyncio.Event) -> AsyncGenerator[Event, Reply | None]:
        if resume is None and picked:
            resume = Answer(question=standalone, sources=picked)
        return make(standalone, resume, ending)

    async def landed(answer: Answer, foreign: bool) -> list[Notice]:
        notices: list[Notice] = []
        if foreign:
            await cache.hold(key, answer)
        else:
            await cache.keep(key, answer, embed, notices.append)
        return notices

    flight, first = cache.flights.board(key.digest, begin, landed, anew=renew)
    try:
        seen = 0
        async with aclosing(interruptible(flight.events(), stop)) as events:
            async for event in events:
                seen += 1
                seat.tier = _tier(flight, first)
                yield event
        if stop.is_set() and flight.alone and seat.pieces:
            flight.stop.set()
            async with aclosing(flight.events(seen)) as events:
                async for event in events:
                    yield event
    finally:
        await cache.flights.leave(flight)


def _tier(flight: Shared, first: bool) -> CacheTier:
    """Who rides along in another's flight is served from memory, or from Redis where that is another process's."""
    if flight.foreign:
        return "redis"
    return "miss" if first else "memory"


def _other(reply: Reply | None, sources: Sequence[Source]) -> Pick | Search | None:
    """The reply, where it asks for other sources than these."""
    if isinstance(reply, Pick):
        return reply if {source.n for source in _picked(reply, sources)} != {source.n for source in sources} else None
    return reply if isinstance(reply, Search) else None


def _picked(reply: Pick | Search, sources: Sequence[Source]) -> tuple[Source, ...]:
    return tuple(source for source in sources if isinstance(reply, Pick) and source.n in reply.numbers)


async def _alone(events: AsyncGenerator[Event, Reply | None], reply: Reply) -> AsyncGenerator[Event, Reply | None]:
    """An answer of its own that is told `reply` when it has found its sources, which were shown before."""
    async with aclosing(events):
        event = await anext(events)
        while not isinstance(event, SourcesFound | Done):
            event = await anext(events)
        if isinstance(event, SourcesFound):
            event = await events.asend(reply)
        while True:
            answer = yield event
            if isinstance(event, Done):
                return
            event = await events.asend(answer)
