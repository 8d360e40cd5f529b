"""Markdown on the screen while it is still being written: finished blocks are printed once, the last one is live."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from functools import cache
from typing import Any

from markdown_it.token import Token
from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import (
    BlockQuote,
    CodeBlock,
    Heading,
    HorizontalRule,
    ListElement,
    Markdown,
    MarkdownContext,
    Paragraph,
    TableDataElement,
    TableElement,
)
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ragcli.render.blocks import Piece, excerpt, parser, split
from ragcli.render.live import Line, rendered
from ragcli.render.settled import settled_code, settled_text
from ragcli.render.wrap import WrappedText

Marking = Callable[[str, bool], tuple[str, int]]
"""Marks the doubtful citations of a text that has ended or not; tells how much of what it gives back is final."""

_DOUBT = re.compile(r"[\[【][^\[\]【】\n]*\d\?[^\[\]【】\n]*[\]】]")


def unmarked(text: str, ended: bool) -> tuple[str, int]:
    return text, len(text)


def _skipped(markdown: Markdown, token: Token) -> int:
    """What of this block was printed before it was finished: only the first one may have begun."""
    if token.level or not isinstance(markdown, AnswerMarkdown):
        return 0
    skip, markdown.skip = markdown.skip, 0
    return skip


def _after(text: Text, skip: int) -> Text:
    return _doubted(WrappedText().append_text(text[skip:]) if skip else text)


def _doubted(text: Text) -> Text:
    """The text with the marks of citations that do not hold in their colour."""
    text.highlight_regex(_DOUBT, "citation.doubt")
    return text


class _Heading(Heading):
    skip = 0

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> _Heading:
        heading = cls(token.tag)
        heading.skip = _skipped(markdown, token)
        return heading

    def on_enter(self, context: MarkdownContext) -> None:
        self.text = WrappedText()
        self.style = context.enter_style(self.style_name)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _after(self.text, self.skip)


class _Paragraph(Paragraph):
    skip = 0

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> _Paragraph:
        paragraph = cls("left")
        paragraph.skip = _skipped(markdown, token)
        return paragraph

    def on_enter(self, context: MarkdownContext) -> None:
        self.style = context.enter_style(self.style_name)
        self.text = WrappedText()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _after(self.text, self.skip)


class _CodeBlock(CodeBlock):
    """Set in by two columns, in the colours of the terminal's own palette, ready to be copied."""

    skip = 0

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> _CodeBlock:
        language = token.info.split(maxsplit=1)[0] if token.info.strip() else "text"
        code = cls(language, markdown.code_theme)
        code.skip = _skipped(markdown, token)
        return code

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = self.text.plain.rstrip("\n")
        if self.skip and self.skip > code.count("\n"):
            return
        syntax = Syntax(
            code,
            _lexer(self.lexer_name) or "text",
            theme="ansi_dark",
            word_wrap=True,
            background_color="default",
            line_range=(self.skip + 1, None) if self.skip else None,
        )
        yield Padding(syntax, (0, 0, 0, 2))


@cache
def _lexer(name: str) -> Any:
    """What colours a language; looking it up takes longer than colouring a few lines."""
    return Syntax("", name).lexer


class _Rule(HorizontalRule):
    new_line = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style=console.get_style("markdown.hr"), characters="─")


