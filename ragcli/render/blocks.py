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
    """A part of the source; `joined` tells that no blank line stands before it (the next item of the same list)."""

    source: str
    joined: bool


class Split(NamedTuple):
    finished: list[Piece]
    rest: Piece


def split(source: str, joined: bool) -> Split:
    """The finished pieces at the start of the source and what is left; `joined` says how the source itself begins."""
    complete = source[: source.rfind("\n") + 1]
    starts = _starts(complete)
    if len(starts) < 2:
        return Split([], Piece(source, joined))
    offsets = [0]
    for line in complete.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    cuts = [(offsets[line], same) for line, same in starts]
    cuts[0] = (0, joined)
    finished = [Piece(source[start:end], same) for (start, same), (end, _) in pairwise(cuts)]
    start, same = cuts[-1]
    return Split(_merged(finished), Piece(source[start:], same))


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring items of one list in one piece."""
    merged: list[Piece] = []
    for piece in pieces:
        if piece.joined and merged:
            merged[-1] = Piece(merged[-1].source + piece.source, merged[-1].joined)
        else:
            merged.append(piece)
    return merged


def _starts(source: str) -> list[tuple[int, bool]]:
    """First line of each top-level block and list item, and whether it goes on with the list before it."""
    starts: list[tuple[int, bool]] = []
    opened = False
    for token in _block_parser().parse(source):
        if token.map is None:
            continue
        if token.level == 0 and token.nesting >= 0:
            opened = token.type in {"bullet_list_open", "ordered_list_open"}
            if not opened:
                starts.append((token.map[0], False))
            first = True
        elif token.level == 1 and token.type == "list_item_open" and opened:
            starts.append((token.map[0], not first))
            first = False
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
