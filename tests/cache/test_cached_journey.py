"""A question and its answer through the cache: real index, real endpoint, in one process."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from endpoint import PATIENCE_S, ModelServer
from replies import Reply as Scripted
from replies import answer, hang, refusal

from ragcli.app.assistants import CollectionAssistant
from ragcli.app.workspace import Workspace, open_workspace
from ragcli.ports import CachedAnswer, CacheKey
from ragcli.store.answers import SQLiteAnswers
from ragcli.types import Answer, Done, Event, Notice, Pick, Reply, Search, SourcesFound, Stop, Token, Turn, Usage

HARDWARE = "How many days do customers have to return hardware ordered in 2026?"
AGAIN = "What is the number of days customers have to return hardware ordered in 2026?"
GROUNDED = "Hardware can be returned within 30 days [1]."


def workspace(home: Path, endpoint: ModelServer, **settings: object) -> Workspace:
    chosen = {
        "chat.base_url": endpoint.url,
        "chat.api_key": "sk-secret",
        "chat.max_retries": 0,
        "chat.requests_per_second": 1e6,
    }
    return open_workspace(home, settings=chosen | settings, environ={})


@pytest.fixture
async def assistant(own_sample_home: Path, endpoint: ModelServer) -> AsyncIterator[CollectionAssistant]:
    async with workspace(own_sample_home, endpoint).assistant("default", long_lived=False) as opened:
        yield opened


async def heard(
    assistant: CollectionAssistant,
    question: str,
    *,
    reply: Reply | None = None,
    events: list[Event] | None = None,
    **options: object,
) -> list[Event]:
    """All events, also in `events` as they come; `reply` is given to the first `SourcesFound`."""
    events = [] if events is None else events
    async with aclosing(assistant.answer(question, **options)) as stream:  # type: ignore[arg-type]
        event = await anext(stream)
        while True:
            events.append(event)
            if isinstance(event, Done):
                return events
            said, reply = (reply, None) if isinstance(event, SourcesFound) else (None, reply)
            event = await stream.asend(said)


def done(events: Sequence[Event]) -> Answer:
    assert isinstance(events[-1], Done)
    return events[-1].answer


def told(events: Sequence[Event]) -> list[str]:
    """Of trouble with the cache."""
    return [event.message for event in events if isinstance(event, Notice) and event.kind == "cache"]


def kinds(events: Sequence[Event]) -> list[str]:
    """Names of the events, tokens in a row as one, without what only a wait or a hit says."""
    names = [type(event).__name__ for event in events if not isinstance(event, Notice)]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


async def asked(endpoint: ModelServer) -> None:
    """Until the model's endpoint has a request."""
    while not endpoint.requests():  # noqa: ASYNC110 - it comes from a thread of the server's
        await asyncio.sleep(0.001)


async def all_aboard(logs: Sequence[list[Event]]) -> None:
    """Until everyone has seen the sources, and so rides in the flight."""
    async with asyncio.timeout(PATIENCE_S):
        while not all(any(isinstance(event, SourcesFound) for event in log) for log in logs):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def heard_together(assistant: CollectionAssistant, count: int, boarded: threading.Event) -> list[list[Event]]:
    """What so many hear who ask the same; `boarded` is set when all of them ride."""
    logs: list[list[Event]] = [[] for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        for log in logs:
            group.create_task(heard(assistant, HARDWARE, events=log))
        await all_aboard(logs)
        boarded.set()
    return logs


async def test_the_second_answer_comes_from_memory_with_the_same_events_and_asks_no_model(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED))
    first, second = await heard(assistant, HARDWARE), await heard(assistant, HARDWARE)
    assert [done(first).cache, done(second).cache] == ["miss", "memory"]
    assert len(endpoint.requests()) == 1
    assert kinds(first) == kinds(second) == ["SourcesFound", "Token", "Usage", "Done"]
    assert "".join(event.text for event in second if isinstance(event, Token)) == GROUNDED
    assert [event.message for event in second if isinstance(event, Notice)] == ["cached just now, exact"]
    for name in ("answer", "sources", "citations", "grounded", "provider", "model", "finish", "question"):
        assert getattr(done(first), name) == getattr(done(second), name), name
    assert done(second).usage == Usage(estimated=False), "it cost nothing"
    assert done(second).timings.first_token_ms is not None


