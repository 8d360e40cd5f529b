"""An answer on stdout as it comes, and all that is not the answer on stderr."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from chat.double import SOURCES, Script, ScriptedAssistant, terminal
from msgspec.structs import replace

from ragcli.errors import ConnectionLost
from ragcli.render.answer import AnswerView, show
from ragcli.render.console import make_console
from ragcli.render.sources import location, print_sources, print_verdicts, searched, snippet
from ragcli.text.clean import cells
from ragcli.types import Answer, Citation, Event, Notice, Pick, Reasoning, Reply, Retrieval, Rewritten, Token


def plain() -> tuple[io.StringIO, io.StringIO]:
    return io.StringIO(), io.StringIO()


def screen(console: object) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


async def test_a_pipe_gets_tokens_as_they_come_and_nothing_else() -> None:
    out, err = plain()
    seen: list[str] = []
    look = lambda: seen.append(out.getvalue())  # noqa: E731
    script = Script(["一", look, "二 [1]", look, Notice("resumed", "the line broke, going on"), " end"])
    assistant = ScriptedAssistant(script)
    done = await show(assistant.answer("q"), out=make_console(out), err=make_console(err))
    assert seen == ["一", "一二 [1]"]
    assert out.getvalue() == "一二 [1] end\n"
    assert done.answer.answer == "一二 [1] end"
    assert err.getvalue().startswith(
        "the line broke, going on\n[1] /docs/handbook.md:3-9  Orders › Refunds  0.91  cited\n"
    )
    assert "\x1b" not in out.getvalue() + err.getvalue()
    assert assistant.closed == 1


async def test_quiet_shows_the_answer_alone() -> None:
    out, err = plain()
    script = Script([Notice("x", "a notice"), "answer"])
    await show(ScriptedAssistant(script).answer("q"), out=make_console(out), err=make_console(err), quiet=True)
    assert (out.getvalue(), err.getvalue()) == ("answer\n", "")


async def test_a_sequence_that_is_split_over_tokens_never_reaches_the_pipe() -> None:
    out, err = plain()
    script = Script(["a\x1b", "]52;c;cm0gLXJm", "\x07b\x1b[3", "1mc"])
    await show(ScriptedAssistant(script).answer("q"), out=make_console(out), err=make_console(err))
    assert out.getvalue() == "abc\n"


async def test_a_terminal_names_the_stage_until_the_first_token() -> None:
    console = terminal()
    waiting = Notice("retry", "rate limited", wait_s=3.2)
    script = Script(
        [Rewritten("refund time"), 0.0, waiting, 0.12, Reasoning("let me think\nof it"), 0.06, "**Five** days."]
    )
    await show(ScriptedAssistant(script).answer("q"), out=console, err=console)
    shown = screen(console)
    stages = [
        "searching",
        "reading 2 sources",
        "searching for: refund time",
        "waiting 4 s: rate limited",
        "let me think",
    ]
    positions = [shown.index(stage) for stage in stages]
    assert positions == sorted(positions)
    assert "\x1b[1mFive\x1b[0m days." in shown
    last = shown[shown.rindex("\x1b[J") :]
    assert not any(stage in last for stage in stages)


async def test_reasoning_is_no_part_of_the_answer_and_can_be_folded_away() -> None:
    console = terminal()
    view = AnswerView(out=console, err=console, reasoning=False)
    done = await view.run(ScriptedAssistant(Script([Reasoning("hidden thought"), 0.06, "shown"])).answer("q"))
    assert "hidden" not in screen(console)
    assert done.answer.answer == "shown"


async def test_the_choice_of_sources_travels_into_the_running_answer() -> None:
    async def choose(retrieval: Retrieval) -> Reply:
        return Pick((retrieval.sources[1].n,))

    out, err = plain()
    assistant = ScriptedAssistant(["answer"])
    done = await show(assistant.answer("q"), out=make_console(out), err=make_console(err), choose=choose)
    assert [source.n for source in done.answer.sources] == [2]
    assert assistant.history[0].replies == [Pick((2,))]


async def test_what_came_before_a_failure_is_shown_and_the_generator_is_closed() -> None:
    async def broken() -> AsyncGenerator[Event, Reply | None]:
        yield Token("half an ans")
        raise ConnectionLost("the line is down")

    for console in (make_console(io.StringIO()), terminal()):
        view = AnswerView(out=console, err=console)
        with pytest.raises(ConnectionLost):
            await view.run(broken())
        assert "half an ans" in screen(console)
        assert view.answer.answer == "half an ans"
        assert view.answer.finish == "interrupted"


async def test_cancelling_leaves_the_cursor_on_a_line_of_its_own() -> None:
    console = terminal()
    assistant = ScriptedAssistant(Script(["half", 60.0]))
    task = asyncio.create_task(show(assistant.answer("q"), out=console, err=console))
    while "half" not in screen(console):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert screen(console).endswith("half\x1b[K\r\n\x1b[J")
    assert assistant.closed == 1


async def test_a_stopped_and_a_cut_off_answer_say_so() -> None:
    out, err = plain()
    view = AnswerView(out=make_console(out), err=make_console(err))
    view.show_sources(Answer(question="q", answer="a", finish="interrupted"))
    view.show_sources(Answer(question="q", answer="a", finish="length"))
    assert err.getvalue().splitlines() == [
        "Stopped; the part above is kept.",
        "Cut off at the longest answer that is allowed (chat.max_tokens).",
    ]


async def test_a_terminal_shows_sources_below_the_answer_with_links_and_emphasis() -> None:
    console = terminal()
    script = Script(["Five days [1]."], citations=(Citation(1, "Five days [1].", "supported"),))
    await show(
        ScriptedAssistant(script).answer("How long do refunds take?"), out=console, err=make_console(io.StringIO())
    )
    shown = screen(console)
    assert "]8;" in shown
    assert "file:///docs/handbook.md\x1b\\" in shown
    assert re.search(r"\x1b\[1;2mRefunds\x1b\[0m", shown)
    assert shown.index("Five days") < shown.index("handbook.md:3-9")


def test_places_hang_on_a_narrow_screen_and_stay_one_line_in_a_pipe() -> None:
    """Also where the characters are wide: further rows stand below the first one's text, behind the number."""
    source = replace(SOURCES[1], path="/docs/客服与退换货手册.md", heading=("退换货", "期限与运费"))
    narrow, (piped, _) = terminal(columns=30), plain()
    print_sources(narrow, [source], query="退货", folder=Path("/"))
    rows = re.sub(r"\x1b(\[[\d;]*m|\]8;[^\x1b]*\x1b\\)", "", screen(narrow)).splitlines()
    assert [row[:4] for row in rows] == ["[2] ", "    ", "    ", "    "]
    assert all(cells(row) < 30 for row in rows)
    print_sources(make_console(piped), [source], query="退货", folder=Path("/"))
    assert piped.getvalue().splitlines()[0] == "[2] docs/客服与退换货手册.md p.2  退换货 › 期限与运费  0.42"


