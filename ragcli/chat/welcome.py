"""What a chat says when it begins, goes on, and ends."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.text import Text

from ragcli.answer.doubts import Doubts
from ragcli.chat.examples import examples
from ragcli.render.answer import print_answer
from ragcli.render.console import print_line
from ragcli.render.sources import EXTRACTIVE
from ragcli.render.wrap import print_hanging
from ragcli.text.clean import one_line
from ragcli.text.figures import counted

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.ports import Assistant

_SPECIAL = frozenset('"\\$`!')
"""What a shell takes for something else between double quotes."""
QUOTES = "quotes, no model"
"""What stands for the name of a model where there is none."""


def answerer(assistant: Assistant) -> str:
    """Who answers, in a person's words."""
    return QUOTES if assistant.provider == EXTRACTIVE else assistant.model or assistant.provider


def greet(repl: Repl) -> None:
    """What is open and what answers; at the very first start, what could be asked."""
    assistant = repl.conversation.assistant
    documents = counted(assistant.documents, "document")
    if not assistant.documents:
        repl.note(f"Nothing is indexed in {assistant.collection} yet. Leave with Ctrl-D, then: ragcli ingest FOLDER")
        return
    if assistant.provider == EXTRACTIVE:
        repl.note(f"{documents} in {assistant.collection}. /help lists the commands, Ctrl-D leaves.")
        repl.note(
            "Answers are quoted from the documents; set OPENAI_API_KEY or OPENAI_BASE_URL to have a model write them."
        )
    else:
        repl.note(
            f"{documents} in {assistant.collection}, answers by {answerer(assistant)}. "
            "/help lists the commands, Ctrl-D leaves."
        )
    if not repl.conversation.sessions.names() and (questions := examples(assistant.outline())):
        repl.note("You could ask, for example:")
        for question in questions:
            print_hanging(repl.out, Text("  ❯ ", "note"), Text(question, "default"))
        repl.out.print()


def recall(repl: Repl) -> None:
    """Shows the last exchange again; to a pipe only one that broke off, because what it wants is answers."""
    conversation = repl.conversation
    last = conversation.last
    if last is None:
        return
    broke_off = last.finish != "stop" and bool(last.answer)
    console = repl.out if repl.reader.interactive else repl.err
    if repl.reader.interactive or broke_off:
        repl.note(f"Session {conversation.name}: {counted(len(conversation.answers), 'exchange')} so far.")
        print_line(console, Text.assemble(("❯ ", "status"), one_line(last.question, 2000)))
        doubtful = any(citation.verdict != "supported" for citation in last.citations)
        print_answer(console, last, check=Doubts if doubtful else None)
    if broke_off and conversation.busy():
        repl.note("Another chat is writing this answer; if that dies, /continue goes on from there.", "warning")
    elif broke_off:
        repl.note("This answer broke off; /continue goes on from there.", "warning")
    if repl.reader.interactive:
        repl.out.print()


def part(repl: Repl) -> None:
    """Says how to go on another time."""
    name = repl.conversation.name
    if not repl.reader.interactive or name is None or not repl.conversation.saved:
        return
    quoted = shlex.quote(name)
    if quoted != name and not _SPECIAL.intersection(name):
        quoted = f'"{name}"'  # which the shells of Windows know, too
    with suppress(OSError):
        repl.note(f"Saved as {name}. Go on with: ragcli chat --resume, or: ragcli chat --session {quoted}")
