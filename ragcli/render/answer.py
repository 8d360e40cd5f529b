"""An answer on its way to a person: the one place that iterates the events of an answer and shows them.

On a terminal a spinner names the stage until the first token, then the Markdown is live; anywhere else tokens go to
stdout as they come, and everything that is not the answer goes to stderr.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ragcli.render.console import is_live, print_line, silent_keys
from ragcli.render.display import display_on
from ragcli.render.sources import print_sources, print_verdicts
from ragcli.text.clean import Cleaner, clean, one_line
from ragcli.types import (
    Answer,
    Done,
    Event,
    Finish,
    Notice,
    Pick,
    Reasoning,
    Reply,
    Retrieval,
    Rewritten,
    Search,
    Source,
    SourcesFound,
    Token,
    Usage,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.render.markdown import Marking

Check = Callable[[Sequence[Source]], "Marking"]
"""Makes, of the sources of an answer, what marks those of its citations that do not hold."""
Choose = Callable[[Retrieval], Awaitable[Reply | None]]
"""Lets the person choose among what was found."""

TICK_S = 0.05
_FENCE = re.compile(r" {0,3}(```+|~~~+)(.*)")


async def show(
    events: AsyncGenerator[Event, Reply | None],
    *,
    out: Console,
    err: Console,
    quiet: bool = False,
    reasoning: bool = True,
    choose: Choose | None = None,
    check: Check | None = None,
) -> Done:
    """Shows an answer as it comes and its sources after it; `quiet` shows nothing but the answer.

    Raises what the generator raises, with the part that came shown before. The caller says what `Done.error` tells.
    """
    view = AnswerView(out=out, err=err, notices=not quiet, reasoning=reasoning, choose=choose, check=check)
    with silent_keys() if is_live(out) else nullcontext():
        done = await view.run(events)
    if not quiet:
        view.show_sources(done.answer)
    return done


def print_answer(console: Console, answer: Answer, *, check: Check | None = None) -> None:
    """A whole answer, as it would look after it has come."""
    display = display_on(console, console, check(answer.sources) if check else None)
    display.token(clean(answer.answer))
    display.close()


class AnswerView:
    """One answer being shown; `answer` is what came so far."""

    def __init__(
        self,
        *,
        out: Console,
        err: Console,
        notices: bool = True,
        reasoning: bool = True,
        choose: Choose | None = None,
        check: Check | None = None,
        waited: Callable[[float], None] | None = None,
        so_far: str = "",
    ) -> None:
        """`so_far` is what was shown before of an answer that goes on now."""
        self._out = out
        self._err = err
        self._notices = notices
        self._reasoning = reasoning
        self._choose = choose
        self._check = check
        self._marking: Marking | None = None
        self._waited = waited
        self.came: Callable[[], None] = lambda: None
        """Called after each token."""
        self.display = display_on(out, err, self._mark if check else None)
        self._cleaner = Cleaner()
        self._thoughts = Cleaner()
        self._done: Done | None = None
        self._begun = False
        self._stage: str | None = "going on" if so_far else "searching"
        self._waits: asyncio.TimerHandle | None = None
        self._pieces: list[str] = [so_far]
        self._partial = Answer(question="", finish="interrupted")
        if so_far and is_live(out):
            self.display.token(open_fence(so_far))

    @property
    def answer(self) -> Answer:
        """The whole answer once it is done, else what came of it."""
        return self._done.answer if self._done else replace(self._partial, answer="".join(self._pieces))

    async def run(self, events: AsyncGenerator[Event, Reply | None]) -> Done:
        """Shows the events to their end, closes the generator and the display whatever happens."""
        self.display.stage(self._stage)
        ticker = asyncio.create_task(self._tick())
        try:
            await self._listen(events)
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker
            if self._waits:
                self._waits.cancel()
            self._flush()
            self.display.close()
            await events.aclose()
        return self._done or Done(self.answer)

    def show_sources(self, answer: Answer, *, hint: str = "") -> None:
        """The sources and how the answer ended: below it on a terminal, on stderr where stdout is a pipe.

        `hint` says what can be done about an answer that is not whole.
        """
        console = self._out if self._out.is_terminal else self._err
        if answer.sources and console.is_terminal:
            console.print()
        print_verdicts(console, answer)
        print_sources(console, answer.sources, query=answer.question, cited=answer.cited)
        if answer.finish == "interrupted" and not answer.answer:
            print_line(console, "Stopped.", "warning")
        elif ending := _ENDINGS.get(answer.finish):
            print_line(console, f"{ending} {hint}".rstrip(), "warning")

    async def _listen(self, events: AsyncGenerator[Event, Reply | None]) -> None:
        reply: Reply | None = None
        while True:
            try:
                event = await (events.asend(reply) if reply else anext(events))
            except StopAsyncIteration:
                return
            reply = await self._take(event)

    async def _take(self, event: Event) -> Reply | None:
        match event:
            case Token(text):
                self._enter(None)
                self._pieces.append(text)
                if shown := self._cleaner.feed(text):
                    self._begun = True
                    self.display.token(shown)
                self.came()
            case Reasoning(text):
                if not self._begun:
                    self._enter("thinking")
                if self._reasoning:
                    self.display.reasoning(self._thoughts.feed(text))
            case Rewritten(question):
                self._enter(f"searching for: {one_line(question, 60)}")
            case SourcesFound(retrieval):
                self._partial = replace(self._partial, question=retrieval.query, sources=retrieval.sources)
                self._enter(_reading(retrieval.sources))
                if self._choose and retrieval.sources:
                    self.display.stage(None)
                    self.display.tick()
                    reply = await self._choose(retrieval)
                    if isinstance(reply, Pick):
                        kept = tuple(source for source in retrieval.sources if source.n in reply.numbers)
                        self._partial = replace(self._partial, sources=kept)
                    self._stage = "searching" if isinstance(reply, Search) else _reading(self._partial.sources)
                    self.display.stage(self._stage)
                    return reply
            case Notice():
                self._notice(event)
            case Usage():
                pass
            case Done():
                self._done = event
        return None

    def _mark(self, text: str, ended: bool) -> tuple[str, int]:
        """Marks doubtful citations; what checks them is made with the first one: by then the sources are known."""
        if self._check is None or not ("[" in text or "【" in text):
            return text, len(text)
        self._marking = self._marking or self._check(self._partial.sources)
        return self._marking(text, ended)

    def _notice(self, notice: Notice) -> None:
        message = one_line(notice.message, 200)
        if notice.wait_s is None:
            if self._notices:
                self.display.note(message)
            return
        if self._waited:
            self._waited(notice.wait_s)
        former = self._stage
        until = asyncio.get_running_loop().time() + notice.wait_s
        self._count_down(until, message, former)
        if self._notices and not is_live(self._out):
            self.display.note(f"waiting {math.ceil(notice.wait_s)} s: {message}")

    def _count_down(self, until: float, message: str, former: str | None) -> None:
        loop = asyncio.get_running_loop()
        left = until - loop.time()
        if self._waits:
            self._waits.cancel()
        if left <= 0:
            self._enter(former)
            return
        self.display.stage(f"waiting {math.ceil(left)} s: {message}")
        self._waits = loop.call_later(min(1.0, left), self._count_down, until, message, former)

    def _enter(self, stage: str | None) -> None:
        if self._waits:
            self._waits.cancel()
            self._waits = None
        if stage != self._stage:
            self._stage = stage
            self.display.stage(stage)

    def _flush(self) -> None:
        if rest := self._thoughts.flush():
            self.display.reasoning(rest)
        if rest := self._cleaner.flush():
            self.display.token(rest)

    async def _tick(self) -> None:
        while True:
            self.display.tick()
            await asyncio.sleep(TICK_S)


_ENDINGS: dict[Finish, str] = {
    "interrupted": "Stopped; the part above is kept.",
    "length": "Cut off at the longest answer that is allowed (chat.max_tokens).",
}


def _reading(sources: Sequence[Source]) -> str:
    return f"reading {len(sources)} source{'' if len(sources) == 1 else 's'}"


def open_fence(text: str) -> str:
    """The line that opens the code block in which the text ends; empty where it ends in none."""
    opening = ""
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if fence and not opening:
            opening = line
        elif fence and opening.lstrip().startswith(fence[1]) and not fence[2].strip():
            opening = ""
    return opening
