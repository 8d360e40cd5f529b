"""Which part of a Markdown text that is still being written will not change any more.

CommonMark never opens a closed block again: when a block has begun on a complete line, all blocks before it are final,
and so are the items of a list before its last one. (Link reference definitions would be the exception: the parser does
not know them, so that `[1]: ...` under an answer stays as the model wrote it.)
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_MATH = re.compile(
    r"\\\((?:.|\n)+?\\\)|\\\[(?:.|\n)+?\\\]|\$\$(?:.|\n)+?\$\$|\$(?![\s$])(?:[^$\n\\]|\\.)*?(?<![\s\\])\$(?!\d)"
)


class Piece(NamedTuple):
    """A part of the source that starts a block, or the next item of the list before it (`joined`).

    `number` is what its first item counts as, where the part begins with a numbered list.
    """

    source: str
    joined: bool = False
    number: int | None = None


class Split(NamedTuple):
    finished: list[Piece]
    rest: Piece


def split(piece: Piece) -> Split:
    """The finished pieces at the start of a growing one, and what is left of it."""
    complete = piece.source[: piece.source.rfind("\n") + 1]
    starts = _starts(complete, piece)
    if len(starts) < 2:
        return Split([], piece)
    offsets = [0]
    for line in complete.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    pieces = [
        Piece(piece.source[offsets[first] : offsets[end]], joined, number)
        for (first, joined, number), (end, _, _) in pairwise(starts)
    ]
    last, joined, number = starts[-1]
    return Split(_merged(pieces), Piece(piece.source[offsets[last] :], joined, number))


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring items of one list in one piece."""
    merged: list[Piece] = []
    for piece in pieces:
        if piece.joined and merged:
            merged[-1] = merged[-1]._replace(source=merged[-1].source + piece.source)
        else:
            merged.append(piece)
    return merged


def _starts(source: str, piece: Piece) -> list[tuple[int, bool, int | None]]:
    """First line of each top-level block and list item, as Piece has it; the first one is the piece's own."""
    starts: list[tuple[int, bool, int | None]] = []
    number: int | None = None
    for token in _block_parser().parse(source):
        if token.map is None or token.nesting < 0:
            continue
        first = not starts
        if token.level == 0:
            listed = token.type in {"bullet_list_open", "ordered_list_open"}
            number = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
            if first:
                number = number if piece.number is None else piece.number
            starts.append((0, piece.joined, number) if first else (token.map[0], False, number))
            item = 0
        elif token.level == 1 and token.type == "list_item_open" and listed:
            if item:
                starts.append((token.map[0], True, None if number is None else number + item))
            item += 1
    return starts


def excerpt(source: str, rows: int, width: int) -> str:
    """The end of an unfinished block, about as much as fits on the screen, so that showing it costs the same always."""
    room = rows * max(width, 1)
    if len(source) <= room and source.count("\n") <= rows:
        return source
    lines = source.splitlines(keepends=True)
    kept = lines[-rows:]
    if fence := re.match(r" {0,3}(```+|~~~+)[^\n]*\n", source):
        return fence.group() + "".join(kept)
    if len(lines) > 2 and re.match(r"[ \t]*\|?[ \t:]*-[-| \t:]*$", lines[1]):
        return "".join(lines[:2] + kept)
    text = "".join(kept)[-room:]
    return text.lstrip() if len(kept) > 1 else text.partition(" ")[2] or text


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables and strike-through; HTML, reference definitions and formulas stay text."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")
    markdown.inline.ruler.before("escape", "math", _math)
    return markdown


@cache
def _block_parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["reference", "inline"])


def _math(state: StateInline, silent: bool) -> bool:
    """Keeps a formula as it is written: its backslashes, stars and underscores are no Markdown."""
    if state.src[state.pos] not in "\\$":
        return False
    match = _MATH.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("text", "", 0).content = match.group()
    state.pos = match.end()
    return True
