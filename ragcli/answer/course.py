"""What is known of an answer while it comes: its text, times and counts, and how it ended."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ragcli.answer import prompt as prompts
from ragcli.errors import EndpointError, RagcliError
from ragcli.ports import ResumableModel
from ragcli.streams.trace import NOTHING, begun, current, stage
from ragcli.text import tokens
from ragcli.text.clean import Cleaner, clean
from ragcli.types import (
    Answer,
    Delta,
    Done,
    Event,
    Finish,
    Gist,
    Notice,
    Prompt,
    Reasoning,
    Source,
    Timings,
    Token,
    Usage,
)

if TYPE_CHECKING:
    from ragcli.answer.verify import Checked
    from ragcli.ports.tracing import Span


LARGE = 20_000
"""Characters of sources beyond which they are prepared and read in a thread, so that nothing else waits."""
VERIFY = "ragcli.answer.verify"
SLICE_S = 0.001
"""Seconds of the loop's time that checking takes in one go, about."""


class Stopped(Exception):
    """The listener wants no more."""


class Course(Struct):
    """What is known of an answer while it comes."""

    question: str
    model: ResumableModel
    session: str | None
    clock: Callable[[], float]
    so_far: str = ""
    """What was said before; the beginning of `text`."""
    started: float = 0.0
    sources: tuple[Source, ...] = ()
    prompt: Prompt | None = None
    text: str = ""
    gist: Gist | None = None
    finish: Finish = "stop"
    error: RagcliError | None = None
    timings: Timings = field(default_factory=Timings)
    _finish_reason: str | None = None
    _counted: Usage | None = None
    _cleaner: Cleaner = field(default_factory=Cleaner)
    _pieces: int = 0
    _first_token: float = 0.0
    _last_token: float = 0.0
    _span: Span = NOTHING
    """First the time to the first token, then the rest of the stream."""

    def __post_init__(self) -> None:
        self.started = self.clock()
        self.text = self.so_far

    def retrieved(self) -> None:
        self.timings = replace(self.timings, retrieve_ms=self._elapsed())

    def asks(self) -> None:
        self._span = begun("first_token")

    def leaves_off(self) -> None:
        self._span.note(characters=len(self.text) - len(self.so_far))
        self._span.end(self.error.kind if self.error else "")

    def took(self, item: Delta | Notice) -> list[Event]:
        """The events that an item of the model's stream makes."""
        if isinstance(item, Notice):
            return [item]
        self._finish_reason = item.finish or self._finish_reason
        self._counted = item.usage or self._counted
        events: list[Event] = []
        if reasoning := clean(item.reasoning):
            events.append(Reasoning(reasoning))
        return events + self._said(self._cleaner.feed(item.text))

    def ended(self) -> list[Event]:
        """The events that the end of the stream makes."""
        return self._said(self._cleaner.flush())

    def settle(self, *, stopped: bool) -> None:
        """Says how the answer ended. Raises EndpointError where it is no answer."""
        reason = self._finish_reason
        if stopped and reason is None:
            raise Stopped
        if reason == "content_filter":
            raise EndpointError("the endpoint's content filter ended the answer", remedy="ask in other words")
        if not self.text.strip():
            remedy = "raise chat.max_tokens" if reason == "length" else "try again, or another model"
            raise EndpointError(f"{self.model.model} sent no text", remedy=remedy)
        self.finish = "length" if reason == "length" else "stop"

    @property
    def usage(self) -> Usage | None:
        """What the endpoint counted, else an estimate; None where the model was not asked. Known at the end."""
        if self.prompt is None or self._counted is not None:
            return self._counted
        count = tokens.estimator(self.model.model)
        asked = prompts.tokens(self.prompt, count) + (count(self.so_far) if self.so_far else 0)
        said = count(self.text[len(self.so_far) :])
        self._counted = Usage(prompt_tokens=asked, completion_tokens=said, total_tokens=asked + said)
        return self._counted

    async def done(self) -> Done:
        """The last event; checking the citations lets other answers go on meanwhile."""
        with stage("verify") as span:
            checked = await _checked(self.text, self.sources)
            span.note(citations=len(checked.citations), grounded=checked.grounded)
        usage = self.usage or Usage()
        current().note(
            provider=self.model.provider,
            model=self.model.model,
            finish=self.finish,
            sources=len(self.sources),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            failure=self.error.kind if self.error else None,
        )
        return Done(
            Answer(
                question=self.question,
                answer=self.text,
                finish=self.finish,
                grounded=checked.grounded,
                sources=self.sources,
                citations=checked.citations,
                provider=self.model.provider,
                model=self.model.model,
                usage=usage,
                timings=replace(self.timings, total_ms=self._elapsed(), tokens_per_s=self._pace()),
                session=self.session,
                gist=self.gist,
            ),
            self.error,
        )

    def _said(self, text: str) -> list[Event]:
        if not text:
            return []
        self._pieces += 1
        self._last_token = self.clock()
        if self.timings.first_token_ms is None:
            self._first_token = self._last_token
            self.timings = replace(self.timings, first_token_ms=self._elapsed())
            self._span.end()
            self._span = begun("stream")
        self.text += text
        return [Token(text)]

    def _pace(self) -> float | None:
        """Tokens a second behind the first one, as the endpoint counted them, else by the pieces that came."""
        counted = self._counted if self._counted is not None and not self._counted.estimated else None
        tokens_said = max(self._pieces, counted.completion_tokens if counted else 0)
        seconds = self._last_token - self._first_token
        return (tokens_said - 1) / seconds if self._pieces > 1 and seconds > 0 else None

    def _elapsed(self) -> float:
        return (self.clock() - self.started) * 1000


async def _checked(text: str, sources: tuple[Source, ...]) -> Checked:
    """In slices of the loop's time: a thread would hold the interpreter for five milliseconds whenever it had it.

    Imported when there is something to check, its tables of words would delay the first token of a cold start; and in a
    thread, as they would hold up other answers.
    """
    if VERIFY not in sys.modules:
        await asyncio.to_thread(import_module, VERIFY)
    from ragcli.answer.verify import verify, verifying

    if max((len(source.text) for source in sources), default=0) > LARGE:
        return await asyncio.to_thread(verify, text, sources)
    due = time.perf_counter() + SLICE_S
    for checked in verifying(text, sources):
        if checked is not None:
            return checked
        if time.perf_counter() > due:
            await asyncio.sleep(0)
            due = time.perf_counter() + SLICE_S
    raise AssertionError("checking ends with its result")