async def test_another_process_finds_it_on_disk_and_a_secret_is_not_in_the_file(
    own_sample_home: Path, assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED))
    await heard(assistant, HARDWARE)
    async with workspace(own_sample_home, endpoint).assistant("default") as other:
        assert done(await heard(other, HARDWARE, session="s")).cache == "disk"
        assert done(await heard(other, HARDWARE, session="s")).session == "s"
    assert b"sk-secret" not in b"".join(file.read_bytes() for file in own_sample_home.glob("answers.db*"))


async def test_a_question_in_other_words_is_answered_and_says_as_what_it_was_asked(
    own_sample_home: Path, assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer("二十八天 [1]。"), answer("Other [1]."), answer("Off [1]."))
    await heard(assistant, HARDWARE)
    second = await heard(assistant, AGAIN)
    assert done(second).cache == "semantic"
    assert done(second).question == AGAIN
    [notice] = [event.message for event in second if isinstance(event, Notice)]
    assert notice == f'cached just now, semantic: asked as "{HARDWARE}"'
    third = await heard(assistant, AGAIN)
    assert done(third).cache == "memory"
    assert any("asked as" in event.message for event in third if isinstance(event, Notice))
    assert done(await heard(assistant, HARDWARE.replace("2026", "2025"))).cache == "miss"
    async with workspace(own_sample_home, endpoint, **{"cache.semantic": False}).assistant("default") as other:
        assert done(await heard(other, AGAIN)).cache == "miss"


async def test_each_thing_that_decides_an_answer_is_part_of_the_key(
    own_sample_home: Path, assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(*[answer(GROUNDED)] * 20)
    await heard(assistant, HARDWARE)
    changes: list[dict[str, object]] = [
        {"chat.model": "other"},
        {"chat.temperature": 0.5},
        {"chat.system": "Answer like a pirate."},
        {"retrieve.context_k": 2},
        {"retrieve.top_k": 9},
        {"rerank.model": "none"},
        {"chat.extractive": True},
    ]
    for change in changes:
        async with workspace(own_sample_home, endpoint, **change).assistant("default") as other:
            assert done(await heard(other, HARDWARE)).cache == "miss", change
    for options in ({"extra": "A piped text."}, {"history": [Turn("Which products?", "Hardware.")]}):
        assert done(await heard(assistant, HARDWARE, **options)).cache == "miss", options
    async with workspace(own_sample_home, endpoint, **{"chat.timeout": 77.0}).assistant("default") as other:
        assert done(await heard(other, HARDWARE)).cache == "disk", "a waiting time decides nothing"
    again = await heard(assistant, HARDWARE, history=[Turn(HARDWARE, GROUNDED)])
    assert done(again).cache == "memory", "asking the same again at once is the same question"


async def test_an_ingest_that_changes_the_collection_invalidates(
    own_sample_home: Path, assistant: CollectionAssistant, endpoint: ModelServer, tmp_path: Path
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer(GROUNDED))
    await heard(assistant, HARDWARE)
    new = tmp_path / "new.md"
    new.write_text("# Neu\n\nThe canteen sells soup.\n", encoding="utf-8")
    space = workspace(own_sample_home, endpoint)
    async for _ in space.ingest([str(new)], "default"):
        pass
    assert (await space.kept())["disk"].entries == 0, "texts that are gone do not live on in answers"
    assert done(await heard(assistant, HARDWARE)).cache == "miss"
    assert done(await heard(assistant, HARDWARE)).cache == "memory"


async def test_what_is_deleted_does_not_live_on_in_answers(
    own_sample_home: Path, assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED))
    space = workspace(own_sample_home, endpoint)
    await heard(assistant, HARDWARE)
    assert (await space.kept())["disk"].entries == 1
    await space.delete("default")
    assert (await space.kept())["disk"].entries == 0


