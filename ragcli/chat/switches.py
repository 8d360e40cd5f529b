"""The commands that switch what answers: collection, model, number of passages. What fails changes nothing."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragcli.chat.welcome import answerer
from ragcli.render.console import print_line
from ragcli.render.sources import EXTRACTIVE
from ragcli.text.clean import one_line
from ragcli.text.figures import counted

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl

MOST = 50
"""Passages that an answer can be made from."""


async def collection(repl: Repl, name: str) -> None:
    known = repl.assistants.collections() if repl.assistants else []
    if not name:
        _list(repl, known, repl.conversation.assistant.collection)
        return
    assistant = await repl.switch(collection=name)
    repl.note(f"Asking {one_line(assistant.collection, 60)} now: {counted(assistant.documents, 'document')}.")


async def model(repl: Repl, name: str) -> None:
    """A name that the endpoint does not list is refused; an endpoint that does not say what it has is believed."""
    known = await repl.models()
    if not name:
        _list(repl, [*known, EXTRACTIVE], repl.conversation.assistant.model)
    elif name != EXTRACTIVE and known and not _served(name, known):
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:5]
        repl.note(
            f"The endpoint has no model {one_line(name, 60)}: it has {one_line(', '.join(close), 300)}", "warning"
        )
    else:
        assistant = await repl.switch(model=name)
        repl.note(f"Answers by {answerer(assistant)} from now on.")


async def top(repl: Repl, argument: str) -> None:
    if not argument.isdecimal() or not 1 <= int(argument) <= MOST:
        repl.note(f"/top takes a number from 1 to {MOST}", "warning")
        return
    await repl.switch(top_k=int(argument))
    repl.note(f"Answers are made from the best {counted(int(argument), 'passage')} from now on.")


def _served(name: str, known: Sequence[str]) -> bool:
    """Ollama lists `llama3:latest` and knows it as `llama3`, too."""
    return name in known or f"{name}:latest" in known


def _list(repl: Repl, names: Sequence[str], current: str) -> None:
    for name in names:
        print_line(repl.out, f"{'*' if name == current else ' '} {one_line(name, 200)}")
    repl.out.print()
