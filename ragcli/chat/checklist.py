"""A list on the terminal in which the person ticks what is to be used, on prompt-toolkit; it leaves no trace."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.output import Output
from prompt_toolkit.styles import BaseStyle

from ragcli.text.clean import cells, one_line

Row = tuple[int, str, str]
"""Number, title and a line of detail."""


class Checklist:
    """Space and numbers tick, `a` ticks all or none, Enter goes, `e` asks for other words, Ctrl-C gives up."""

    def __init__(self, rows: Sequence[Row], *, input: Input, output: Output, style: BaseStyle) -> None:
        self._rows = rows
        self._output = output
        self._at = 0
        self._ticked: set[int] = set()
        control = FormattedTextControl(
            self._text, focusable=True, show_cursor=False, get_cursor_position=lambda: Point(0, 2 * self._at)
        )
        body = Window(control, height=Dimension(max=2 * len(rows)), dont_extend_height=True, wrap_lines=False)
        foot = Window(FormattedTextControl(self._hint), wrap_lines=True, dont_extend_height=True)
        self.app: Application[tuple[int, ...] | None] = Application(
            Layout(HSplit([body, foot]), focused_element=body),
            key_bindings=self._bindings(),
            input=input,
            output=output,
            style=style,
            erase_when_done=True,
        )

    async def run(self) -> tuple[int, ...] | None:
        """What was ticked, empty for nothing; None for `e`. Raises KeyboardInterrupt, EOFError."""
        return await self.app.run_async()

    def _text(self) -> StyleAndTextTuples:
        width = max(10, self._output.get_size().columns - 1)
        lines: StyleAndTextTuples = []
        for index, (number, title, detail) in enumerate(self._rows):
            ticked = number in self._ticked
            head = f"{'❯' if index == self._at else ' '} [{'x' if ticked else ' '}] {number}  "
            place = one_line(title, max(1, width - cells(head)))
            lines.append(("class:checklist.current" if index == self._at else "", f"{head}{place}\n"))
            indent = " " * cells(head)
            lines.append(("class:checklist.detail", f"{indent}{one_line(detail, max(1, width - len(indent)))}\n"))
        style, last = lines[-1][0], lines[-1][1]
        lines[-1] = (style, last.rstrip("\n"))
        return lines

    def _hint(self) -> StyleAndTextTuples:
        goes = f"these {len(self._ticked)}" if len(self._ticked) > 1 else "this one" if self._ticked else "all"
        text = f"Enter: use {goes} · Space, number: tick · a: all · e: other words"
        return [("class:checklist.detail", text)]

    def _tick(self, number: int) -> None:
        self._ticked ^= {number}

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        known = [row[0] for row in self._rows]

        @bindings.add("up")
        @bindings.add("k")
        @bindings.add("c-p")
        def _(event: KeyPressEvent) -> None:
            self._at = max(0, self._at - 1)

        @bindings.add("down")
        @bindings.add("j")
        @bindings.add("c-n")
        def _(event: KeyPressEvent) -> None:
            self._at = min(len(known) - 1, self._at + 1)

        @bindings.add("space")
        def _(event: KeyPressEvent) -> None:
            self._tick(known[self._at])

        for digit in "123456789":

            @bindings.add(digit)
            def _(event: KeyPressEvent) -> None:
                if (number := int(event.data)) in known:
                    self._at = known.index(number)
                    self._tick(number)

        @bindings.add("a")
        def _(event: KeyPressEvent) -> None:
            self._ticked = set() if len(self._ticked) == len(known) else set(known)

        @bindings.add("enter")
        def _(event: KeyPressEvent) -> None:
            event.app.exit(result=tuple(number for number in known if number in self._ticked))

        @bindings.add("e")
        def _(event: KeyPressEvent) -> None:
            event.app.exit(result=None)

        @bindings.add("c-c")
        @bindings.add("<sigint>")
        @bindings.add("escape", eager=True)
        def _(event: KeyPressEvent) -> None:
            event.app.exit(exception=KeyboardInterrupt())

        @bindings.add("c-d")
        def _(event: KeyPressEvent) -> None:
            event.app.exit(exception=EOFError())

        return bindings