@pytest.mark.parametrize(
    "reply",
    [
        answer("Nothing is cited here about 99 days."),
        answer("Hardware can be returned within 30", finish="length"),
        answer(GROUNDED, drop_after=3),
        refusal(500),
    ],
)
async def test_failed_cut_off_and_ungrounded_answers_are_not_kept(
    assistant: CollectionAssistant, endpoint: ModelServer, reply: object
) -> None:
    endpoint.enqueue(reply, refusal(500), answer(GROUNDED))  # type: ignore[arg-type]
    await heard(assistant, HARDWARE)
    endpoint._scripts["chat/completions"].clear()
    endpoint.enqueue(answer(GROUNDED))
    assert done(await heard(assistant, HARDWARE)).cache == "miss"
    assert done(await heard(assistant, HARDWARE)).cache == "memory"


async def test_renew_replaces_what_is_kept_and_off_neither_takes_nor_keeps(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer("It is 30 days [1]."), answer("Off [1]."))
    await heard(assistant, HARDWARE)
    assert done(await heard(assistant, HARDWARE, caching="renew")).cache == "miss"
    assert done(await heard(assistant, HARDWARE, caching="off")).cache == "miss"
    assert done(await heard(assistant, HARDWARE)).answer == "It is 30 days [1]."
    assert len(endpoint.requests()) == 3


async def test_a_pick_is_part_of_the_key_and_is_looked_up_after_it_is_made(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer("30 days [1]."), answer("Found otherwise [1]."))
    every = done(await heard(assistant, HARDWARE))
    assert len(every.sources) > 1
    assert done(await heard(assistant, HARDWARE, reply=Pick(tuple(s.n for s in every.sources)))).cache == "memory"
    picked = await heard(assistant, HARDWARE, reply=Pick((1,)))
    assert done(picked).answer == "30 days [1]."
    assert [source.n for source in done(picked).sources] == [1]
    assert kinds(picked) == ["SourcesFound", "Token", "Usage", "Done"]
    again = await heard(assistant, HARDWARE, reply=Pick((1,)))
    assert done(again).cache == "memory"
    assert done(again).sources == done(picked).sources
    nothing = await heard(assistant, HARDWARE, reply=Pick((99,)))
    assert isinstance(nothing[-1], Done)
    assert nothing[-1].error is not None
    searched = await heard(assistant, HARDWARE, reply=Search("warranty period"))
    assert done(searched).cache == "miss"
    assert [event.retrieval.query for event in searched if isinstance(event, SourcesFound)] == [
        HARDWARE,
        "warranty period",
    ]


async def test_stop_ends_a_replay_and_a_making_and_neither_is_kept(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED, hang_after=3), answer(GROUNDED))
    stop = asyncio.Event()
    text = ""
    async for event in assistant.answer(HARDWARE, stop=stop):
        if isinstance(event, Token):
            text += event.text
            if len(text) > 8:
                stop.set()
        last = event
    assert isinstance(last, Done)
    assert last.answer.finish == "interrupted"
    assert last.answer.answer == text
    assert last.answer.usage.prompt_tokens > 0
    assert endpoint.wait_until_idle()
    await heard(assistant, HARDWARE)
    stopped = done(await heard(assistant, HARDWARE, reply=Stop()))
    assert (stopped.finish, stopped.answer) == ("interrupted", "")


async def test_a_hundred_equal_questions_at_once_cost_one_call_and_all_stream_along(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED, delay=0.01))
    answers = [done(events) for events in await asyncio.gather(*(heard(assistant, HARDWARE) for _ in range(100)))]
    assert len(endpoint.requests()) == 1
    assert {answer.answer for answer in answers} == {GROUNDED}
    tiers = [answer.cache for answer in answers]
    assert tiers.count("miss") == 1
    assert set(tiers) <= {"miss", "memory", "disk"}, "who comes late finds it kept"
    assert sum(answer.usage.completion_tokens > 0 for answer in answers) == 1, "only who has it made pays"


