"""One source of an answer in its document, with what the answer took from it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ragcli.errors import RagcliError
from ragcli.render.passage import passage_text, print_passage

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl
    from ragcli.text.sentences import Span
    from ragcli.types import Answer, Source


def show_source(repl: Repl, answer: Answer, source: Source) -> None:
    """The passage, some rows of the document around it, and marked in it what the answer's true citations rest on."""
    around = ("", "")
    with suppress(RagcliError):  # the passage itself came with the answer
        around = repl.conversation.assistant.around(source)
    print_passage(
        repl.out,
        source,
        query=answer.question,
        cited=source.n in answer.cited,
        used=_used(answer, source),
        around=around,
    )
    repl.out.print()


def line_used(answer: Answer, source: Source) -> int | None:
    """The line of the file at which begins what the answer used, or the passage where that cannot be told."""
    if source.lines is None:
        return None
    first, last = source.lines
    text, used = passage_text(source), _used(answer, source)
    whole = text.count("\n") == last - first  # joined passages may have lost lines between them
    return first + text.count("\n", 0, used[0].start) if used and whole else first


def _used(answer: Answer, source: Source) -> list[Span]:
    from ragcli.answer.basis import basis  # its tables of words would delay the start of every chat

    held = [one.sentence for one in answer.citations if one.n == source.n and one.verdict == "supported"]
    return basis(passage_text(source), held)
