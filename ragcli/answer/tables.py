"""Rows of a table, told with the names of their columns: a row by itself says nothing."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from ragcli.text.sentences import is_record, sentences

_ROW = re.compile(r"\s*\|.*\|\s*\Z")
_RULE = re.compile(r"[\s|:-]*-[\s|:-]*\Z")
_CELLS = re.compile(r"(?<!\\)\|")


def is_header(passage: str, start: int, end: int) -> bool:
    """Whether what lies there names the columns of a table."""
    line = passage[start:end]
    if _ROW.match(line):
        return _RULE.match(line) is not None or _RULE.match(_next_line(passage, end)) is not None
    return is_record(line) and start == _first_record(passage) and not any(map(str.isdigit, line))


def told(passage: str, start: int, end: int) -> str:
    """The row there as `first cell: column value; column value`; anything else as it stands."""
    line = passage[start:end]
    names = _columns(passage, start, line)
    cells = _cells(line)
    if not names or len(names) != len(cells) or is_header(passage, start, end):
        return line
    first, *rest = ((name, cell) for name, cell in zip(names, cells, strict=True) if cell)
    return f"{first[1]} — {'; '.join(f'{name}: {cell}' for name, cell in rest)}" if rest else first[1]


def rows_told(passage: str) -> list[str]:
    """Every row of its tables, with the names of the columns."""
    if "|" not in passage and _first_record(passage) < 0:
        return []
    rows = ((passage[start:end], told(passage, start, end)) for start, end in sentences(passage))
    return [row for text, row in rows if row != text]


def _columns(passage: str, start: int, line: str) -> Sequence[str]:
    """The names of the columns above the row; none where it is no row, or the passage begins in mid-table."""
    if _ROW.match(line):
        above: list[str] = []
        for other in reversed(passage[:start].splitlines()):
            if not _ROW.match(other):
                break
            above.append(other)
        if len(above) > 1 and _RULE.match(above[-2]):
            return _cells(above[-1])
    elif is_record(line):
        first = _first_record(passage)
        header = passage[first:].split("\n", 1)[0]
        if first < start and not any(map(str.isdigit, header)):
            return _cells(header)
    return ()


def _cells(line: str) -> list[str]:
    if _ROW.match(line):
        return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip())[1:-1]]
    return [cell.strip() for cell in next(csv.reader([line]))] if "\n" not in line else []


def _first_record(passage: str) -> int:
    """Where the first row of comma-separated values begins; -1 where there is none."""
    position = 0
    for line in passage.splitlines(keepends=True):
        if is_record(line.strip()):
            return position
        position += len(line)
    return -1


def _next_line(passage: str, end: int) -> str:
    return passage[end:].lstrip("\n").split("\n", 1)[0]