def test_of_many_doubtful_sentences_the_first_are_named_and_the_rest_counted() -> None:
    out, _ = plain()
    doubts = tuple(Citation(1, f"第{n}句。", "unsupported") for n in range(9))
    print_verdicts(make_console(out), Answer(question="q", answer="a", citations=doubts))
    assert out.getvalue().splitlines()[-2:] == [
        "? not confirmed by [1]: 第3句。",
        "? and 5 more that their sources do not confirm",
    ]


def test_only_a_terminal_pays_for_the_markdown_renderer() -> None:
    """A cold `ask` in a pipe imports neither Markdown nor the line editor."""
    program = (
        "import sys, ragcli.render.answer, ragcli.render.console; "
        "print({'rich.markdown', 'markdown_it', 'pygments', 'prompt_toolkit'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.strip() == "set()"


def test_the_place_of_a_source_is_relative_to_the_working_directory_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = replace(SOURCES[0], path=str(tmp_path / "a" / "b.md"))
    assert location(source) == f"a{os.sep}b.md:3-9"
    assert location(replace(source, lines=(4, 4))) == f"a{os.sep}b.md:4"
    assert location(replace(source, lines=None)) == f"a{os.sep}b.md"
    assert location(replace(source, path="/other/\x1b[2Jx.pdf", page=7)) == "/other/x.pdf p.7"
    assert location(replace(source, path="<stdin>", lines=None)) == "<stdin>"


@pytest.mark.parametrize(
    ("question", "text", "found"),
    [
        ("refunding an order", "Orders are refunded. " * 3, ["Orders", "refunded"]),
        ("退货的期限", "第一条 总则。退货期限为三十天。", ["退货期限"]),
        ("what is ERR_CONN_RESET", "See ERR_CONN_RESET below.", ["ERR_CONN_RESET"]),
        ("unrelated", "Nothing of it.", []),
        ("refunds", "In this long sentence many words stand in front of what was looked for, refunds.", ["refunds"]),
    ],
)
def test_a_snippet_points_at_the_words_that_were_asked_for(question: str, text: str, found: list[str]) -> None:
    shown = snippet(text, searched(question), 60)
    marked = [shown.plain[span.start : span.end] for span in shown.spans if span.style == "source.match"]
    assert marked[: len(found)] == found
    assert shown.cell_len <= 60
    assert re.findall(r"\w+", shown.plain)[0] in re.findall(r"\w+", text)  # it begins with a whole word


@pytest.mark.parametrize(
    ("color", "variables", "escapes"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False)],
)
async def test_colour_and_animation_only_where_they_are_wanted(
    color: bool, variables: dict[str, str], escapes: bool
) -> None:
    stream = terminal().file
    environment = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"} | variables
    console = make_console(stream, color=color, environment=environment)  # type: ignore[arg-type]
    await show(ScriptedAssistant(["**bold** [1]"]).answer("refunds"), out=console, err=console)
    assert ("\x1b" in screen(console)) is escapes
    assert ("**bold**" in screen(console)) is not escapes
