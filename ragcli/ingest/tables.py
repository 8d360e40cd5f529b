"""The first row of a table, for passages that begin in the middle of it: without it their columns have no names."""

from __future__ import annotations

from ragcli.ingest.headings import LONGEST_TITLE

DELIMITED = frozenset({"csv", "tsv"})
"""Formats that are one table as a whole."""


class TableHeaders:
    """Follows the passages of a text in order and remembers the table that the last one ended in."""

    def __init__(self, *, rows: bool, markdown: bool) -> None:
        self._rows = rows
        self._markdown = markdown
        self._header: str | None = None

    def header(self, text: str, start: int, end: int) -> str:
        """The first row of the table that `text[start:end]` goes on with; empty where it does not begin inside one."""
        if self._rows:
            return self._of_rows(text, start, end)
        return self._of_markdown(text, start, end) if self._markdown else ""

    def _of_rows(self, text: str, start: int, end: int) -> str:
        if self._header is None:
            self._header = _one_line(text[start:end])
            return ""
        return self._header

    def _of_markdown(self, text: str, start: int, end: int) -> str:
        above = text.rfind("\n", 0, max(0, start - 1)) + 1
        continues = start > 0 and text.startswith("|", start) and text.startswith("|", above)
        header = (self._header or "") if continues else ""
        gap = text.rfind("\n\n", start, end)
        last = start if gap < 0 else gap + 2
        if not text.startswith("|", last):
            self._header = None
        elif last > start or not continues:
            self._header = _one_line(text[last:end]).strip("| ")
        return header


def _one_line(text: str) -> str:
    return " ".join(text.lstrip().split("\n", 1)[0].split())[:LONGEST_TITLE]
