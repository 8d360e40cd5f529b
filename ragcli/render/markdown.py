"""Markdown on the screen while it is still being written: finished blocks are printed once, the last one is live."""

from __future__ import annotations

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
from ragcli.render.wrap import WrappedText


class _Heading(Heading):
    def on_enter(self, context: MarkdownContext) -> None:
        self.text = WrappedText()
        self.style = context.enter_style(self.style_name)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class _Paragraph(Paragraph):
    def on_enter(self, context: MarkdownContext) -> None:
        self.style = context.enter_style(self.style_name)
        self.text = WrappedText()


class _CodeBlock(CodeBlock):
    """Set in by two columns, in the colours of the terminal's own palette, ready to be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = self.text.plain.rstrip("\n")
        syntax = Syntax(code, self.lexer_name, theme="ansi_dark", word_wrap=True, background_color="default")
        yield Padding(syntax, (0, 0, 0, 2))


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
        header = [cell.content for cell in self.header.row.cells] if self.header and self.header.row else []
        rows = [[cell.content for cell in row.cells] for row in self.body.rows] if self.body else []
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

    def __init__(self, source: str) -> None:
        super().__init__("")
        self.parsed = parser().parse(source)


class MarkdownStream:
    """Takes the answer in pieces; gives rows that are final, each once, and the rows of the block that is not.

    The final rows of all calls and the last `tail` make up the whole answer, at whatever width each was asked for.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest = Piece("", True)
        self._begun = False

    def feed(self, text: str) -> None:
        source, joined = self._rest
        self._rest = Piece((source + text) if source else text.lstrip("\n"), joined)

    def take(self, width: int) -> list[Line]:
        """Rows of the blocks that have been finished since the last call."""
        finished, self._rest = split(*self._rest)
        return [line for piece in finished for line in self._rows(piece, width, begins=True)]

    def tail(self, width: int, rows: int) -> list[Line]:
        """The rows of the unfinished block, at most the last `rows` of them."""
        source, joined = self._rest
        return self._rows(Piece(excerpt(source, rows, width), joined), width)[-rows:]

    def end(self, width: int) -> list[Line]:
        """What is left when the answer has ended."""
        rows = self.take(width) + self._rows(self._rest, width, begins=True)
        self._rest = Piece("", True)
        return rows

    def _rows(self, piece: Piece, width: int, *, begins: bool = False) -> list[Line]:
        lines = rendered(self._console, AnswerMarkdown(piece.source), width)
        while lines and not lines[0].text:  # Rich begins a list with an empty row where its first item ends a paragraph
            del lines[0]
        while lines and not lines[-1].text:
            del lines[-1]
        if not lines:
            return []
        spaced = [Line(""), *lines] if self._begun and not piece.joined else lines
        self._begun = self._begun or begins
        return spaced
