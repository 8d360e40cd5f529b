"""One source in full: the passage in its document, and in it what the answer used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.console import Console
from rich.text import Text

from ragcli.render.sources import PIPED_WIDTH, matching, print_place, searched
from ragcli.render.wrap import break_offsets
from ragcli.text.clean import cells, clean
from ragcli.text.sentences import Span
from ragcli.types import Source

AROUND = 3
"""Rows of the document that are shown on either side of the passage."""
HARD_WRAPPED = 50
"""Columns from which on a line is taken to have been broken for its length."""
_USED, _PASSAGE, _AROUND = ("┃ ", "source.used"), ("│ ", "note"), "  "
_LAID_OUT = re.compile(r"[|#]|    |.*(?:\.{4}|   |\t)")
_GOES_ON = re.compile(r"\n(?=(?!\d+[.)、])[^\W_\u3000-\uffff])")


def print_passage(
    console: Console,
    source: Source,
    *,
    query: str,
    cited: bool = False,
    used: Sequence[Span] = (),
    around: tuple[str, str] = ("", ""),
) -> None:
    """The passage with a bar at its left, heavy beside the sentences that were `used`, between some rows of `around`.

    `used` are spans of `passage_text(source)`; the words of the query are emphasised.
    """
    print_place(console, source, cited=cited)
    room = console.width - 1 - len(_AROUND)
    before, after = (_rows(_shown(text), room if console.is_terminal else PIPED_WIDTH) for text in around)
    _print_around(console, ["…", *before[-AROUND:]] if len(before) > AROUND else before)
    _print_passage(console, passage_text(source), searched(query), used, room if console.is_terminal else None)
    _print_around(console, [*after[:AROUND], "…"] if len(after) > AROUND else after)


def passage_text(source: Source) -> str:
    """The text of a source as it is shown."""
    return _shown(source.text)


def _shown(text: str) -> str:
    return clean(text).strip("\n").expandtabs(4)


def _print_around(console: Console, rows: Sequence[str]) -> None:
    for row in rows:
        console.print(Text.assemble(_AROUND, (row, "note")), soft_wrap=True)


def _print_passage(console: Console, text: str, words: frozenset[str], used: Sequence[Span], width: int | None) -> None:
    passage = Text(text if width is None else _refilled(text, width))
    for first, last in used:
        passage.stylize("source.used", first, last)
    for first, last in matching(text, words):
        passage.stylize("source.match", first, last)
    for start, end in _spans(passage.plain, width):
        row = passage[start:end]
        row.rstrip()
        bar = _USED if any(first < end and last > start for first, last in used) else _PASSAGE
        console.print(Text.assemble(bar, row), soft_wrap=True)


def _rows(text: str, width: int) -> list[str]:
    text = _refilled(text, width)
    return [text[start:end].rstrip() for start, end in _spans(text, width)] if text else []


def _spans(text: str, width: int | None) -> Iterator[Span]:
    """Where each row of at most `width` columns begins and ends; without a width each line is one."""
    start = 0
    for line in text.split("\n"):
        cuts = break_offsets(line, width) if width is not None else []
        for first, last in pairwise([0, *cuts, len(line)]):
            yield Span(start + first, start + last)
        start += len(line) + 1


def _refilled(text: str, width: int) -> str:
    """The text with lines that were broken for their length joined, where they are too long for the screen anyway.

    Offsets stay: a line break becomes a blank. What is laid out by hand (code, tables) stays as it is.
    """
    if "```" in text or all(cells(line) <= width for line in text.split("\n")):
        return text
    joined: list[str] = []
    start = 0
    for gap in _GOES_ON.finditer(text):
        line = text[text.rfind("\n", 0, gap.start()) + 1 : gap.start()]
        if cells(line) >= HARD_WRAPPED and line[-1:].isascii() and not _LAID_OUT.match(line):
            joined.append(text[start : gap.start()] + " ")
            start = gap.end()
    return "".join(joined) + text[start:]
