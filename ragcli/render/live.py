"""The bottom lines of a terminal that may still change, below lines that never will.

Each change is one write that overwrites only the lines that differ, so nothing flickers. The area is never taller than
the screen, because no terminal lets a program touch what has scrolled away.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from msgspec import Struct
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment

_COLOR_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}


_LINK = re.compile("\x1b]8;id=[^;]*;([^\x1b]+)\x1b\\\\")


class Line(Struct, frozen=True):
    """One row: what is sent to the terminal, and the columns that it takes there."""

    text: str
    cells: int = 0


def rendered(console: Console, renderable: RenderableType, width: int) -> list[Line]:
    """The rows of a renderable, at most `width` columns each, without the padding at their ends."""
    options = console.options.update(width=max(1, width), height=None)
    color_system = _COLOR_SYSTEMS.get(console.color_system or "")
    lines: list[Line] = []
    for segments in console.render_lines(renderable, options, pad=False):
        kept = _trimmed(segments)
        text = "".join(
            style.render(text, color_system=color_system) if style else text
            for text, style, control in kept
            if not control
        )
        lines.append(Line(_LINK.sub(_steady, text), sum(segment.cell_length for segment in kept)))
    return lines


def _steady(link: re.Match[str]) -> str:
    """Rich numbers links at random: one row would look like another each time it is drawn."""
    return f"\x1b]8;id={zlib.crc32(link[1].encode())};{link[1]}\x1b\\"


def _trimmed(segments: Sequence[Segment]) -> list[Segment]:
    kept = list(segments)
    while kept:
        text, style, control = kept[-1]
        stripped = text.rstrip(" ")
        if control or (style and (style.bgcolor or style.underline or style.reverse)) or (text and stripped == text):
            break
        kept.pop()
        if stripped:
            kept.append(Segment(stripped, style))
            break
    return kept


class LiveArea:
    """The lines that are on the screen for now; the cursor stands at the end of the last one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[Line] = []

    @property
    def room(self) -> int:
        """Rows that the area may take."""
        return max(1, self._console.size.height - 1)

    @property
    def _width(self) -> int:
        return max(1, self._console.size.width)

    def draw(self, above: Sequence[Line], lines: Sequence[Line]) -> None:
        """Prints `above` for good and shows the last `lines` that fit below it, in place of the former ones."""
        shown = list(lines[-self.room :]) if lines else []
        if not above and shown == self._lines:
            return
        new = [*above, *shown]
        same = _common(self._lines, new[:-1] if shown else new)
        if same == len(self._lines):
            same = max(0, same - 1)  # the cursor stands on that line: start there
        width = self._width
        out: list[str] = []
        for index, line in enumerate(new[same:], same):
            # Erasing after a line that fills its row would take its last character away.
            out.append(f"{line.text}\x1b[K" if line.cells < width else f"\x1b[K{line.text}")
            if not shown or index < len(new) - 1:
                out.append("\r\n")
        out.append("\x1b[J")
        # The screen is asked again: the shorter ago, the less often its lines have been broken anew since.
        width = self._width
        up = sum(_rows(line, width) for line in self._lines[same:]) - 1
        self._lines = shown
        self._console.file.write("".join(["\r", f"\x1b[{up}A" if up > 0 else "", *out]))
        self._console.file.flush()


def _common(old: Sequence[Line], new: Sequence[Line]) -> int:
    """How many lines at the start are the same."""
    for index, (left, right) in enumerate(zip(old, new, strict=False)):
        if left != right:
            return index
    return min(len(old), len(new))


def _rows(line: Line, width: int) -> int:
    """Rows that the line takes on a terminal that has become this wide since it was drawn."""
    return max(1, -(-line.cells // width))
