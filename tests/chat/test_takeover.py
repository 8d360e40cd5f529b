"""Two chats in one session: one goes on where the other died, and nobody loses a word."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from chat.desk import CTRL_D, Desk, until
from chat.double import SOURCES, Script, ScriptedAssistant

from ragcli.chat import takeover
from ragcli.ports.journeys import LEASE_S
from ragcli.store.sessions import SQLiteSessions
from ragcli.types import Answer, Turn


@pytest.fixture
def other(desk: Desk, tmp_path: Path) -> SQLiteSessions:
    """The other chat's view of the same sessions."""
    return SQLiteSessions(tmp_path / "home" / "sessions.db")


def part(text: str) -> Answer:
    return Answer(question="问？", answer=text, finish="interrupted", sources=SOURCES, provider="openai")


async def test_continue_goes_on_from_what_the_other_chat_had_written_when_it_died(
    desk: Desk, other: SQLiteSessions
) -> None:
    """More had come since this chat has loaded the session: it is shown, and nothing of it is asked for again."""
    number = other.append("s", part("一"))
    assistant = ScriptedAssistant(["三。"])
    task = asyncio.create_task(desk.run(assistant, "", session="s"))
    await until(lambda: "broke off" in desk.said)
    other.update(number, part("一二"))
    desk.keys.send_text(f"/continue\r{CTRL_D}")
    await task
    (asked,) = assistant.history
    assert asked.resume is not None
    assert asked.resume.answer == "一二"
    assert "一二\n" in desk.said
    assert desk.sessions.turns("s") == [Turn("问？", "一二三。")]


async def test_an_answer_that_grows_under_another_hand_is_left_to_it(
    desk: Desk, other: SQLiteSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease is waited for; where it is renewed meanwhile, this chat says why it does not go on."""
    number = other.append("s", part("一"), growing=True)
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        other.update(number, part("一二"), growing=True)

    monkeypatch.setattr(takeover, "asyncio", SimpleNamespace(sleep=sleep))
    assistant = ScriptedAssistant()
    await desk.run(assistant, f"/continue\r{CTRL_D}", session="s")
    assert "Another chat is writing this answer; if that dies, /continue goes on from there." in desk.said
    assert "s for a sign of life" in desk.said
    [seconds] = waited
    assert 0 < seconds <= LEASE_S + 0.1
    assert "error: another chat is writing this answer; wait until it has ended" in desk.said
    assert assistant.history == []
    assert other.turns("s") == [Turn("问？", "一二")]


async def test_an_answer_that_the_other_chat_has_finished_is_shown_and_not_continued(
    desk: Desk, other: SQLiteSessions
) -> None:
    number = other.append("s", part("一"), growing=True)
    assistant = ScriptedAssistant()
    task = asyncio.create_task(desk.run(assistant, "", session="s"))
    await until(lambda: "Another chat is writing" in desk.said)
    other.update(number, Answer(question="问？", answer="一二三。", sources=SOURCES))
    desk.keys.send_text(f"/continue\r{CTRL_D}")
    await task
    assert assistant.history == []
    assert "一二三。\n" in desk.said


async def test_a_chat_that_was_overtaken_in_its_sleep_keeps_its_text_beside_the_other(
    desk: Desk, other: SQLiteSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both answers stand in the session, each once, and both chats are told of each other."""
    taken: list[int] = []

    async def overtake() -> None:
        await until(lambda: other.exchanges("q"))  # it is being stored, in a thread
        ((number, _),) = other.exchanges("q")
        monkeypatch.setattr(other, "_left", lambda *_: 0.0)
        other.claim(number)
        other.update(number, Answer(question="q", answer="theirs", sources=SOURCES))
        taken.append(number)

    await desk.run(ScriptedAssistant(Script(["mi", overtake, "ne"])), f"q\rr\r{CTRL_D}")
    assert taken
    assert [turn.answer for turn in desk.sessions.turns("q")] == ["theirs", "mine", "You asked: r"]
    assert desk.said.count("Another chat writes in this session, too") == 1
