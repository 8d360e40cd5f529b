"""The answer as a stream of events that also listens: order, replies, stopping, failing, closing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Sequence
from itertools import count

import pytest
from answer_doubles import CHAT, HANDBOOK, HANG, ScriptedModel, ScriptedRetriever, heard, shown, source, text_of
from msgspec.structs import replace

from ragcli.answer.extractive import select
from ragcli.answer.pipeline import answer
from ragcli.config import Chat
from ragcli.errors import ConnectionLost, ContextTooLong, EndpointError, IndexMissing, NothingRelevant
from ragcli.providers.extractive import ExtractiveModel
from ragcli.types import (
    Answer,
    Delta,
    Done,
    Event,
    Notice,
    Pick,
    Reasoning,
    Reply,
    Rewritten,
    Search,
    SourcesFound,
    Stop,
    Token,
    Turn,
    Usage,
)

QUESTION = "How long do I have for a refund?"


def asked(
    question: str = QUESTION,
    model: ScriptedModel | None = None,
    retriever: ScriptedRetriever | None = None,
    settings: Chat = CHAT,
    **options: object,
) -> AsyncGenerator[Event, Reply | None]:
    return answer(
        question,
        retriever=retriever or ScriptedRetriever(),
        model=model or ScriptedModel(),
        settings=settings,
        **options,
    )  # type: ignore[arg-type]


def done(events: Sequence[Event]) -> Done:
    assert isinstance(events[-1], Done)
    assert sum(isinstance(event, Done) for event in events) == 1
    return events[-1]


async def test_an_answer_comes_as_sources_tokens_usage_and_done() -> None:
    """The last event holds the whole answer with its sources, citations, usage and timings."""
    model = ScriptedModel(("Within 30", " days [1].", Delta(finish="stop")))
    ticks = count()
    events = await heard(asked(model=model, session="work", clock=lambda: float(next(ticks))))
    assert [type(event) for event in events] == [SourcesFound, Token, Token, Usage, Done]
    whole = done(events).answer
    assert (whole.answer, whole.finish, whole.session) == ("Within 30 days [1].", "stop", "work")
    assert (whole.provider, whole.model) == ("scripted", "gpt-5-mini")
    assert [(c.n, c.verdict) for c in whole.citations] == [(1, "supported")]
    assert whole.cited == {1}
    assert whole.grounded
    assert whole.usage.estimated
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    times = whole.timings
    assert times.retrieve_ms is not None
    assert times.first_token_ms is not None
    assert times.total_ms is not None
    assert 0 < times.retrieve_ms < times.first_token_ms < times.total_ms
    assert times.tokens_per_s is not None
    assert 0 < times.tokens_per_s <= 1


async def test_the_sources_shown_are_those_that_the_model_sees() -> None:
    """Numbered from 1, context_k of the top_k candidates."""
    model, retriever = ScriptedModel(), ScriptedRetriever()
    events = await heard(asked(model=model, retriever=retriever, top_k=4, context_k=2))
    assert [(s.n, s.path) for s in shown(events)] == [(1, "refunds.md"), (2, "leave.md")]
    assert model.prompts[0].sources == shown(events) == done(events).answer.sources
    told = model.prompts[0].messages[-1].content
    assert "Refunds are possible" in told
    assert "canteen" not in told


async def test_a_pick_limits_the_sources_and_keeps_their_numbers() -> None:
    model = ScriptedModel(("Ask Dana [2].", Delta(finish="stop")))
    events = asked(model=model)
    assert isinstance(await anext(events), SourcesFound)
    await events.asend(Pick((2,)))
    rest = await heard(events)
    assert [s.n for s in model.prompts[0].sources] == [2]
    assert "Refunds" not in model.prompts[0].messages[-1].content
    assert [(c.n, c.verdict) for c in done(rest).answer.citations] == [(2, "supported")]


async def test_picking_nothing_asks_no_model() -> None:
    model = ScriptedModel()
    events = asked(model=model)
    await anext(events)
    last = await events.asend(Pick(()))
    assert isinstance(last, Done)
    assert isinstance(last.error, NothingRelevant)
    assert model.opened == 0


@pytest.mark.parametrize("at", range(4))
async def test_stop_as_the_reply_to_any_event_ends_with_the_text_so_far(at: int) -> None:
    """Also at the rewritten question and at the sources, before the model was asked; its stream is closed."""
    model = ScriptedModel(("Within ", "30 ", "days.", Delta(finish="stop")))
    history = [Turn("How do refunds work?", "With the form.")]
    events = asked("How long does it take?", model=model, history=history)
    event = await anext(events)
    said = ""
    for _ in range(at):
        event = await anext(events)
        said += event.text if isinstance(event, Token) else ""
    last = await events.asend(Stop())
    while not isinstance(last, Done):
        assert isinstance(last, Usage)
        last = await anext(events)
    assert (last.answer.finish, last.answer.answer, last.error) == ("interrupted", said, None)
    assert model.opened == model.closed
    with pytest.raises(StopAsyncIteration):
        await anext(events)


@pytest.mark.parametrize("retriever_hangs", [True, False])
async def test_the_stop_event_ends_it_also_while_it_waits_for_the_network(retriever_hangs: bool) -> None:
    stop, model = asyncio.Event(), ScriptedModel(("Within ", HANG))
    events = asked(model=model, retriever=ScriptedRetriever(hangs=retriever_hangs), stop=stop)
    asyncio.get_running_loop().call_later(0.01, stop.set)
    last = done(await asyncio.wait_for(heard(events), 60))
    assert last.answer.finish == "interrupted"
    assert last.answer.answer == ("" if retriever_hangs else "Within ")
    assert model.opened == model.closed


async def test_a_stop_before_the_search_leaves_nothing_that_was_begun() -> None:
    """As Ctrl-C while the index is opened; a coroutine that nobody awaits would be warned of."""
    stop, model = asyncio.Event(), ScriptedModel()
    stop.set()
    [*_, last] = await heard(asked(model=model, history=[Turn("q", "a")], stop=stop))
    assert isinstance(last, Done)
    assert (last.answer.finish, last.error, model.opened) == ("interrupted", None, model.closed)


async def test_a_stop_after_the_last_token_changes_nothing() -> None:
    stop, model = asyncio.Event(), ScriptedModel(("Done.", Delta(finish="stop")))
    seen = []
    async for event in asked(model=model, stop=stop):
        seen.append(event)
        if isinstance(event, Usage):
            stop.set()
    assert done(seen).answer.finish == "stop"


async def test_nothing_relevant_asks_no_model() -> None:
    model = ScriptedModel()
    last = done(await heard(asked(model=model, retriever=ScriptedRetriever(relevant=False))))
    assert isinstance(last.error, NothingRelevant)
    assert last.error.exit_code == 3
    assert model.opened == 0


async def test_piped_text_is_a_source_of_its_own_even_where_the_index_has_nothing() -> None:
    model = ScriptedModel(("The disk is full [1].", Delta(finish="stop")))
    log = "12:00 start\n12:05 error: the disk is full\n"
    events = await heard(asked("What failed?", model=model, retriever=ScriptedRetriever(relevant=False), extra=log))
    (only,) = shown(events)
    assert (only.n, only.path, only.lines) == (1, "<stdin>", (1, 2))
    assert done(events).answer.grounded
    both = await heard(asked("What failed?", model=model, extra=log, context_k=2))
    assert [(s.n, s.path) for s in shown(both)] == [(1, "<stdin>"), (2, "refunds.md"), (3, "leave.md")]


async def test_a_broken_stream_keeps_the_text_so_far_and_says_why() -> None:
    model = ScriptedModel(("Within ", "30 ", ConnectionLost("the connection was lost", remedy="try again")))
    events = await heard(asked(model=model))
    last = done(events)
    assert (last.answer.finish, last.answer.answer) == ("error", "Within 30 ")
    assert isinstance(last.error, ConnectionLost)
    assert model.closed == 1


async def test_a_store_error_ends_the_answer_as_an_event() -> None:
    last = done(await heard(asked(retriever=ScriptedRetriever(error=IndexMissing("no index", remedy="ingest first")))))
    assert isinstance(last.error, IndexMissing)
    assert last.answer.finish == "error"


async def test_a_prompt_that_is_too_long_is_compressed_and_sent_once_more() -> None:
    long = [source(n, f"Refund rule {n}. " + "Filler text without meaning here. " * 400) for n in (1, 2, 3)]
    model = ScriptedModel((ContextTooLong("too long"),), ("Yes.", Delta(finish="stop")))
    events = await heard(asked(model=model, retriever=ScriptedRetriever(sources=long)))
    first, second = (len(prompt.messages[-1].content) for prompt in model.prompts)
    assert second < 0.7 * first
    assert [event.kind for event in events if isinstance(event, Notice)] == ["compressed"]
    assert done(events).answer.answer == "Yes."
    again = ScriptedModel((ContextTooLong("too long"),))
    assert isinstance(done(await heard(asked(model=again))).error, ContextTooLong)
    assert again.opened == 2


async def test_notices_and_reasoning_are_passed_on_and_are_no_part_of_the_answer() -> None:
    notice = Notice("retry", "waiting", 2.0)
    model = ScriptedModel((notice, Delta(reasoning="hm\x1b[2J"), "Yes.", Delta(finish="stop")))
    events = await heard(asked(model=model, retriever=ScriptedRetriever(notices=(Notice("rerank", "skipped"),))))
    assert [type(event) for event in events] == [Notice, SourcesFound, Notice, Reasoning, Token, Usage, Done]
    assert Reasoning("hm") in events
    assert done(events).answer.answer == "Yes."


async def test_text_of_the_model_holds_no_control_sequences_however_it_is_cut() -> None:
    model = ScriptedModel(("a\x1b", "[31", "mb\x1b]0;title", "\x07c", Delta(finish="stop")))
    events = await heard(asked(model=model))
    assert text_of(events) == done(events).answer.answer == "abc"


@pytest.mark.parametrize(
    ("reason", "finish", "fails"),
    [("stop", "stop", False), ("length", "length", False), ("content_filter", "error", True), (None, "stop", False)],
)
async def test_how_the_endpoint_ended_shows_in_the_finish(reason: str | None, finish: str, fails: bool) -> None:
    last = done(await heard(asked(model=ScriptedModel(("Some text.", Delta(finish=reason))))))
    assert last.answer.finish == finish
    assert isinstance(last.error, EndpointError) is fails
    assert last.answer.answer == "Some text."


async def test_an_answer_without_text_is_an_error() -> None:
    last = done(await heard(asked(model=ScriptedModel((Delta(reasoning="long thoughts"), Delta(finish="length"))))))
    assert isinstance(last.error, EndpointError)
    assert "max_tokens" in str(last.error)


async def test_usage_that_the_endpoint_counted_is_told_as_it_is() -> None:
    counted = Usage(prompt_tokens=10, completion_tokens=2, total_tokens=12, estimated=False)
    events = await heard(asked(model=ScriptedModel(("Yes.", Delta(finish="stop", usage=counted)))))
    assert counted in events
    assert done(events).answer.usage == counted


async def test_a_follow_up_is_searched_for_as_it_stands_alone() -> None:
    retriever, model = ScriptedRetriever(), ScriptedModel()
    history = [Turn("How do refunds work?", "With the form [1].")]
    events = await heard(asked("How long does it take?", model=model, retriever=retriever, history=history))
    assert isinstance(events[0], Rewritten)
    assert retriever.queries == [events[0].question]
    assert "refunds" in events[0].question
    assert [m.content for m in model.prompts[0].messages[1:3]] == ["How do refunds work?", "With the form [1]."]
    assert done(events).answer.question == "How long does it take?"


async def test_a_question_that_stands_alone_is_left_alone() -> None:
    events = await heard(asked(history=[Turn("Who is Dana?", "The team lead.")]))
    assert not any(isinstance(event, Rewritten) for event in events)


@pytest.mark.parametrize("taken", range(4))
async def test_closing_at_any_point_closes_the_models_stream(taken: int) -> None:
    model = ScriptedModel(("a", "b", "c", HANG))
    events = asked(model=model)
    for _ in range(taken):
        await anext(events)
    await events.aclose()
    assert model.opened == model.closed


async def test_cancelling_closes_the_models_stream() -> None:
    model = ScriptedModel(("a", HANG))
    task = asyncio.create_task(heard(asked(model=model)))
    while not model.opened:  # noqa: ASYNC110 - the double sets no event
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.opened == model.closed == 1


async def test_an_answer_that_is_dropped_closes_the_models_stream() -> None:
    model = ScriptedModel(("a", HANG))
    events = asked(model=model)
    while not isinstance(await anext(events), Token):
        pass
    del events
    gc.collect()
    for _ in range(20):
        await asyncio.sleep(0)
    assert model.opened == model.closed == 1


@pytest.mark.parametrize(
    ("question", "answer_holds", "path"),
    [(QUESTION, "30 days", "refunds.md"), ("报销要在多少天内提交？", "二十天", "报销.md")],
)
async def test_without_a_model_the_sources_are_quoted(question: str, answer_holds: str, path: str) -> None:
    """Each sentence exactly, with the number of its source, and every citation holds."""
    events = await heard(asked(question, model=ExtractiveModel(select)))  # type: ignore[arg-type]
    whole = done(events).answer
    assert answer_holds in whole.answer
    assert path in {s.path for s in whole.sources if s.n in whole.cited}
    assert whole.grounded
    assert whole.provider == "extractive"
    assert not whole.usage.estimated
    assert text_of(events) == whole.answer
    assert all(any(c.sentence in s.text for s in HANDBOOK) for c in whole.citations)


async def test_an_answer_that_broke_off_goes_on_with_its_sources_and_without_a_search() -> None:
    """The tokens are the rest alone; the last event holds the whole, its citations checked over all of it."""
    begun = Answer(question=QUESTION, answer="Within 30 ", finish="interrupted", sources=(replace(HANDBOOK[0], n=1),))
    model, retriever = ScriptedModel(("days [1].", Delta(finish="stop"))), ScriptedRetriever()
    events = await heard(asked(model=model, retriever=retriever, resume=begun))
    assert text_of(events) == "days [1]."
    assert shown(events) == begun.sources
    whole = done(events).answer
    assert (whole.answer, whole.finish, whole.sources) == ("Within 30 days [1].", "stop", begun.sources)
    assert [(c.n, c.verdict) for c in whole.citations] == [(1, "supported")]
    assert (retriever.queries, model.so_far) == ([], ["Within 30 "])


@pytest.mark.parametrize("script", [("da", ConnectionLost("gone")), (ConnectionLost("gone"),)])
async def test_an_answer_that_breaks_off_again_keeps_all_that_came(script: tuple[str | Exception, ...]) -> None:
    begun = Answer(question=QUESTION, answer="Within 30 ", finish="length", sources=(replace(HANDBOOK[0], n=1),))
    last = done(await heard(asked(model=ScriptedModel(script), resume=begun)))
    assert last.answer.answer == "Within 30 " + "".join(piece for piece in script if isinstance(piece, str))
    assert (last.answer.finish, last.answer.sources) == ("error", begun.sources)


@pytest.mark.parametrize("cut", [0, 1, 40, 10_000])
async def test_quotes_that_broke_off_are_finished_as_they_began(cut: int) -> None:
    quotes = ExtractiveModel(select)
    whole = done(await heard(asked(model=quotes))).answer  # type: ignore[arg-type]
    begun = replace(whole, answer=whole.answer[:cut], finish="interrupted")
    events = await heard(asked(model=quotes, resume=begun))  # type: ignore[arg-type]
    assert done(events).answer.answer == whole.answer
    assert text_of(events) == whole.answer[cut:]


async def test_other_search_words_find_other_sources_for_the_same_question() -> None:
    model, retriever = ScriptedModel(), ScriptedRetriever()
    events = asked(model=model, retriever=retriever)
    assert isinstance(await anext(events), SourcesFound)
    again = await events.asend(Search("报销 期限"))
    assert isinstance(again, SourcesFound)
    last = [event async for event in events][-1]
    assert retriever.queries == [QUESTION, "报销 期限"]
    assert isinstance(last, Done)
    assert (last.answer.question, model.prompts[0].question) == (QUESTION, QUESTION)
