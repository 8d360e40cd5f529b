"""question -> rewrite -> retrieve -> compress -> prompt -> stream -> verify: an async generator that also listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from ragcli.answer import prompt as prompts
from ragcli.answer.history import known_gist
from ragcli.config import Chat
from ragcli.errors import ContextTooLong, EndpointError, NothingRelevant, RagcliError
from ragcli.ports import ResumableModel, Retriever
from ragcli.streams.operators import interruptible
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
    Mode,
    Notice,
    Pick,
    Prompt,
    Reasoning,
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
    from ragcli.answer.summary import Summariser
    from ragcli.answer.verify import Checked
    from ragcli.ports.tracing import Span

T = TypeVar("T")

STDIN = "<stdin>"
"""Path of the source that was piped in."""
HARDER = 0.5
"""Share of the budget for the second try, where the endpoint found the first prompt too long."""
LARGE = 20_000
"""Characters of sources beyond which they are prepared in a thread, so that nothing else waits."""


async def answer(
    question: str,
    *,
    retriever: Retriever,
    model: ResumableModel,
    settings: Chat,
    history: Sequence[Turn] = (),
    top_k: int = 5,
    context_k: int = 3,
    mode: Mode = "hybrid",
    extra: str = "",
    session: str | None = None,
    stop: asyncio.Event | None = None,
    resume: Answer | None = None,
    rewriter: Rewriter | None = None,
    summariser: Summariser | None = None,
    standalone: str = "",
    clock: Callable[[], float] = time.perf_counter,
) -> AsyncGenerator[Event, Reply | None]:
    """The answer as events, the last one `Done`; an error that has a class in errors.py ends it there, too.

    `asend(Pick(...))` as the reply to `SourcesFound` limits the sources to those numbers; they keep their numbers.
    `asend(Search(...))` searches with other words, and `SourcesFound` comes again.
    `asend(Stop())` at any event, or setting `stop` at any time, ends with `Done` and the text so far. `extra` is a text
    that becomes source 1, before those of the index. Closing the generator closes the model's stream.

    `resume` is an answer to this question that broke off: it goes on from its text with its sources. Nothing is
    searched for, the tokens are the rest alone, and `Done` holds the whole. `standalone` is the question as it stands
    alone, where that is known already.
    """
    stop = stop or asyncio.Event()
    course = _Course(question, model, session, clock, so_far=resume.answer if resume else "")
    try:
        if not standalone:
            standalone = await _unless(stop, _standing_alone(question, history, None if resume else rewriter))
        if resume:
            course.sources = resume.sources
            again = Retrieval(query=standalone, mode=mode, sources=resume.sources, relevant=True)
            _heed((yield SourcesFound(again)))
        else:
            if standalone != question:
                _heed((yield Rewritten(standalone)))
            reply: Reply | None = Search(standalone)
            while isinstance(reply, Search):
                with stage("retrieve") as span:
                    found = await _unless(stop, retriever.search(reply.query, mode=mode, k=top_k))
                    span.note(sources=len(found.sources), relevant=found.relevant)
                found = _shown(found, context_k, extra)
                course.retrieved()
                for notice in found.notices:
                    _heed((yield notice))
                if not found.sources:
                    raise NothingRelevant(
                        "nothing in the index speaks of that",
                        remedy="ask in other words, or ingest the documents that do",
                    )
                reply = _heed((yield SourcesFound(found)))
            course.sources = _picked(found.sources, reply)

        course.asks()
        asking = prompts.Asking(standalone, question, history, known_gist(history))
        if summariser and (older := _untold(asking, course.sources, settings, model.model)):
            _heed((yield Notice("summary", "the chat has grown long: its beginning is being summed up")))
            try:
                course.gist = await _unless(stop, _summed_up(summariser, asking, older, settings, model.model))
                asking = replace(asking, gist=course.gist)
            except EndpointError as error:
                _heed((yield Notice("summary", f"{error.message}: what bears on the question is told of it instead")))
        for share in (1.0, HARDER):
            course.prompt = await _built(asking, course.sources, settings, share, model.model)
            try:
                async with aclosing(interruptible(model.stream(course.prompt, course.so_far), stop)) as stream:
                    async for item in stream:
                        for event in course.took(item):
                            _heed((yield event))
                break
            except ContextTooLong:
                if share == HARDER or course.text != course.so_far:
                    raise
                _heed(
                    (yield Notice("compressed", "the sources were too long for the model: compressed and asked again"))
                )
        for event in course.ended():
            _heed((yield event))
        course.settle(stopped=stop.is_set())
    except _Stopped:
        course.finish = "interrupted"
    except RagcliError as error:
        course.finish, course.error = "error", error
    finally:
        course.leaves_off()

    usage = course.usage
    if usage is not None:
        yield usage
    yield await course.done()


class _Stopped(Exception):
    """The listener wants no more."""


class _Course(Struct):
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
            raise _Stopped
        if reason == "content_filter":
            raise EndpointError("the endpoint's content filter ended the answer", remedy="ask in other words")
        if not self.text.strip():
            remedy = "raise chat.max_tokens" if reason == "length" else "try again, or another model"
            raise EndpointError(f"{self.model.model} sent no text", remedy=remedy)
        self.finish = "length" if reason == "length" else "stop"

    @property
    def usage(self) -> Usage | None:
        """What the endpoint counted, else an estimate; None where the model was not asked."""
        if self.prompt is None or self._counted is not None:
            return self._counted
        count = tokens.estimator(self.model.model)
        asked = prompts.tokens(self.prompt, count) + (count(self.so_far) if self.so_far else 0)
        said = count(self.text[len(self.so_far) :])
        return Usage(prompt_tokens=asked, completion_tokens=said, total_tokens=asked + said)

    async def done(self) -> Done:
        """The last event; the citations are checked in a thread, so that other answers go on meanwhile."""
        with stage("verify") as span:
            checked = await asyncio.to_thread(_checked, self.text, self.sources)
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
        seconds = self._last_token - self._first_token
        return (self._pieces - 1) / seconds if self._pieces > 1 and seconds > 0 else None

    def _elapsed(self) -> float:
        return (self.clock() - self.started) * 1000


async def _standing_alone(question: str, history: Sequence[Turn], rewriter: Rewriter | None) -> str:
    if not history:
        return question
    from ragcli.answer.rewrite import by_rule

    with stage("rewrite"):
        return await (rewriter or by_rule)(question, history)


def _untold(asking: prompts.Asking, sources: tuple[Source, ...], settings: Chat, model: str) -> int:
    """How many of the oldest turns the prompt can hold neither as they were nor by a gist that is known."""
    older = prompts.untold(asking, sources, settings=settings, count=tokens.estimator(model))
    return older if older > (asking.gist.turns if asking.gist else 0) else 0


async def _summed_up(summariser: Summariser, asking: prompts.Asking, older: int, settings: Chat, model: str) -> Gist:
    with stage("summary"):
        budget = settings.context_tokens // 2
        return await summariser(asking.history, asking.gist, older, budget, tokens.estimator(model))


def _checked(text: str, sources: tuple[Source, ...]) -> Checked:
    """Imported when there is something to check: its tables of words would delay the first token of a cold start."""
    from ragcli.answer.verify import verify

    return verify(text, sources)


def _heed(reply: Reply | None) -> Reply | None:
    if isinstance(reply, Stop):
        raise _Stopped
    return reply


async def _unless(stop: asyncio.Event, result: Awaitable[T]) -> T:
    """The result, unless `stop` is set before it is there."""

    async def once() -> AsyncGenerator[T, None]:
        yield await result

    async with aclosing(interruptible(once(), stop)) as stream:
        async for value in stream:
            return value
    raise _Stopped


def _shown(found: Retrieval, context_k: int, extra: str) -> Retrieval:
    """The retrieval with just the sources that the model will see, numbered from 1; the piped text first."""
    piped = (_piped(extra),) if extra.strip() else ()
    sources = found.sources[:context_k] if found.relevant else ()
    numbered = tuple(replace(source, n=n) for n, source in enumerate((*piped, *sources), start=1))
    return replace(found, sources=numbered)


def _piped(text: str) -> Source:
    text = clean(text).strip("\n")
    return Source(n=1, path=STDIN, title=STDIN, format="text", text=text, score=1.0, lines=(1, text.count("\n") + 1))


def _picked(sources: tuple[Source, ...], reply: Reply | None) -> tuple[Source, ...]:
    if not isinstance(reply, Pick):
        return sources
    picked = tuple(source for source in sources if source.n in reply.numbers)
    if not picked:
        raise NothingRelevant("none of the sources was picked", remedy="pick one of those that are shown")
    return picked


async def _built(
    asking: prompts.Asking, sources: tuple[Source, ...], settings: Chat, share: float, model: str
) -> Prompt:
    """The prompt, counted exactly only where the over-estimate says that it is tight: an encoding loads slowly."""

    def build() -> Prompt:
        told = (asking.original, *(s.text for s in sources), *(t.question + t.answer for t in asking.history))
        roomy = sum(map(tokens.estimator(model), told)) < share * settings.context_tokens / 4
        count = tokens.estimator(model) if roomy else tokens.counter(model)
        return prompts.build(asking, sources, settings=settings, count=count, share=share)

    if sum(len(source.text) for source in sources) + len(asking.original) > LARGE:
        return await asyncio.to_thread(build)
    return build()
