"""Answers that broke off and are gone on with, sources that are chosen, assistants that are switched."""

from __future__ import annotations

import asyncio
import io

import pytest
from chat.desk import CTRL_C, CTRL_D, UP, Desk, until
from chat.double import SOURCES, Script, ScriptedAssistant, ScriptedAssistants, terminal
from msgspec.structs import replace
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from ragcli.chat.completion import CommandCompleter
from ragcli.chat.conversation import Conversation
from ragcli.chat.examples import examples
from ragcli.chat.interrupts import Interrupts
from ragcli.chat.keyboard import Keyboard
from ragcli.chat.reader import LineReader
from ragcli.chat.repl import Repl
from ragcli.errors import ConnectionLost, EndpointError, IndexMissing
from ragcli.types import Answer, Pick, Turn

DOWN, ESC = "\x1b[B", "\x1b"


def screen(desk: Desk) -> str:
    return desk.console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


# --- /continue ------------------------------------------------------------------------------------------------


async def test_continue_goes_on_with_a_stopped_answer_in_its_place(desk: Desk) -> None:
    """The same sources, no second exchange, and the screen has every word once."""
    stopped = Script(["Refunds take ", lambda: desk.keys.send_text(CTRL_C), 60.0], sources=SOURCES[:1])
    assistant = ScriptedAssistant(stopped, Script(["five days [1]."], sources=SOURCES[:1]), ["next"])
    task = asyncio.create_task(desk.run(assistant, "q\r"))
    await until(lambda: assistant.closed)
    desk.keys.send_text(f"/continue\r/continue\rr\r{CTRL_D}")
    await task
    first, second, third = assistant.history
    assert second.resume is not None
    assert (second.question, second.resume.answer, second.resume.sources) == ("q", "Refunds take ", SOURCES[:1])
    assert second.history == ()
    assert third.history == (Turn("q", "Refunds take five days [1]."),)
    assert desk.said.count("Refunds take") == 1 + desk.said.count("    Refunds take five days. Parcels")
    assert "/continue: nothing to continue\n" in desk.said
    (_, stored), _ = desk.sessions.exchanges("q")
    assert (stored.answer, stored.finish) == ("Refunds take five days [1].", "stop")
    assert first.session == second.session == third.session == "q"


async def test_a_continuation_that_fails_keeps_what_there_was(desk: Desk) -> None:
    lost = ConnectionLost("the line is down")
    assistant = ScriptedAssistant(Script(["一", lost]), Script(["二", lost]), Script([lost]), ["三。"])
    await desk.run(assistant, f"q\r/continue\r/continue\r/continue\r{CTRL_D}")
    assert [asked.resume.answer if asked.resume else "" for asked in assistant.history] == ["", "一", "一二", "一二"]
    assert desk.sessions.turns("q") == [Turn("q", "一二三。")]
    assert desk.said.count("The part above is kept; /continue goes on from there.") == 3


async def test_continue_says_why_it_cannot(desk: Desk) -> None:
    quoting = ScriptedAssistant(["whole"])
    quoting.provider = "extractive"
    begun = Answer(question="q", answer="half", finish="interrupted", provider="openai", sources=SOURCES)
    desk.sessions.append("s", begun)
    await desk.run(quoting, f"/continue\r/clear\r/continue\rr\r/continue\r{CTRL_D}", session="s")
    assert "/continue: a model began this answer and quotes cannot go on with it: /retry answers anew\n" in desk.said
    assert desk.said.count("/continue: nothing to continue\n") == 2


async def test_the_part_that_came_is_stored_while_it_grows(desk: Desk) -> None:
    """After the first token, and then every 32 tokens or half a second: that is all that a crash can take."""
    assistant = ScriptedAssistant(Script([*(f"w{n} " for n in range(200)), lambda: held.append(1), 60.0]))
    held: list[int] = []
    task = asyncio.create_task(desk.run(assistant, "q\r", pick=False))
    await until(lambda: held and len("".join(turn.answer for turn in desk.sessions.turns("q")).split()) >= 168)
    ((_, stored),) = desk.sessions.exchanges("q")
    assert stored.finish == "interrupted"
    assert stored.sources == SOURCES
    desk.keys.send_text(CTRL_C + CTRL_D)
    await task


async def test_resuming_shows_the_part_that_came_and_that_it_can_go_on(desk: Desk) -> None:
    desk.sessions.append("s", Answer(question="问？", answer="答了一", finish="interrupted", sources=SOURCES))
    assistant = ScriptedAssistant(["半。"])
    await desk.run(assistant, f"/continue\r{CTRL_D}", resume=True)
    assert "❯ 问？\n答了一\nThis answer broke off; /continue goes on from there.\n" in desk.said
    assert desk.sessions.turns("s") == [Turn("问？", "答了一半。")]


