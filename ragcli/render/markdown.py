"""Markdown on the screen while it is still being written: finished blocks are printed once, the last one is live."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.console import Console

from ragcli.render.blocks import Piece, excerpt, split
from ragcli.render.elements import AnswerMarkdown
from ragcli.render.live import Line, rendered
from ragcli.render.settled import settled_code, settled_text

Marking = Callable[[str, bool], tuple[str, int]]
"""Marks the doubtful citations of a text that has ended or not; tells how much of what it gives back is final."""


BEFORE = 20
"""Lines of code that are looked at again to colour the next ones."""
_CODE = re.compile(r" {0,3}(?:```|~~~)| {4}|\t")


def unmarked(text: str, ended: bool) -> tuple[str, int]:
    return text, len(text)


class MarkdownStream:
    """Takes the answer in pieces; gives rows that are final, each once, and the rows of the block that is not.

    The final rows of all calls and the last `tail` make up the whole answer, at whatever width each was asked for.
    """

    def __init__(self, console: Console, mark: Marking = unmarked) -> None:
        self._console = console
        self._mark = mark
        self._rest = Piece("", joined=True)
        self._skip = 0
        self._begun = False

    def feed(self, text: str) -> None:
        source = self._rest.source
        self._rest = self._rest._replace(source=source + text if source else text.lstrip("\n"))

    def take(self, width: int) -> list[Line]:
        """Rows that have become final since the last call: of finished blocks, and the first ones of a long block."""
        finished, self._rest = split(self._rest)
        rows: list[Line] = []
        for piece in finished:
            rows += self._print(piece, width)
        return rows + self._settle(width)

    def tail(self, width: int, rows: int) -> list[Line]:
        """The rows of the unfinished block, at most the last `rows` of them."""
        piece, _ = self._marked(self._rest, ended=False)
        if not self._skip:
            piece = piece._replace(source=excerpt(piece.source, rows, width))
        return self._rows(piece, width, self._skip)[-rows:]

    def end(self, width: int) -> list[Line]:
        """What is left when the answer has ended."""
        rows = self.take(width) + self._print(self._rest, width)
        self._rest = Piece("", joined=True)
        return rows

    def _settle(self, width: int) -> list[Line]:
        """The first rows of the unfinished block, where they are final."""
        piece, final = self._marked(self._rest, ended=False)
        skip = code = settled_code(piece.source, self._skip)
        if skip == self._skip:
            skip = settled_text(piece.source[:final], self._skip, width)
        if skip == self._skip:
            return []
        rows = self._rows(piece, width, self._skip)
        left = self._rows(piece, width, skip)
        self._begun = True
        self._skip = skip
        if code == skip > 2 * BEFORE:
            self._forget_code(skip - BEFORE)
        return rows[: len(rows) - len(left)]

    def _forget_code(self, lines: int) -> None:
        """Takes the first lines out of open code that is shown already: colouring them again and again takes long."""
        fence, *code = self._rest.source.splitlines(keepends=True)
        self._rest = self._rest._replace(source=fence + "".join(code[lines:]))
        self._skip -= lines

    def _print(self, piece: Piece, width: int) -> list[Line]:
        piece, _ = self._marked(piece, ended=True)
        rows = self._rows(piece, width, self._skip)
        self._begun = self._begun or bool(rows)
        self._skip = 0
        return rows

    def _marked(self, piece: Piece, *, ended: bool) -> tuple[Piece, int]:
        """The piece with its doubtful citations marked, and how much of that is final."""
        if _CODE.match(piece.source):
            return piece, len(piece.source)
        source, final = self._mark(piece.source, ended)
        return piece._replace(source=source), final

    def _rows(self, piece: Piece, width: int, skip: int = 0) -> list[Line]:
        rows = rendered(self._console, AnswerMarkdown.of(piece.source, skip, piece.number), width)
        if skip:
            return rows
        while rows and not rows[0].text:  # Rich begins a list with an empty row where an item ends a paragraph
            del rows[0]
        while rows and not rows[-1].text:
            del rows[-1]
        return [Line(""), *rows] if rows and self._begun and not piece.joined else rows