async def test_an_answer_that_lands_while_somebody_still_looks_for_it_is_not_made_again(
    own_sample_home: Path, endpoint: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer("A second call [1]."))
    looking, landed = asyncio.Event(), asyncio.Event()
    get = SQLiteAnswers.get

    async def slow(self: SQLiteAnswers, key: CacheKey) -> CachedAnswer | None:
        found = await get(self, key)
        if not looking.is_set():
            looking.set()
            await landed.wait()
        return found

    monkeypatch.setattr(SQLiteAnswers, "get", slow)
    async with workspace(own_sample_home, endpoint, **{"cache.semantic": False}).assistant("default") as exact:
        late = asyncio.create_task(heard(exact, HARDWARE))
        await looking.wait()
        assert done(await heard(exact, HARDWARE)).cache == "miss"
        landed.set()
        assert done(await late).cache == "memory"
    assert len(endpoint.requests()) == 1


async def test_nobody_waits_for_a_tier_that_took_the_last_answer_and_its_trouble_is_told_once_with_the_next(
    own_sample_home: Path, endpoint: ModelServer
) -> None:
    """It is found meanwhile, also by who asks the same before it is kept."""
    endpoint.enqueue(*[answer(GROUNDED)] * 5)
    first, second, third = (HARDWARE.replace("2026", str(year)) for year in (2026, 2027, 2028))
    cache = {"cache.memory_mb": 0, "cache.semantic": False}
    async with workspace(own_sample_home, endpoint, **cache).assistant("default") as node:
        await heard(node, first)
        other = sqlite3.connect(own_sample_home / "answers.db", isolation_level=None)
        other.execute("begin immediate")
        assert not told(await heard(node, second)), "it was not waited for"
        [trouble] = told(await heard(node, second))
        assert "answers.db" in trouble
        other.execute("rollback")
        other.close()
        assert not told(await heard(node, second))
        assert done(await heard(node, third)).cache == "miss"
        assert done(await heard(node, third)).cache == "disk"
    assert len(endpoint.requests()) == 5


async def test_a_leader_that_is_cancelled_changes_nothing_for_the_others(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED, held=(landing := threading.Event()), held_at=4))
    leader = asyncio.create_task(heard(assistant, HARDWARE))
    await asked(endpoint)
    logs: list[list[Event]] = [[] for _ in range(5)]
    followers = [asyncio.create_task(heard(assistant, HARDWARE, events=log)) for log in logs]
    await all_aboard(logs)
    leader.cancel()
    landing.set()
    for events in await asyncio.gather(*followers):
        assert "".join(event.text for event in events if isinstance(event, Token)) == GROUNDED
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert len(endpoint.requests()) == 1


async def test_the_last_one_who_leaves_closes_the_connection(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(hang())
    tasks = [asyncio.create_task(heard(assistant, HARDWARE)) for _ in range(3)]
    await asked(endpoint)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert endpoint.wait_until_idle()


@pytest.mark.parametrize("fault", [refusal(503), answer(GROUNDED, reset_after=4, held_at=4), answer("", reset=True)])
async def test_where_the_model_breaks_off_others_who_ride_along_get_the_whole_answer_once(
    assistant: CollectionAssistant, endpoint: ModelServer, fault: Scripted
) -> None:
    endpoint.enqueue(replace(fault, held=(breaking := threading.Event())), answer(GROUNDED, follow=True))
    for events in await heard_together(assistant, 10, breaking):
        assert done(events).answer == GROUNDED
        assert "".join(event.text for event in events if isinstance(event, Token)) == GROUNDED
        assert sum(isinstance(event, SourcesFound) for event in events) == 1
    assert len(endpoint.requests()) == 2


async def test_an_endpoint_that_is_down_is_asked_twice_for_a_hundred_and_all_are_told(
    assistant: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(*[replace(refusal(503), held=(breaking := threading.Event()))] * 10)
    for events in await heard_together(assistant, 100, breaking):
        assert isinstance(events[-1], Done)
        assert events[-1].error is not None
    assert len(endpoint.requests()) == 2
