"""What a block of Markdown looks like on the screen: Rich's elements, calmer, the same wherever they are cut off."""

from __future__ import annotations

import re
from collections.abc import Sequence
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

from ragcli.render.blocks import parser
from ragcli.render.wrap import WrappedText, longest_unit

_DOUBT = re.compile(r"[\[【][^\[\]【】\n]*\d\?[^\[\]【】\n]*[\]】]")


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


_GAP = 3
"""Columns between two columns of a table."""
_LEGIBLE = 10
"""Columns that a cell should have where its text has as many: no script is read letter by letter."""


def _widths(narrowest: Sequence[int], widest: Sequence[int], room: int) -> list[int] | None:
    """How wide each column is, so that no word is cut and the room is shared by need; None where that cannot be."""
    widths = [max(least, min(most, _LEGIBLE)) for least, most in zip(narrowest, widest, strict=True)]
    left = room - sum(widths)
    if left < 0:
        return None
    while left and (hungry := [n for n, most in enumerate(widest) if widths[n] < most]):
        for n in sorted(hungry, key=lambda n: widths[n])[:left]:
            widths[n] += 1
            left -= 1
    return widths


class _TableData(TableDataElement):
    def __init__(self, justify: str) -> None:
        super().__init__(justify)  # type: ignore[arg-type]
        self.content = WrappedText("", justify=self.justify)


class _Table(TableElement):
    """A table whose words fit; where the screen is too narrow for that, each row as a list of its cells."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        header = [_doubted(cell.content) for cell in self.header.row.cells] if self.header and self.header.row else []
        rows = [[_doubted(cell.content) for cell in row.cells] for row in self.body.rows] if self.body else []
        columns = list(zip(header, *rows, strict=False))
        widest = [max(cell.cell_len for cell in column) for column in columns]
        narrowest = [max(map(longest_unit, (cell.plain for cell in column))) for column in columns]
        widths = _widths(narrowest, widest, options.max_width - _GAP * (len(columns) - 1))
        if widths is None:
            yield from self._stacked(header, rows)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, style="markdown.table.border", show_edge=False)
        for cell, width in zip(header, widths, strict=True):
            name = _styled(cell, "markdown.table.header")
            table.add_column(name, overflow="fold", justify=cell.justify or "default", width=width)
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
