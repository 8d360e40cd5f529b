"""What is typed, when, and what is remembered of it."""

from __future__ import annotations

import asyncio
import os
import stat
import time

from chat.desk import (
    CTRL_D,
    CTRL_J,
    CTRL_R,
    ESC_ENTER,
    PASTE,
    UP,
    Desk,
    Prompts,
    until,
)
from chat.double import Script, ScriptedAssistant

from ragcli.store.sessions import SQLiteSessions


async def test_keys_typed_during_an_answer_wait_for_the_prompt(desk: Desk) -> None:
    """Nothing that is typed early is lost, and none of it lands in the answer."""
    script = Script(["one", lambda: desk.keys.send_text("sec"), 0.05, lambda: desk.keys.send_text("ond\r"), 0.05, "."])
    assistant = ScriptedAssistant(script, ["two"])
    task = asyncio.create_task(desk.run(assistant, "first\r"))
    await until(lambda: assistant.closed == 2)
    desk.keys.send_text(CTRL_D)
    await task
    assert [asked.question for asked in assistant.history] == ["first", "second"]
    assert "one.\n" in desk.said


async def test_several_lines_by_keys_quotes_and_paste(desk: Desk) -> None:
    assistant = ScriptedAssistant(["1"], ["2"], ["3"], ["4"])
    pasted = PASTE.format("p\rq\r")
    typed = f'a{CTRL_J}b\rc{ESC_ENTER}d\r"""\re\r\rf\r"""\r{pasted}r\r{CTRL_D}'
    await desk.run(assistant, typed)
    assert [asked.question for asked in assistant.history] == ["a\nb", "c\nd", "e\n\nf", "p\nq\nr"]


async def test_a_paste_of_ten_thousand_lines_is_quick_and_never_sends_itself(desk: Desk) -> None:
    lines = "\r".join(f"line {number}" for number in range(10_000))
    assistant = ScriptedAssistant(["long"])
    began = time.process_time()
    await desk.run(assistant, f"{PASTE.format(lines)}\r{CTRL_D}")
    assert time.process_time() - began < 30, "a cost that grows with the square of the lines is minutes"
    (asked,) = assistant.history
    assert asked.question.count("\n") == 9_999


async def test_history_is_kept_across_runs_for_its_owner_alone(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(["1"], ["2"]), f"first question\rother\r{CTRL_D}")
    assistant = ScriptedAssistant(["3"], ["4"], ["5"])
    desk.prompts = Prompts()
    task = asyncio.create_task(desk.run(assistant, "third\r"))
    await until(lambda: desk.prompts.shown == 3)  # the prompt, the answer, the next prompt: history is loaded there
    desk.keys.send_text(f"{UP}{UP}{UP}\r")
    await until(lambda: desk.prompts.shown == 5)
    desk.keys.send_text(f"{CTRL_R}oth\r\r{CTRL_D}")
    await task
    assert [asked.question for asked in assistant.history] == ["third", "first question", "other"]
    if os.name == "posix":
        assert stat.S_IMODE(desk.history_path.stat().st_mode) == 0o600


async def test_without_a_file_for_it_the_history_is_that_of_this_run(desk: Desk) -> None:
    """As in a home that cannot be written; nor does the chat claim then that it is saved."""
    home = desk.folder / "file"
    home.touch()
    desk.history_path, desk.sessions = home / "history", SQLiteSessions(home / "sessions.db")
    assistant = ScriptedAssistant(["a"], ["b"])
    task = asyncio.create_task(desk.run(assistant, "first\r"))
    await until(lambda: desk.prompts.shown == 3)
    desk.keys.send_text(f"{UP}\r{CTRL_D}")
    await task
    assert [asked.question for asked in assistant.history] == ["first", "first"]
    assert "cannot save the chat" in desk.said
    assert "Saved as" not in desk.said
