"""What each command of the chat does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ragcli.chat import programs
from ragcli.chat.commands import Command
from ragcli.chat.export import exported
from ragcli.chat.listings import list_sessions, print_rows, stats
from ragcli.chat.source import line_used, show_source
from ragcli.chat.switches import collection, model, top
from ragcli.chat.takeover import claimed
from ragcli.chat.welcome import recall
from ragcli.render.console import is_live
from ragcli.render.sources import EXTRACTIVE, print_sources
from ragcli.text.clean import one_line

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.types import Answer, Source


async def show_help(repl: Repl, _: str) -> None:
    rows: list[tuple[Text, Text]] = []
    for command in TABLE:
        reason = command.unavailable(repl)
        style, said = ("note", f"{command.help} ({reason})") if reason else ("default", command.help)
        rows.append((Text(command.usage, "note" if reason else "status"), Text(said, style)))
    print_rows(repl.out, rows)
    repl.note('Esc Enter or Ctrl-J: new line.  """ opens and closes a block.  Ctrl-R: search what was asked before.')
    repl.out.print()


async def sources(repl: Repl, argument: str) -> None:
    answer = _last(repl)
    if not argument:
        print_sources(repl.out, answer.sources, query=answer.question, cited=answer.cited)
        repl.out.print()
        return
    if source := _named(repl, answer, argument):
        show_source(repl, answer, source)


async def open_source(repl: Repl, argument: str) -> None:
    answer = _last(repl)
    source = _named(repl, answer, argument)
    if source is None:
        return
    if not Path(source.path).is_file():  # noqa: ASYNC240
        repl.note(f"{one_line(source.path, 200)} is no file any more", "warning")
        return
    with repl.keyboard.lent():
        status = await programs.run(programs.opening(source.path, line_used(answer, source), repl.environment))
    if status:
        repl.note(f"The program ended with status {status}.", "warning")


async def pick(repl: Repl, argument: str) -> None:
    repl.conversation.pick = _switched(repl.conversation.pick, argument)
    repl.note("You choose the sources before each answer." if repl.conversation.pick else "All sources are used.")


async def reasoning(repl: Repl, argument: str) -> None:
    repl.conversation.reasoning = _switched(repl.conversation.reasoning, argument)
    repl.note(f"The reasoning of models that send it is {'shown' if repl.conversation.reasoning else 'hidden'}.")


async def cache(repl: Repl, argument: str) -> None:
    repl.conversation.cache = _switched(repl.conversation.cache, argument)
    repl.note(
        "Stored answers are given again, and answers stored; /retry asks anew."
        if repl.conversation.cache
        else "Each question is answered anew, and no answer stored."
    )


async def edit(repl: Repl, _: str) -> None:
    last = repl.conversation.last
    with repl.keyboard.lent():
        repl.draft = await programs.edited(last.question if last else "", repl.environment)


async def copy(repl: Repl, _: str) -> None:
    text = _last(repl).answer
    program = programs.clipboard(repl.environment)
    if program and await programs.run(program, text=text) == 0:
        repl.note("Copied.")
    elif is_live(repl.out):
        repl.out.file.write(programs.osc52(text))
        repl.out.file.flush()
        repl.note("Sent to the terminal's clipboard.")
    else:
        repl.note("There is no clipboard here: /save FILE writes the answer to a file", "warning")


async def retry(repl: Repl, _: str) -> None:
    await repl.ask((await claimed(repl)).question, again=True)


async def go_on(repl: Repl, _: str) -> None:
    shown = _last(repl)
    last = await claimed(repl)
    if last != shown:
        recall(repl)  # another chat has got further
    if last.finish != "stop":
        await repl.ask(last.question, resume=last)


async def load(repl: Repl, name: str) -> None:
    if name not in repl.conversation.sessions.names():
        repl.note(f"There is no session {one_line(name, 60)}: /sessions lists them", "warning")
        return
    repl.conversation.load(name)
    recall(repl)


async def rename(repl: Repl, name: str) -> None:
    name = one_line(name, 80)
    if repl.conversation.rename(name):
        repl.note(f"This session is now {name}.")
    else:
        repl.note(f"There is a session {name} already: choose another name", "warning")


async def clear(repl: Repl, _: str) -> None:
    name = repl.conversation.name
    repl.conversation.start_anew()
    repl.note(f"A new session begins; /load {name} goes back." if name else "A new session begins.")


async def save(repl: Repl, argument: str) -> None:
    _write(repl, Path(argument), _last(repl).answer.rstrip() + "\n")


async def export(repl: Repl, argument: str) -> None:
    path = Path(argument)
    conversation = repl.conversation
    _write(repl, path, exported(path, conversation.name or "chat", conversation.answers))


async def leave(repl: Repl, _: str) -> None:
    repl.interrupts.leaving = True