async def test_code_that_broke_off_goes_on_as_code(desk: Desk) -> None:
    """The fence that opened it was printed before; without it the rest would be read as prose."""
    begun = "So:\n\n```python\ndef f():\n"
    desk.sessions.append("s", Answer(question="q", answer=begun, finish="interrupted", sources=SOURCES))
    desk.console = terminal(columns=60)
    await desk.run(ScriptedAssistant(["    return *a*, *b*\n```\nDone."]), f"/continue\r{CTRL_D}", session="s")
    assert "```" not in screen(desk)
    assert "*a*" in screen(desk).replace("\x1b[0m", "").replace("\x1b[91m", "").replace("\x1b[39m", "")


# --- choosing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("\r", []),
        (" \r", [Pick((1,))]),
        (f"{DOWN} \r", [Pick((2,))]),
        (f"jk{DOWN}{UP}j \r", [Pick((2,))]),
        ("2\r", [Pick((2,))]),
        ("29\r", [Pick((2,))]),
        ("12\r", []),
        ("a\r", []),
        ("a1\r", [Pick((2,))]),
        ("aa\r", []),
    ],
)
async def test_sources_are_ticked_in_a_list(desk: Desk, typed: str, reply: list[Pick]) -> None:
    desk.console = terminal()
    assistant = ScriptedAssistant(["an answer"])
    task = asyncio.create_task(desk.run(assistant, "q\r", pick=True))
    await until(lambda: desk.prompts.shown >= 2)
    desk.keys.send_text(typed)
    await until(lambda: assistant.closed)
    desk.keys.send_text(CTRL_D)
    await task
    assert assistant.history[0].replies == reply


async def test_the_list_searches_with_other_words_and_is_given_up(desk: Desk) -> None:
    desk.console = terminal()
    assistant = ScriptedAssistant(["an answer"], ["never"])
    task = asyncio.create_task(desk.run(assistant, "q\re 词\r", pick=True))
    await until(lambda: assistant.history and assistant.history[0].searches)
    desk.keys.send_text("2\r")
    await until(lambda: assistant.closed)
    desk.keys.send_text(f"r\r{CTRL_C}")
    await until(lambda: assistant.closed == 2)
    desk.keys.send_text(CTRL_D)
    await task
    assert (assistant.history[0].searches, assistant.history[0].replies) == (["q 词"], [Pick((2,))])
    assert "Sources: 2" in screen(desk)
    assert "never" not in screen(desk)


# --- switching ------------------------------------------------------------------------------------------------


async def test_collection_model_and_number_of_passages_are_switched_for_this_chat(desk: Desk) -> None:
    first, second, third, fourth = (ScriptedAssistant([name]) for name in "1234")
    second.collection, second.documents, third.model = "合同", 1, "other-model"
    assistants = ScriptedAssistants(second, third, fourth)
    typed = "a\r/collection 合同\rb\r/model other-model\rc\r/top 7\rd\r"
    await desk.run(first, typed + CTRL_D, assistants=assistants)
    assert assistants.asked == [{"collection": "合同"}, {"model": "other-model"}, {"top_k": 7}]
    assert [each.history[0].question for each in (first, second, third, fourth)] == ["a", "b", "c", "d"]
    assert second.history[0].history == (Turn("a", "1"),)
    assert "Asking 合同 now: 1 document.\n" in desk.said
    assert "Answers by other-model from now on.\n" in desk.said
    assert "Answers are made from the best 7 passages from now on.\n" in desk.said


async def test_a_switch_that_fails_leaves_what_was(desk: Desk) -> None:
    assistant, assistants = ScriptedAssistant(["1"]), ScriptedAssistants()
    assistants.failure = IndexMissing("there is no collection 'x' yet", remedy="make it")
    await desk.run(
        assistant, f"/collection x\r/model othr-model\r/top 0\r/top many\rq\r{CTRL_D}", assistants=assistants
    )
    assert "error: there is no collection 'x' yet; make it\n" in desk.said
    assert "The endpoint has no model othr-model: it has other-model\n" in desk.said
    assert desk.said.count("/top takes a number from 1 to 50") == 2
    assert [asked.question for asked in assistant.history] == ["q"]


async def test_without_a_name_the_switches_list_what_there_is(desk: Desk) -> None:
    await desk.run(ScriptedAssistant(), f"/collection\r/model\r{CTRL_D}", assistants=ScriptedAssistants())
    assert "* default\n  合同\n" in desk.said
    assert "* scripted\n  other-model\n  extractive\n" in desk.said


