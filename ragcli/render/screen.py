"""The answer on a terminal: spinner, live Markdown, notices between finished blocks, keys typed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from ragcli.render.live import Line, LiveArea, rendered
from ragcli.render.markdown import MarkdownStream, Marking, unmarked
from ragcli.render.wrap import WrappedText, break_offsets
from ragcli.text.clean import cells, one_line

FASTEST_S = 0.08
"""Shortest time between two redraws: a reader's eye is no faster."""
SHARE = 0.02
"""Share of one core that redrawing may take while tokens come."""
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_S = 0.1


class LiveDisplay:
    """Draws when something changed and it is due; a terminal that has gone away is ignored, the answer goes on."""

    def __init__(
        self, console: Console, mark: Marking = unmarked, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._console = console
        self._clock = clock
        self._area = LiveArea(console)
        self._markdown = MarkdownStream(console, mark)
        self._above: list[Line] = []
        self._thoughts = ""
        self._stage: str | None = None
        self._typed = ""
        self._changed = False
        self._tail: list[Line] = []
        self._tail_for = (0, 0)
        self._due = 0.0

    def stage(self, name: str | None) -> None:
        self._stage = name
        self._draw()

    def token(self, text: str) -> None:
        self._end_thoughts()
        self._stage = None
        self._markdown.feed(text)
        self._changed = True
        self.tick()

    def reasoning(self, text: str) -> None:
        self._thoughts += text
        breaks = break_offsets(self._thoughts, self._width)
        cut = max(breaks[-1] if breaks else 0, self._thoughts.rfind("\n") + 1)
        self._think(self._thoughts[:cut])
        self._thoughts = self._thoughts[cut:]
        self.tick()

    def note(self, text: str, style: str = "note") -> None:
        self._above += rendered(self._console, WrappedText(text, style), self._width)
        self._draw()

    def typed(self, text: str) -> None:
        """What the person has typed for the next question."""
        self._typed = text
        self._draw()

    def tick(self) -> None:
        now = self._clock()
        size = (self._width, self._area.room)
        if now < self._due or not (self._changed or self._above or self._stage or size != self._tail_for):
            return
        if self._changed or size != self._tail_for:
            self._changed = False
            self._above += self._markdown.take(self._width)
            self._tail = self._markdown.tail(self._width, self._area.room)
            self._tail_for = size
        self._draw()
        self._due = now + max(FASTEST_S, (self._clock() - now) / SHARE)

    def close(self) -> None:
        self._end_thoughts()
        self._stage, self._typed = None, ""
        self._above += self._markdown.end(self._width)
        self._tail = []
        self._draw()

    @property
    def _width(self) -> int:
        """One column less than the screen has: a full row would leave the cursor nowhere."""
        return max(1, self._console.size.width - 1)

    def _draw(self) -> None:
        above, self._above = self._above, []
        with suppress(OSError):
            self._area.draw(above, [*self._tail, *self._thinking(), *self._status()])

    def _status(self) -> list[Line]:
        lines: list[Line] = []
        if self._stage:
            frame = FRAMES[int(self._clock() / FRAME_S) % len(FRAMES)]
            text = Text.assemble((f"{frame} ", "status"), (one_line(self._stage, self._width - 2), "note"))
            lines += rendered(self._console, text, self._width)
        if self._typed:
            text = Text.assemble(("❯ ", "note"), _end(self._typed, self._width - 3))
            lines += rendered(self._console, text, self._width)
        return lines

    def _thinking(self) -> list[Line]:
        return rendered(self._console, WrappedText(self._thoughts, "reasoning"), self._width) if self._thoughts else []

    def _think(self, text: str) -> None:
        if text:
            self._above += rendered(self._console, WrappedText(text.rstrip("\n"), "reasoning"), self._width)

    def _end_thoughts(self) -> None:
        if self._thoughts:
            self._think(self._thoughts)
            self._thoughts = ""
            self._above.append(Line(""))


def _end(text: str, width: int) -> str:
    """The end of a text on one line; an ellipsis tells that it was longer."""
    line = " ".join(text[-2 * width :].split())
    if len(text) <= 2 * width and cells(line) <= width:
        return line
    room, start = width - 1, len(line)
    while start and (room := room - cells(line[start - 1])) >= 0:
        start -= 1
    return f"…{line[start:]}"