def _switched(now: bool, argument: str) -> bool:
    """on, off, or the other way round."""
    return {"on": True, "off": False}.get(argument.lower(), not now)


def _on_off(_: Repl) -> Iterable[str]:
    return ("on", "off")


def _needs_person(repl: Repl) -> str:
    return "" if repl.reader.interactive else "there is nobody at a terminal"


def _write(repl: Repl, path: Path, text: str) -> None:
    path = path.expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        repl.note(f"{path} exists already: choose another name", "warning")
    except OSError as error:
        repl.note(f"Cannot write {path}: {error.strerror or error}", "warning")
    else:
        repl.note(f"Written to {path}.")


def _last(repl: Repl) -> Answer:
    answer = repl.conversation.last
    assert answer is not None  # noqa: S101  # the table lets no command through that needs one and has none
    return answer


def _named(repl: Repl, answer: Answer, argument: str) -> Source | None:
    """The source of this number; says so where there is none."""
    numbers = {str(source.n): source for source in answer.sources}
    source = numbers.get(argument.strip("[]"))
    if source is None:
        known = f"the last answer has {', '.join(numbers)}" if numbers else "the last answer has none"
        repl.note(f"There is no source {one_line(argument, 20)}: {known}", "warning")
    return source


def _needs_answer(repl: Repl) -> str:
    return "" if repl.conversation.last else "no answer yet"


def _needs_exchange(repl: Repl) -> str:
    return "" if repl.conversation.answers else "nothing has been said yet"


def _nothing_to_continue(repl: Repl) -> str:
    last, assistant = repl.conversation.last, repl.conversation.assistant
    if last is None or last.finish == "stop":
        return "nothing to continue"
    if not last.answer.strip():
        return "nothing came of the last answer: /retry asks again"
    if assistant.provider == EXTRACTIVE != last.provider:
        return "a model began this answer and quotes cannot go on with it: /retry answers anew"
    return ""


def _numbers(repl: Repl) -> Iterable[str]:
    return [str(source.n) for source in repl.conversation.last.sources] if repl.conversation.last else []


def _needs_assistants(repl: Repl) -> str:
    return "" if repl.assistants else "this chat has one assistant alone"


def _collection_names(repl: Repl) -> Iterable[str]:
    return repl.assistants.collections() if repl.assistants else []


async def _model_names(repl: Repl) -> Iterable[str]:
    return [*await repl.models(), EXTRACTIVE]


def _session_names(repl: Repl) -> Iterable[str]:
    return repl.conversation.sessions.names()


TABLE = (
    Command("help", "this table", show_help, aliases=("?",)),
    Command("sources", "the last answer's sources; one of them in full", sources, "[N]",
            unavailable=_needs_answer, complete=_numbers),
    Command("open", "open one of them in the editor or viewer", open_source, "N",
            unavailable=_needs_answer, complete=_numbers),
    Command("pick", "choose the sources before each answer", pick, "[on|off]",
            complete=_on_off),
    Command("retry", "answer the last question again", retry, unavailable=_needs_answer),
    Command("continue", "go on with an answer that broke off, from where it did", go_on,
            unavailable=_nothing_to_continue),
    Command("edit", "edit the last question in $EDITOR and ask it", edit, unavailable=_needs_person),
    Command("copy", "the last answer to the clipboard", copy, unavailable=_needs_answer),
    Command("reasoning", "show or hide the reasoning of models that send it", reasoning, "[on|off]", complete=_on_off),
    Command("cache", "give stored answers again, or answer everything anew, in this chat", cache, "[on|off]",
            complete=_on_off),
    Command("stats", "tokens, timings, cache hits, waits", stats),
    Command("sessions", "stored sessions, the latest first", list_sessions),
    Command("load", "go on with a stored session", load, "NAME", complete=_session_names),
    Command("rename", "give this session a name", rename, "NAME"),
    Command("collection", "ask another collection, in this chat", collection, "[NAME]",
            unavailable=_needs_assistants, complete=_collection_names),
    Command("model", "have another model answer, in this chat", model, "[NAME]",
            unavailable=_needs_assistants, complete=_model_names),
    Command("top", "how many passages an answer is made from, in this chat", top, "N", unavailable=_needs_assistants),
    Command("clear", "begin a new session; this one stays stored", clear),
    Command("save", "the last answer to a new file", save, "FILE", unavailable=_needs_answer, complete="path"),
    Command("export", "this session to a new file: .md or .json", export, "FILE",
            unavailable=_needs_exchange, complete="path"),
    Command("exit", "leave; the session is saved", leave, aliases=("quit",)),
)  # fmt: skip
"""All commands, in the order of /help."""


def reference() -> str:
    """The table as Markdown, for the README."""
    rows = [f"| `{command.usage.replace('|', chr(92) + '|')}` | {command.help} |" for command in TABLE]
    return "\n".join(["| in the chat | does |", "| --- | --- |", *rows]) + "\n"