async def test_an_endpoint_that_lists_nothing_is_believed(desk: Desk) -> None:
    other = ScriptedAssistant()
    other.model = "any"
    assistants = ScriptedAssistants(other)
    assistants.served = EndpointError("no such page")
    await desk.run(ScriptedAssistant(), f"/model any\r{CTRL_D}", assistants=assistants)
    assert "Answers by any from now on.\n" in desk.said


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("/model ot", ["other-model"]),
        ("/model ", ["scripted", "other-model", "extractive"]),
        ("/collection 合", ["合同"]),
        ("/pick o", ["on", "off"]),
        ("/continue", []),
        ("/coll", ["/collection"]),
        (".mo", [".model"]),
        ("what /model", []),
    ],
)
async def test_tab_completes_commands_and_what_they_take(desk: Desk, typed: str, offered: list[str]) -> None:
    """The endpoint is asked for its models once."""
    assistants = ScriptedAssistants()
    conversation = Conversation(ScriptedAssistant(), desk.sessions, pick=False, reasoning=True)
    around = {"out": desk.console, "err": desk.console, "environment": {}, "keyboard": Keyboard()}
    repl = Repl(conversation, Interrupts(), **around, assistants=assistants)  # type: ignore[arg-type]
    completer = CommandCompleter(repl)
    for _ in range(2):
        found = completer.get_completions_async(Document(typed), CompleteEvent())
        assert [completion.text async for completion in found] == offered
    assert assistants.listed <= 1


# --- what is indexed ------------------------------------------------------------------------------------------


async def test_an_ingest_by_another_process_is_told_before_the_next_answer(desk: Desk) -> None:
    """And the answer comes from the collection as it is then."""
    fresh = ScriptedAssistant(["new"], ["newer"])
    fresh.generation, fresh.documents = 2, 12
    assistants = ScriptedAssistants(fresh)
    former = ScriptedAssistant(Script(["old", lambda: setattr(former, "generation", 2)]))
    await desk.run(former, f"a\rb\rc\r{CTRL_D}", assistants=assistants)
    assert desk.said.count("index updated: 12 documents\nnew\n") == 1
    assert desk.said.count("index updated") == 1
    assert [asked.question for asked in fresh.history] == ["b", "c"]


async def test_examples_are_shown_at_the_first_start_alone(desk: Desk) -> None:
    desk.sessions.append("s", Answer(question="q", answer="a"))
    await desk.run(ScriptedAssistant(), CTRL_D)
    assert "You could ask" not in desk.said


def test_examples_come_from_different_documents_in_both_languages() -> None:
    outline = [
        ("Returns policy", "Returns policy"),
        ("Returns policy", "1. Restocking fees"),
        ("Returns policy", "Refunds"),
        ("onboarding.md", "VPN access"),
        ("Notes", "12"),
        ("FAQ", "How do I reset my password?"),
        ("差旅制度", "第三章 住宿标准"),
        ("产品手册", "概述"),
    ]
    assert examples(outline) == [
        "What does “Returns policy” say about restocking fees?",
        "What does “onboarding.md” say about VPN access?",
        "《差旅制度》里关于住宿标准是怎么说的？",
    ]
    assert examples([]) == []


async def test_answers_that_are_quotes_are_called_so(desk: Desk) -> None:
    quoting = ScriptedAssistant(Script(["“Five days” [1]."], provider="extractive"))
    quoting.provider = quoting.model = "extractive"
    await desk.run(quoting, f"q\r/stats\r{CTRL_D}")
    assert "Answers are quoted from the documents; set OPENAI_API_KEY or OPENAI_BASE_URL" in desk.said
    assert "answers by" not in desk.said
    assert "quotes, no model" in desk.said


async def test_a_pipe_chooses_by_lines_of_numbers(desk: Desk) -> None:
    """With --pick each question is followed by its choice; where the lines end, everything is used."""
    assistant = ScriptedAssistant(["1"], ["2"], ["3"])
    lines = "a\n2\nb\n\nc\n"
    await desk.run(assistant, "", reader=LineReader(io.StringIO(lines)), pick=True)
    assert [asked.question for asked in assistant.history] == ["a", "b", "c"]
    assert [asked.replies for asked in assistant.history] == [[Pick((2,))], [], []]


async def test_giving_up_the_choice_stores_nothing(desk: Desk) -> None:
    desk.console = terminal()
    assistant = ScriptedAssistant(["never"])
    task = asyncio.create_task(desk.run(assistant, "q\r", pick=True))
    await until(lambda: desk.prompts.shown >= 2)
    desk.keys.send_text(CTRL_C)
    await until(lambda: assistant.closed)
    desk.keys.send_text(CTRL_D)
    await task
    assert "Stopped." in screen(desk)
    assert "the part above" not in screen(desk)
    assert desk.sessions.names() == []


async def test_a_partial_answer_is_stored_with_the_sources_that_were_picked(desk: Desk) -> None:
    assistant = ScriptedAssistant(Script(["half", lambda: held.append(1), 60.0]))
    held: list[int] = []
    task = asyncio.create_task(desk.run(assistant, "q\r2\r", pick=True))
    await until(lambda: held and desk.sessions.exchanges("q"))
    ((_, stored),) = desk.sessions.exchanges("q")
    assert stored.sources == (replace(SOURCES[1]),)
    desk.keys.send_text(CTRL_C + CTRL_D)
    await task
