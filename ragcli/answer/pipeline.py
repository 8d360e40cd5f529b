"""question -> rewrite -> retrieve -> compress -> prompt -> stream -> verify: an async generator that also listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from ragcli.answer import prompt as prompts
from ragcli.answer.course import LARGE, Course, Stopped
from ragcli.answer.history import known_gist
from ragcli.config import Chat
from ragcli.errors import ContextTooLong, EndpointError, NothingRelevant, RagcliError
from ragcli.ports import ResumableModel, Retriever
from ragcli.streams.operators import interruptible
from ragcli.streams.trace import stage
from ragcli.text import tokens
from ragcli.text.clean import clean
from ragcli.types import (
    Answer,
    Event,
    Gist,
    Mode,
    Notice,
    Pick,
    Prompt,
    Reply,
    Retrieval,
    Rewritten,
    Search,
    Source,
    SourcesFound,
    Stop,
    Turn,
)

if TYPE_CHECKING:
    from ragcli.answer.rewrite import Rewriter
    from ragcli.answer.summary import Summariser

T = TypeVar("T")

STDIN = "<stdin>"
"""Path of the source that was piped in."""
HARDER = 0.5
"""Share of the budget for the second try, where the endpoint found the first prompt too long."""


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
    course = Course(question, model, session, clock, so_far=resume.answer if resume else "")
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
    except Stopped:
        course.finish = "interrupted"
    except RagcliError as error:
        course.finish, course.error = "error", error
    finally:
        course.leaves_off()

    usage = course.usage
    if usage is not None:
        yield usage
    yield await course.done()


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


def _heed(reply: Reply | None) -> Reply | None:
    if isinstance(reply, Stop):
        raise Stopped
    return reply


async def _unless(stop: asyncio.Event, result: Coroutine[Any, Any, T]) -> T:
    """The result, unless `stop` is set before it is there."""

    async def once() -> AsyncGenerator[T, None]:
        yield await result

    try:
        async with aclosing(interruptible(once(), stop)) as stream:
            async for value in stream:
                return value
    finally:
        result.close()  # it has not begun where `stop` was set before
    raise Stopped


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
        count = tokens.estimator(model)
        told = (asking.original, *(s.text for s in sources), *(t.question + t.answer for t in asking.history))
        if tokens.encoding_of(model) and sum(map(count, told)) >= share * settings.context_tokens / 4:
            count = tokens.counter(model)
        return prompts.build(asking, sources, settings=settings, count=count, share=share)

    if sum(len(source.text) for source in sources) + len(asking.original) > LARGE:
        return await asyncio.to_thread(build)
    return build()
