"""What ends an answer or the chat before its time: Ctrl-C, signals, a terminal that goes away."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import re
import signal

import pytest
from chat.desk import (
    CTRL_C,
    CTRL_D,
    Desk,
    goodbye,
    until,
)
from chat.double import Script, ScriptedAssistant, terminal

from ragcli.chat import interrupts
from ragcli.types import Notice, Turn


async def test_ctrl_c_in_the_middle_keeps_the_part_that_came(desk: Desk) -> None:
    assistant = ScriptedAssistant(Script(["half ", lambda: desk.keys.send_text(CTRL_C), 60.0, "never"]), ["whole"])
    task = asyncio.create_task(desk.run(assistant, "first\r"))
    await until(lambda: assistant.closed)
    desk.keys.send_text(f"second\r{CTRL_D}")
    assert await task == 0
    without_sources = re.sub(r"\[\d\].*\n.*\n", "", desk.said)
    assert "half \nStopped; the part above is kept. /continue goes on from there.\n" in without_sources
    assert "never" not in desk.said
    assert assistant.history[1].history == (Turn("first", "half "),)
    (_, first), (_, second) = desk.sessions.exchanges("first")
    assert (first.finish, second.finish) == ("interrupted", "stop")


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([60.0, "never"], id="before the first token"),
        pytest.param([Notice("retry", "rate limited", wait_s=30), 60.0, "never"], id="in a retry wait"),
    ],
)
async def test_ctrl_c_before_anything_came_stores_nothing_and_the_chat_goes_on(
    desk: Desk, items: list[str | Notice | float]
) -> None:
    assistant = ScriptedAssistant(Script(items), ["fine"])
    task = asyncio.create_task(desk.run(assistant, f"first\r{CTRL_C}"))
    await until(lambda: assistant.closed)
    desk.keys.send_text(f"second\r{CTRL_D}")
    assert await task == 0
    assert "never" not in desk.said
    assert desk.sessions.turns("first") == [Turn("second", "fine")]


async def test_ctrl_c_twice_leaves_in_the_middle_of_an_answer(desk: Desk) -> None:
    assistant = ScriptedAssistant(Script(["half", lambda: desk.keys.send_text(CTRL_C * 2), 60.0]))
    assert await desk.run(assistant, "first\r") == 0
    assert desk.said.endswith(goodbye("first"))
    assert desk.sessions.turns("first") == [Turn("first", "half")]


async def test_ctrl_c_at_the_prompt_clears_the_line_then_hints_then_leaves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "TWICE_S", 0.0)
    assistant = ScriptedAssistant(["answer"])
    task = asyncio.create_task(desk.run(assistant, f"not this{CTRL_C}but this\r"))
    await until(lambda: desk.prompts.shown == 3)  # the prompt, the answer, the next prompt
    desk.keys.send_text(CTRL_C)
    await until(lambda: "Ctrl-D or /exit leaves" in desk.said)
    monkeypatch.setattr(interrupts, "TWICE_S", 60.0)
    desk.keys.send_text(CTRL_C)
    assert await task == 0
    assert [asked.question for asked in assistant.history] == ["but this"]


async def test_an_answer_that_does_not_heed_the_stop_is_cancelled_by_the_next_press(desk: Desk) -> None:
    class Deaf(ScriptedAssistant):
        async def answer(self, question: str, **_: object):  # type: ignore[no-untyped-def,override]
            async for event in super().answer(question):
                yield event
            await asyncio.sleep(60)

    assistant = Deaf(Script(["half"]))
    task = asyncio.create_task(desk.run(assistant, "first\r"))
    await until(lambda: "half" in desk.said)
    desk.keys.send_text(CTRL_C + CTRL_C)
    assert await task == 0
    assert desk.sessions.turns("first") == [Turn("first", "half")]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("when", ["answering", "waiting"])
async def test_a_signal_that_ends_the_chat_leaves_a_saved_session(desk: Desk, number: int, when: str) -> None:
    assistant = ScriptedAssistant(
        Script(["half", lambda: os.kill(os.getpid(), number), 60.0] if when == "answering" else ["half"])
    )
    before = signal.getsignal(number)
    task = asyncio.create_task(desk.run(assistant, "first\r"))
    if when == "waiting":
        await until(lambda: assistant.closed)
        os.kill(os.getpid(), number)
    assert await task == 128 + number
    assert desk.sessions.turns("first") == [Turn("first", "half")]
    assert signal.getsignal(number) is before


async def test_a_terminal_that_has_gone_away_ends_the_chat_as_a_hang_up_does(desk: Desk) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    desk.console = terminal()
    assistant = ScriptedAssistant(Script(["half", lambda: setattr(desk.console, "file", Gone()), " of it"]))
    assert await desk.run(assistant, "first\r") == 129
    assert desk.sessions.turns("first") == [Turn("first", "half of it")]