class _List(ListElement):
    """Numbers are as wide as they are, so that an item looks the same whatever follows it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        number = self.list_start or 0 if self.list_type == "ordered_list_open" else None
        style = console.get_style("markdown.item.bullet" if number is None else "markdown.item.number")
        for index, item in enumerate(self.items):
            mark = " • " if number is None else f" {number + index}. "
            lines = console.render_lines(
                item.elements, options.update(width=max(1, options.max_width - len(mark))), style=item.style, pad=False
            )
            for row, line in enumerate(lines or [[]]):
                yield Segment(mark if row == 0 else " " * len(mark), style)
                yield from line
                yield Segment.line()


class _BlockQuote(BlockQuote):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inner = options.update(width=max(1, options.max_width - 2))
        for line in console.render_lines(self.elements, inner, style=self.style, pad=False):
            yield Segment("▌ ", self.style)
            yield from line
            yield Segment.line()


class _TableData(TableDataElement):
    def __init__(self, justify: str) -> None:
        super().__init__(justify)  # type: ignore[arg-type]
        self.content = WrappedText("", justify=self.justify)


class _Table(TableElement):
    """A table whose words fit; where the screen is too narrow for that, each row as a list of its cells."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        header = [_doubted(cell.content) for cell in self.header.row.cells] if self.header and self.header.row else []
        rows = [[_doubted(cell.content) for cell in row.cells] for row in self.body.rows] if self.body else []
        columns = zip(header, *rows, strict=False)
        narrowest = [max(console.measure(cell, options=options).minimum for cell in column) for column in columns]
        if sum(narrowest) + 3 * len(narrowest) > options.max_width:
            yield from self._stacked(header, rows)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, style="markdown.table.border", show_edge=False)
        for cell in header:
            table.add_column(_styled(cell, "markdown.table.header"), overflow="fold", justify=cell.justify or "default")
        for row in rows:
            table.add_row(*row)
        yield table

    @staticmethod
    def _stacked(header: list[Text], rows: list[list[Text]]) -> RenderResult:
        for index, row in enumerate(rows):
            if index:
                yield Text()
            for name, cell in zip(header, row, strict=False):
                line = WrappedText()
                line.append_text(_styled(name, "markdown.table.header")).append(": ").append_text(cell)
                yield line
        if not rows:
            for name in header:
                yield _styled(name, "markdown.table.header")


def _styled(text: Text, style: str) -> Text:
    styled = WrappedText(justify=text.justify).append_text(text)
    styled.stylize(style)
    return styled


class AnswerMarkdown(Markdown):
    """Rich's Markdown with the elements above; one line of the source gives the same rows wherever it is cut off."""

    elements = Markdown.elements | {
        "paragraph_open": _Paragraph,
        "heading_open": _Heading,
        "fence": _CodeBlock,
        "code_block": _CodeBlock,
        "blockquote_open": _BlockQuote,
        "hr": _Rule,
        "bullet_list_open": _List,
        "ordered_list_open": _List,
        "table_open": _Table,
        "td_open": _TableData,
        "th_open": _TableData,
    }

    skip = 0
    """Characters of the first paragraph, or lines of the first code block, that are not shown."""

    @classmethod
    def of(cls, source: str, skip: int = 0, number: int | None = None) -> AnswerMarkdown:
        markdown = copy(_empty())  # making one costs as much as showing a paragraph
        markdown.parsed = parser().parse(source)
        if number is not None and markdown.parsed and markdown.parsed[0].type == "ordered_list_open":
            markdown.parsed[0].attrs["start"] = number
        markdown.skip = skip
        return markdown


@cache
def _empty() -> AnswerMarkdown:
    return AnswerMarkdown("")


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
        skip = settled_code(piece.source, self._skip)
        if skip == self._skip:
            skip = settled_text(piece.source[:final], self._skip, width)
        if skip == self._skip:
            return []
        rows = self._rows(piece, width, self._skip)
        left = self._rows(piece, width, skip)
        self._begun = True
        self._skip = skip
        return rows[: len(rows) - len(left)]

    def _print(self, piece: Piece, width: int) -> list[Line]:
        piece, _ = self._marked(piece, ended=True)
        rows = self._rows(piece, width, self._skip)
        self._begun = self._begun or bool(rows)
        self._skip = 0
        return rows

    def _marked(self, piece: Piece, *, ended: bool) -> tuple[Piece, int]:
        """The piece with its doubtful citations marked, and how much of that is final."""
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
