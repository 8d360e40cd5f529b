"""The real loop, typed into through a pipe: what a person types, and all that is shown."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from chat.desk import (
    CTRL_C,
    CTRL_D,
    EXAMPLES,
    GREETING,
    SHOWN_SOURCES,
    Desk,
    goodbye,
    until,
)
from chat.double import SOURCES, Script, ScriptedAssistant, terminal
from msgspec.structs import replace

from ragcli.chat.reader import LineReader
from ragcli.chat.repl import chat
from ragcli.chat.table import TABLE, reference
from ragcli.config import Repl as Settings
from ragcli.errors import ConnectionLost, NothingRelevant
from ragcli.render.console import make_console
from ragcli.store.sessions import SQLiteSessions
from ragcli.types import Answer, Citation, Notice, Pick, Reasoning, Requests, Rewritten, Turn


async def test_a_question_is_answered_with_its_sources_and_kept(desk: Desk) -> None:
    assistant = ScriptedAssistant(["Refunds take ", "five days [1]."])
    assert await desk.run(assistant, f"how long do refunds take?\r{CTRL_D}") == 0
    answered = "Refunds take five days [1].\n" + SHOWN_SOURCES + "\n"
    assert desk.said == GREETING + EXAMPLES + answered + goodbye("how long do refunds take")
    assert desk.sessions.turns("how long do refunds take") == [
        Turn("how long do refunds take?", "Refunds take five days [1].")
    ]


async def test_the_second_question_knows_the_first(desk: Desk) -> None:
    assistant = ScriptedAssistant(["三十天。"], ["是。"])
    await desk.run(assistant, f"退货期限是多久？\r节假日也算吗？\r{CTRL_D}")
    first, second = assistant.history
    assert first.history == ()
    assert second.history == (Turn("退货期限是多久？", "三十天。"),)
    assert first.session == second.session == "退货期限是多久"


@pytest.mark.parametrize("word", ["/exit", "/quit", ".exit", "/EXIT"])
async def test_commands_that_leave(desk: Desk, word: str) -> None:
    assert await desk.run(ScriptedAssistant(), f"{word}\r") == 0
    assert desk.said == GREETING + EXAMPLES


async def test_an_unknown_command_suggests_the_nearest_and_asks_nothing(desk: Desk) -> None:
    assistant = ScriptedAssistant()
    await desk.run(assistant, f"/sorces\r.hlep\r/zzz\r{CTRL_D}")
    assert "There is no command /sorces: did you mean /sources?" in desk.said
    assert "There is no command .hlep: did you mean /help?" in desk.said
    assert "There is no command /zzz: /help lists the commands" in desk.said
    assert assistant.history == []


@pytest.mark.parametrize("question", ["/etc/hosts: what is it for?", "... and then?", ".5 of what?", "/ means what?"])
async def test_a_question_may_begin_with_a_slash_or_a_dot(desk: Desk, question: str) -> None:
    assistant = ScriptedAssistant(["yes"])
    await desk.run(assistant, f"{question}\r{CTRL_D}")
    assert [asked.question for asked in assistant.history] == [question]


async def test_help_lists_every_command_and_says_which_cannot_be_used_yet(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(), f"/help\r{CTRL_D}")
    for usage in ("/help, /?", "/sources [N]", "/exit, /quit", "/export FILE", "/load NAME"):
        assert usage in desk.said
    assert re.search(r"/retry +answer the last question again \(no answer yet\)", desk.said)


async def test_on_a_narrow_screen_what_is_said_of_a_name_stands_below_it(desk: Desk) -> None:
    desk.console = terminal(columns=40)
    await desk.run(ScriptedAssistant(), f"/help\r{CTRL_D}")
    rows = re.sub(r"\x1b\[[\d;]*m", "", desk.console.file.getvalue()).splitlines()  # type: ignore[attr-defined]
    at = rows.index("/export FILE")
    assert rows[at + 1 : at + 3] == ["    this session to a new file: .md or", "    .json (nothing has been said yet)"]


async def test_sources_shows_one_in_full_and_says_which_there_are(desk: Desk) -> None:
    typed = f"/sources\rq\r/sources 1\r/sources 2\r/sources 7\r{CTRL_D}"
    await desk.run(ScriptedAssistant(["Refunds take five days [1]."]), typed)
    assert "/sources: no answer yet" in desk.said
    passage = (
        "  Orders leave the warehouse at noon.\n┃ Refunds take five days. Parcels leave on Mondays.\n  退款原路返回。\n"
    )
    assert f"[1] /docs/handbook.md:3-9  Orders › Refunds  0.91  cited\n{passage}\n" in desk.said
    assert "[2] /docs/价格.pdf p.2  0.42\n│ 标准版每月五元。\n\n" in desk.said
    assert "There is no source 7: the last answer has 1, 2" in desk.said


async def test_a_session_is_resumed_with_its_last_exchange_shown(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(["the *first* answer"]), f"one\r{CTRL_D}")
    assistant = ScriptedAssistant(["again"])
    desk.screen.truncate(0)
    await desk.run(assistant, f"two\r{CTRL_D}", resume=True)
    assert "Session one: 1 exchange so far.\n❯ one\nthe *first* answer\n" in desk.said
    assert assistant.history[0].history == (Turn("one", "the *first* answer"),)
    assert len(desk.sessions.turns("one")) == 2


async def test_resuming_without_a_session_says_so(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(), CTRL_D, resume=True)
    assert "There is no session to resume yet: this one is new." in desk.said


async def test_sessions_are_listed_named_loaded_and_left(desk: Desk) -> None:
    assistant = ScriptedAssistant(["1"], ["2"], ["3"])
    typed = "one\r/rename work\r/clear\rtwo\r/rename work\r/sessions\r/load work\r/load nothing\rthree\r"
    await desk.run(assistant, typed + CTRL_D)
    assert "This session is now work." in desk.said
    assert "A new session begins; /load work goes back." in desk.said
    assert "There is a session work already: choose another name" in desk.said
    info = r"1 exchange, \d+ k?B, just now\n"
    assert re.search(rf"two \(this one\)  {info}work            {info}", desk.said)
    assert "There is no session nothing: /sessions lists them" in desk.said
    assert [turn.question for turn in desk.sessions.turns("work")] == ["one", "three"]
    assert assistant.history[1].history == ()


async def test_two_chats_in_one_session_lose_nothing_and_are_told(desk: Desk) -> None:
    other = lambda: desk.sessions.append("shared", Answer(question="theirs", answer="their answer"))  # noqa: E731
    assistant = ScriptedAssistant(Script([other, "ours"]), ["next"])
    await desk.run(assistant, f"mine\rand\r{CTRL_D}", session="shared")
    assert desk.said.count("Another chat writes in this session, too") == 1
    assert [turn.question for turn in desk.sessions.turns("shared")] == ["theirs", "mine", "and"]
    assert assistant.history[1].history == (Turn("theirs", "their answer"), Turn("mine", "ours"))


async def test_retry_answers_again_in_the_place_of_the_former_answer(desk: Desk) -> None:
    assistant = ScriptedAssistant(["bad"], ["better"], Script([ConnectionLost("the line is down")]))
    await desk.run(assistant, f"q\r/retry\r/retry\r{CTRL_D}")
    assert [asked.question for asked in assistant.history] == ["q", "q", "q"]
    assert assistant.history[1].history == ()
    assert desk.sessions.turns("q") == [Turn("q", "better")]
    assert "error: the line is down" in desk.said


async def test_answers_and_sessions_go_to_new_files_only(desk: Desk) -> None:
    answer, markdown, json = desk.folder / "a.md", desk.folder / "new" / "s.md", desk.folder / "s.json"
    typed = f"q\r/save {answer}\r/save {answer}\r/export {markdown}\r/export {json}\r/save\r{CTRL_D}"
    await desk.run(ScriptedAssistant(["**Five** days [1]."]), typed)
    assert answer.read_text() == "**Five** days [1].\n"
    assert f"{answer} exists already" in desk.said.replace("\n", "")
    assert "## q\n\n**Five** days [1].\n\nSources:\n\n- [1] /docs/handbook.md:3-9" in markdown.read_text()
    assert '"schema": 1' in json.read_text()
    assert '"cited": true' in json.read_text()
    assert "/save needs FILE" in desk.said


async def test_what_cannot_be_answered_is_told_in_one_line_and_the_chat_goes_on(desk: Desk) -> None:
    missing = NothingRelevant("nothing in the index speaks of that", remedy="ask in other words")
    assistant = ScriptedAssistant(Script([missing], sources=()), ["fine"])
    await desk.run(assistant, f"q\rr\r{CTRL_D}")
    assert "error: nothing in the index speaks of that; ask in other words\n" in desk.said
    assert "fine\n" in desk.said


async def test_doubtful_citations_and_extracts_are_marked(desk: Desk) -> None:
    doubts = (Citation(2, "It costs 9 [2].", "unsupported"), Citation(8, "Or so [8].", "unknown_source"))
    await desk.run(
        ScriptedAssistant(Script(["It costs 9 [2]."], citations=doubts, provider="extractive")), f"q\r{CTRL_D}"
    )
    assert "Extractive answer" in desk.said
    assert "? not confirmed by [2]: It costs 9 [2].\n" in desk.said
    assert "? there is no source [8]: Or so [8].\n" in desk.said


async def test_on_a_terminal_a_doubtful_citation_is_marked_and_kept_as_it_was_written(
    desk: Desk,
) -> None:
    desk.console = terminal()
    answer = "Refunds take nine days [1]."
    await desk.run(ScriptedAssistant([answer]), f"q\r{CTRL_D}")
    assert "nine days \x1b[33m[1?]\x1b[0m." in desk.console.file.getvalue()  # type: ignore[attr-defined]
    assert desk.sessions.turns("q") == [Turn("q", answer)]


async def test_text_that_would_steer_the_terminal_is_stripped(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(["a\x1b]0;tit", "le\x07b\x1b", "[2Jc"]), f"q\r{CTRL_D}")
    assert "abc\n" in desk.said
    assert "\x1b" not in desk.said


async def test_stats_tells_what_was_counted_of_the_requests(desk: Desk) -> None:
    """How many there were, which failed by kind, and how fast the model was."""
    assistant = ScriptedAssistant(["ok"])
    assistant.requests = Requests(started=5, failures={"rate_limited": 2}, first_item_ms=312.4, items_per_s=41.6)
    await desk.run(assistant, f"q\r/stats\r{CTRL_D}")
    assert "5, 2 failed (rate_limited 2), first token after 312 ms, 42 tokens/s" in " ".join(desk.said.split())


async def test_stats_counts_tokens_and_waits(desk: Desk) -> None:
    script = Script([Notice("retry", "rate limited", wait_s=0.0), Reasoning("hm"), Rewritten("better q"), "ok"])
    await desk.run(ScriptedAssistant(script, ["ok"]), f"q\rr\r/stats\r{CTRL_D}")
    assert re.search(r"answers +2, of them from the cache 0", desk.said)
    assert re.search(r"tokens +about 2000 in, about 4 out", desk.said)
    assert re.search(r"waits +1, together 0\.0 s", desk.said)


async def test_the_sources_are_chosen_before_the_answer(desk: Desk) -> None:
    assistant = ScriptedAssistant(["from both"], ["from the second"])
    await desk.run(assistant, f"q\r\rr\r9\r2\r/pick off\rs\r{CTRL_D}", pick=True)
    assert [asked.replies for asked in assistant.history] == [[], [Pick((2,))], []]
    assert "There are 1, 2.\n" in desk.said
    assert "All sources are used.\n" in desk.said


async def test_choosing_can_search_for_other_words_or_stop(desk: Desk) -> None:
    assistant = ScriptedAssistant(["found"], ["never"])
    task = asyncio.create_task(desk.run(assistant, "q\re\r words\r2\r", pick=True))
    await until(lambda: "found" in desk.said)
    desk.keys.send_text(f"r\r{CTRL_C}{CTRL_D}")
    await task
    first, second = assistant.history
    assert (first.question, first.searches, first.replies) == ("q", ["q words"], [Pick((2,))])
    assert second.question == "r"
    assert "never" not in desk.said
    assert [turn.question for turn in desk.sessions.turns("q")] == ["q"]


@pytest.mark.skipif(os.name != "posix", reason="the editor is a shell script")
async def test_the_editor_opens_a_source_at_the_line_that_was_used_and_edits_the_question(desk: Desk) -> None:
    editor = desk.folder / "my editor"
    editor.write_text(
        f'#!/bin/sh\necho "$@" >> "{desk.folder}/calls"\n[ $# = 1 ] && echo " and more" >> "$1"\nexit 0\n'
    )
    editor.chmod(0o755)
    document = desk.folder / "doc.md"
    document.write_text("text")
    lines = replace(SOURCES[0], path=str(document), lines=(3, 5), text="# Refunds\n\nRefunds take five days.")
    assistant = ScriptedAssistant(Script(["Refunds take five days [1]."], sources=(lines, SOURCES[1])), ["b"])
    task = asyncio.create_task(
        desk.run(assistant, "q\r/open 1\r/open 2\r/open 5\r/edit\r", environment={"EDITOR": f'"{editor}"'})
    )
    await until(lambda: (desk.folder / "calls").exists() and (desk.folder / "calls").read_text().count("\n") == 2)
    desk.keys.send_text(f"\r{CTRL_D}")
    await task
    assert (desk.folder / "calls").read_text().splitlines()[0] == f"+5 {document}"
    assert "/docs/价格.pdf is no file any more" in desk.said
    assert "There is no source 5" in desk.said
    assert [asked.question for asked in assistant.history] == ["q", "q and more"]


async def test_reasoning_is_switched_and_copying_says_where_it_cannot(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(["a"]), f"/reasoning off\r/reasoning\rq\r/copy\r{CTRL_D}", environment={})
    assert "models that send it is hidden." in desk.said
    assert "models that send it is shown." in desk.said
    if not any(shutil.which(name) for name in ("pbcopy", "clip.exe")):
        assert "There is no clipboard here" in desk.said


def test_the_readme_table_names_every_command_with_its_argument() -> None:
    assert "| `/exit, /quit` | leave; the session is saved |" in reference()
    assert "| `/pick [on\\|off]` |" in reference()
    assert reference().count("\n") == len(TABLE) + 2


async def test_an_empty_collection_says_what_to_do(desk: Desk) -> None:
    assistant = ScriptedAssistant()
    assistant.documents = 0
    await desk.run(assistant, f"  \r\r{CTRL_D}")
    assert desk.said == "Nothing is indexed in default yet. Leave with Ctrl-D, then: ragcli ingest FOLDER\n"
    assert assistant.history == []


async def test_lines_of_a_pipe_are_answered_one_by_one_without_escape_codes(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assistant = ScriptedAssistant(["一 [1]"], ["two"], ["three"])
    code = await chat(
        assistant,
        SQLiteSessions(tmp_path / "sessions.db"),
        console=make_console(out),
        err=make_console(err),
        settings=Settings(),
        history_path=tmp_path / "history",
        reader=LineReader(io.StringIO('q1\n\nq2\r\n"""\nq3\nq4\n"""\n/sources\n')),
    )
    assert code == 0
    assert [asked.question for asked in assistant.history] == ["q1", "q2", "q3\nq4"]
    assert out.getvalue().startswith("一 [1]\n\ntwo\n\nthree\n\n[1]")
    assert "[1] /docs/handbook.md:3-9" in err.getvalue()
    assert "\x1b" not in out.getvalue() + err.getvalue()


async def test_a_terminal_shows_the_same_answer_with_its_markup(desk: Desk) -> None:
    """With colour the Markdown is rendered and nothing of it is said twice."""
    desk.console = terminal(columns=60)
    await desk.run(ScriptedAssistant(["Refunds take **five** days [1].\n\n- one\n- two"]), f"q\r{CTRL_D}")
    shown = desk.console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[1mfive\x1b[0m" in shown
    assert "**" not in shown
    assert "\x1b]8;" in shown


async def test_cache_off_retry_and_cache_on_are_told_to_what_answers(desk: Desk) -> None:
    assistant = ScriptedAssistant(["one"], ["two"], ["三"], ["four"])
    assert await desk.run(assistant, "first\r/retry\r/cache off\r第二\r/cache\rthird\r/exit\r") == 0
    assert [asked.caching for asked in assistant.history] == ["use", "renew", "off", "use"]
    assert "Each question is answered anew" in desk.said
