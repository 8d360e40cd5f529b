"""One source of an answer in its document, with what the answer took from it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ragcli.errors import RagcliError
from ragcli.render.passage import passage_text, print_passage

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.types import Answer, Source


def show_source(repl: Repl, answer: Answer, source: Source) -> None:
    """The passage, some rows of the document around it, and marked in it what the answer's true citations rest on."""
    from ragcli.answer.basis import basis  # its tables of words would delay the start of every chat

    around = ("", "")
    with suppress(RagcliError):  # the passage itself came with the answer
        around = repl.conversation.assistant.around(source)
    held = [one.sentence for one in answer.citations if one.n == source.n and one.verdict == "supported"]
    print_passage(
        repl.out,
        source,
        query=answer.question,
        cited=source.n in answer.cited,
        used=basis(passage_text(source), held),
        around=around,
    )
    repl.out.print()
