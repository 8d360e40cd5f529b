"""Where lines break: Chinese and Japanese text breaks between its characters, but no line begins with a full stop, and
none with the number of a source that belongs to the line before.

Rich breaks at spaces alone, so that a Chinese sentence would leave half of the line before it empty.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, split_graphemes
from rich.console import Console, JustifyMethod, OverflowMethod
from rich.containers import Lines
from rich.text import Text

_WIDE = (
    "\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f"
    "\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd"
)
_NEVER_FIRST = re.escape("，。、；：！？）》」』】〕〉〗”’…—～·％,.;:!?)]}%ぁぃぅぇぉっゃゅょァィゥェォッャュョー々")
_NEVER_LAST = re.escape("（《「『【〔〈〖“‘([{￥＄")
_CITATION = r"(?: ?[\[【]\^?\d{1,3}(?:[,，、;-] ?\d{1,3})*\??[\]】])"
_UNIT = re.compile(
    rf"(?:[{_NEVER_LAST}]*(?:{_CITATION}|[{_WIDE}]|[^\s{_WIDE}]+)|[{_NEVER_LAST}]+)[{_NEVER_FIRST}]*"
    rf"(?:{_CITATION}+[{_NEVER_FIRST}]*)?\s*|\s+"
)
"""What stands on one row: a word or a wide character, with the punctuation and the citations behind it."""


def break_offsets(text: str, width: int) -> list[int]:
    """Offsets at which the text is cut so that each line fits into `width` columns, blanks at its end not counted."""
    breaks: list[int] = []
    used = 0
    for unit in _UNIT.finditer(text):
        start, word = unit.start(), unit.group()
        wide = cell_len(word.rstrip())
        if used and used + wide > width:
            breaks.append(start)
            used = 0
        if wide > width:
            for offset, cells in _folds(word.rstrip(), width):
                breaks.append(start + offset)
                wide = cells
            used = wide + len(word) - len(word.rstrip())
        else:
            used += cell_len(word)
    return breaks


def longest_unit(text: str) -> int:
    """Columns of the longest part that is never broken while there is room for it on a row of its own."""
    return max((cell_len(unit.group().rstrip()) for unit in _UNIT.finditer(text)), default=0)


def _folds(word: str, width: int) -> list[tuple[int, int]]:
    """Where a word that fits on no line is cut, with the columns of what follows each cut."""
    spans, _ = split_graphemes(word)
    folds: list[tuple[int, int]] = []
    used = 0
    for start, _end, cells in spans:
        if used and used + cells > width:
            folds.append((start, 0))
            used = 0
        used += cells
        if folds:
            folds[-1] = (folds[-1][0], used)
    return folds


def print_hanging(console: Console, head: Text, rest: Text) -> None:
    """`rest` behind `head`, its further rows set in below its first one; one row where there is no screen to fit."""
    indent = head.cell_len
    if not console.is_terminal:
        console.print(head + rest, soft_wrap=True)
        return
    rows = rest.divide(break_offsets(rest.plain, max(12, console.width - 1 - indent)))
    for index, row in enumerate(rows):
        row.rstrip()
        console.print((Text(" " * indent) if index else head) + row, soft_wrap=True)


class WrappedText(Text):
    """A Text that breaks as above."""

    def wrap(
        self,
        console: Console,
        width: int,
        *,
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        tab_size: int = 8,
        no_wrap: bool | None = None,
    ) -> Lines:
        lines = Lines()
        for line in self.split(allow_blank=True):
            if "\t" in line:
                line.expand_tabs(tab_size)
            rows = line.divide(break_offsets(line.plain, width))
            for row in rows:
                row.rstrip()
            rows.justify(console, width, justify=justify or self.justify or "left", overflow="fold")
            lines.extend(rows)
        return lines
