"""Equal questions that come at the same time share one answer: it is made once, and everyone rides along.

An answer in the making belongs to its flight, not to who asked first: a task of the flight's own reads the model, and
each passenger reads the flight's log of events from the beginning. So a passenger that leaves, is cancelled or is slow
changes nothing for the others, the last one who leaves ends the flight, and nobody sees a word twice or misses one.
Where the model breaks off and several ride, it is asked once more to go on from the text that came. `shared` joins the
flights of other processes: one of them leads, and the next one goes on from its text where it dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TypeAlias

from msgspec.structs import replace

from ragcli.errors import CacheFailed, TransientError
from ragcli.ports import Flight, Flights, Piece
from ragcli.types import Answer, Done, Event, Notice, Reasoning, Reply, Rewritten, SourcesFound, Token

Make: TypeAlias = Callable[[Answer | None, asyncio.Event], AsyncGenerator[Event, Reply | None]]
"""(what broke off before, stop) -> the events of an answer, as `answer.pipeline.answer` gives them."""
Landed: TypeAlias = Callable[[Answer, bool], Awaitable[Sequence[Notice]]]
"""Is told the finished answer before the passengers are, and whether another process has made it."""

SHOWN_FIRST_S = 0.002
"""How long what nobody here waits for is put off when an answer has come: the loop has its readers to serve first."""
ATTEMPTS = 2
"""How often a model is asked for one flight of several passengers, beside its own retries."""


class LocalFlights:
    """The flights of this process, by the digest of what is asked; belongs to one event loop."""

    def __init__(self, shared: Flights | None = None) -> None:
        self._shared = shared
        self._aloft: dict[str, Shared] = {}
        self._landed: dict[str, asyncio.Task[None]] = {}
        """Flights that everyone has left with the whole answer, and that have yet to tell other processes."""

    def board(self, digest: str, make: Make, landed: Landed, *, anew: bool = False) -> tuple[Shared, bool]:
        """A seat in the flight to this answer, and whether it starts with this passenger; `leave` it in any case.

        One that starts `anew` has nothing to do with what other processes make, or have made just now.
        """
        flight = self._aloft.get(digest)
        first = flight is None or flight.over
        if flight is None or first:
            former = flight.task if flight is not None else self._landed.get(digest)
            flight = self._aloft[digest] = Shared(digest, make, landed, None if anew else self._shared, former)
        flight.passengers += 1
        return flight, first

    async def leave(self, flight: Shared) -> None:
        """The last one who leaves ends the flight; it has let go of its connection then."""
        flight.passengers -= 1
        if not flight.passengers:
            if self._aloft.get(flight.digest) is flight:
                del self._aloft[flight.digest]
            if flight.over:
                self._landed[flight.digest] = flight.task
                flight.task.add_done_callback(lambda _: self._forget(flight))
            else:
                await flight.end()

    async def at_rest(self) -> None:
        """When all others have been told."""
        if self._landed:
            await asyncio.wait(self._landed.values())

    def _forget(self, flight: Shared) -> None:
        if self._landed.get(flight.digest) is flight.task:
            del self._landed[flight.digest]


class Shared:
    """One answer in the making and who waits for it."""

    def __init__(
        self, digest: str, make: Make, landed: Landed, shared: Flights | None, former: asyncio.Task[None] | None
    ) -> None:
        """`former` is the last flight to the same answer, where it has yet to tell how it ended."""
        self.digest = digest
        self.passengers = 0
        self.over = False
        """Whether nothing more will be heard of it; `task` may still have to tell other processes."""
        self.foreign = False
        """Whether another process makes it."""
        self.stop = asyncio.Event()
        """Ends the making, with what came; for the only passenger."""
        self._make = make
        self._landed = landed
        self._shared = shared
        self._former = former
        self._log: list[Event] = []
        self._came = asyncio.Event()
        self._wanted = asyncio.Event()
        self._broken: BaseException | None = None
        self._answer = Answer(question="")
        self.task = asyncio.create_task(self._fly())

    @property
    def alone(self) -> bool:
        return self.passengers == 1 and not self.foreign

    async def events(self, position: int = 0) -> AsyncGenerator[Event, None]:
        """From the beginning; ends with `Done`. Who asks for more after `SourcesFound` is content with them."""
        while True:
            while position < len(self._log):
                event = self._log[position]
                position += 1
                yield event
                if isinstance(event, SourcesFound):
                    self._wanted.set()
            if self._broken is not None:
                raise self._broken
            if self.over:
                return
            await self._came.wait()

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def _fly(self) -> None:
        try:
            making = self._making_together(self._shared) if self._shared else self._making()
            async with aclosing(making) as events:
                async for event in events:
                    if isinstance(event, Done) and event.error is None:
                        for notice in await self._landed(event.answer, self.foreign):
                            self._say(notice)
                    self._say(event)
                    if isinstance(event, SourcesFound):
                        await self._wanted.wait()
        except Exception as error:  # whoever rides is told
            self._broken = error
        finally:
            self.over = True
            self._wake()

    def _say(self, event: Event) -> None:
        match event:
            case SourcesFound(retrieval):
                self._answer = replace(self._answer, sources=retrieval.sources)
            case Token(text):
                self._answer = replace(self._answer, answer=self._answer.answer + text)
            case Done():
                self.over = True
            case _:
                pass
        self._log.append(event)
        self._wake()

    def _wake(self) -> None:
        came, self._came = self._came, asyncio.Event()
        came.set()

    async def _making(self) -> AsyncGenerator[Event, None]:
        """By this process: goes on from what came where the model breaks off and others ride along."""
        for attempt in range(1, ATTEMPTS + 1):
            resume = self._answer if self._answer.sources else None
            async with aclosing(self._make(resume, self.stop)) as events:
                async for event in events:
                    if isinstance(event, Rewritten) or (isinstance(event, SourcesFound) and resume):
                        continue
                    if isinstance(event, Done) and self._again(event, attempt):
                        break
                    yield event
                else:
                    return

    def _again(self, done: Done, attempt: int) -> bool:
        return isinstance(done.error, TransientError) and attempt < ATTEMPTS and self.passengers > 1

    async def _making_together(self, shared: Flights) -> AsyncGenerator[Event, None]:
        """By whichever process leads; by this one alone where the medium between them fails."""
        position = 0
        if self._former is not None:
            await asyncio.wait({self._former})
        try:
            while True:
                flight = await shared.join(self.digest)
                self.foreign = not flight.leading
                try:
                    async with aclosing(flight.pieces(position)) as pieces:
                        async for piece in pieces:
                            position += 1
                            yield _event(piece)
                            if piece.answer is not None:
                                return
                    if flight.leading:
                        async with aclosing(self._published(flight)) as events:
                            async for event in events:
                                yield event
                        return
                finally:
                    with suppress(CacheFailed):
                        await flight.leave()
        except CacheFailed:  # the tier of the same medium tells
            pass
        self.foreign = False
        async with aclosing(self._making()) as events:
            async for event in events:
                yield event

    async def _published(self, flight: Flight) -> AsyncGenerator[Event, None]:
        """The events of this process's making, told to the others as long as that works."""
        works = True

        async def publish(piece: Piece | None) -> None:
            nonlocal works
            if works and piece is not None:
                try:
                    await flight.publish(piece, lasting=piece.answer is None or worth_keeping(piece.answer))
                except CacheFailed:
                    works = False

        async with aclosing(self._making()) as events:
            async for event in events:
                if not isinstance(event, Done):
                    await publish(_piece(event))
                yield event
                if isinstance(event, Done):
                    await asyncio.sleep(SHOWN_FIRST_S)
                    await publish(_piece(event))


def worth_keeping(answer: Answer) -> bool:
    """Whole, ended by the model itself, and borne out by its sources."""
    return answer.finish == "stop" and answer.grounded and bool(answer.answer.strip())


def _piece(event: Event) -> Piece | None:
    """None for what others need not know. A failed answer is not told: the next leader tries for itself."""
    match event:
        case SourcesFound(retrieval):
            return Piece(retrieval=retrieval)
        case Token(text):
            return Piece(text=text)
        case Reasoning(text):
            return Piece(reasoning=text)
        case Done(answer, None) if answer.finish in {"stop", "length"}:
            return Piece(answer=answer)
        case _:
            return None


def _event(piece: Piece) -> Event:
    if piece.retrieval is not None:
        return SourcesFound(piece.retrieval)
    if piece.answer is not None:
        return Done(piece.answer)
    return Reasoning(piece.reasoning) if piece.reasoning else Token(piece.text)
