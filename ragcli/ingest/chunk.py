"""Passages along the structure of a document: none too long for the embedder, each one knowing where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from ragcli.ingest.headings import Heading, Outline, headings
from ragcli.ingest.tables import DELIMITED, TableHeaders
from ragcli.types import Chunk, Document

Count: TypeAlias = Callable[[str], int]
Span: TypeAlias = tuple[int, int]

SMALL = 0.25
"""Share of the limit below which a passage is joined with its neighbour where both fit."""
_SPACE = re.compile(r"\s")
WIDEST = 1.3
"""Tokens of a Chinese character."""
WINDOW = 32 * 1024
"""Characters that are handed to the splitter at once."""


def estimate_tokens(text: str) -> int:
    """Tokens, about: 1.3 for a Chinese character, 0.8 for a Cyrillic or accented letter, 0.25 for a Latin one.

    The bytes that UTF-8 needs beyond one a character tell the scripts apart, at the speed of the codec.
    """
    length = len(text)
    beyond = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - length
    return max(1, round(0.25 * length + 0.525 * beyond)) if length else 0


def chunk(document: Document, *, max_tokens: int, tokens: Count | None = None) -> Iterator[Chunk]:
    """The passages of a document in order; `tokens` counts as the embedder does, else an estimate from the width.

    Every character that is not white space stands in a chunk; no chunk is longer than `max_tokens`, crosses a page or
    is a heading alone where a text follows it.
    """
    chunker = Chunker(
        max_tokens=max_tokens,
        tokens=tokens,
        format=document.format,
        markdown=document.markdown,
        lined=document.lined,
    )
    return chunker.feed(document.text, pages=document.pages)


class Chunker:
    """Chunks a text that comes in blocks: numbers, offsets, lines and headings go on from block to block."""

    def __init__(self, *, max_tokens: int, tokens: Count | None, format: str, markdown: bool, lined: bool) -> None:
        self._limit = max_tokens
        self._count = tokens or estimate_tokens
        self._format = format
        self._markdown = markdown
        self._lined = lined
        self._n = 0
        self._offset = 0
        self._line = 1
        self._path: tuple[Heading, ...] = ()
        self._tables = TableHeaders(rows=format in DELIMITED, markdown=markdown)

    def feed(self, text: str, *, pages: Sequence[int] = ()) -> Iterator[Chunk]:
        """The chunks of a block that no further text belongs to."""
        outline = self._outline(text)
        bounds = [*pages, len(text)] if pages else [0, len(text)]
        if bounds[0] > 0:
            bounds.insert(0, 0)
        counted = 0
        for number, (start, end) in enumerate(pairwise(bounds), 1):
            for first, last in self._spans(text, start, end, outline):
                self._line += text.count("\n", counted, first) if self._lined else 0
                counted = first
                yield self._chunk(text, first, last, outline, number if pages else None)
        self._line += text.count("\n", counted) if self._lined else 0
        self._path = outline.last_path
        self._offset += len(text)

    def _outline(self, text: str) -> Outline:
        return Outline(text, list(headings(text, format=self._format, markdown=self._markdown)), self._path)

    def _chunk(self, text: str, start: int, end: int, outline: Outline, page: int | None) -> Chunk:
        body = text[start:end]
        path = outline.path(start, end)
        header = self._tables.header(text, start, end)
        lines = (self._line, self._line + body.count("\n")) if self._lined else None
        made = Chunk(
            n=self._n,
            text=body,
            start=self._offset + start,
            end=self._offset + end,
            heading=(*path, header) if header else path,
            page=page,
            lines=lines,
        )
        self._n += 1
        return made

    # --- spans -------------------------------------------------------------------------------------------------

    def _spans(self, text: str, start: int, end: int, outline: Outline) -> list[Span]:
        spans = [
            span
            for first, last in _windows(text, start, end, unbroken=int(self._limit / WIDEST))
            for span in self._split(text, first, last, self._limit)
        ]
        return self._join_small(text, self._lead_on(text, spans, outline))

    def _split(self, text: str, start: int, end: int, limit: int, *, plain: bool = False) -> list[Span]:
        """Cuts `text[start:end]` at the best places into pieces of at most `limit` tokens, white space trimmed."""
        trimmed = _trim(text, start, end)
        if trimmed is None:
            return []
        start, end = trimmed
        piece = text[start:end]
        size = self._count(piece)
        if size <= limit or len(piece) == 1:
            return [trimmed]
        # The splitter counts characters, at the density of this very piece: a call back for each try would cost
        # a hundred times as much. Pieces that are denser than the whole are cut again.
        capacity = max(1, min(len(piece) - 1, int(len(piece) * limit / size)))
        spans: list[Span] = []
        for offset, part in _splitter(self._markdown and not plain, capacity).chunk_indices(piece):
            first, last = start + offset, start + offset + len(part)
            spans.extend(self._split(text, first, last, limit, plain=plain or len(part) > capacity))
        return spans

    def _lead_on(self, text: str, spans: list[Span], outline: Outline) -> list[Span]:
        """Moves headings from the end of a passage to the beginning of the text that they stand over."""
        waiting = list(reversed(spans))
        done: list[Span] = []
        while waiting:
            start, end = waiting.pop()
            cut = outline.trailing(start, end)
            if cut == end or not waiting:
                done.append((start, end))
                continue
            kept = _trim(text, start, cut)
            if kept:
                done.append(kept)
            _, next_end = waiting[-1]
            lead = self._count(text[cut:end])
            if self._count(text[cut:next_end]) <= self._limit:
                waiting[-1] = (cut, next_end)
            elif lead > self._limit * (1 - SMALL):
                done.append((cut, end))
            else:
                next_start, _ = waiting.pop()
                first, *rest = self._split(text, next_start, next_end, self._limit - lead - 1, plain=True)
                while self._count(text[cut : first[1]]) > self._limit and len(text[first[0] : first[1]]) > 1:
                    halved = self._split(text, *first, max(1, self._count(text[first[0] : first[1]]) // 2), plain=True)
                    first, rest = halved[0], [*halved[1:], *rest]
                remainder = self._split(text, rest[0][0], next_end, self._limit) if rest else []
                waiting.extend(reversed(remainder))
                done.append((cut, first[1]))
        return done

    def _join_small(self, text: str, spans: list[Span]) -> list[Span]:
        joined: list[Span] = []
        small = False
        for start, end in spans:
            size = self._count(text[start:end])
            is_small = size < self._limit * SMALL
            if joined and (small or is_small) and self._count(text[joined[-1][0] : end]) <= self._limit:
                joined[-1] = (joined[-1][0], end)
                small = self._count(text[joined[-1][0] : end]) < self._limit * SMALL
            else:
                joined.append((start, end))
                small = is_small
        return joined


def _splitter(markdown: bool, capacity: int):  # type: ignore[no-untyped-def]
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    return MarkdownSplitter(capacity) if markdown else TextSplitter(capacity)


def _windows(text: str, start: int, end: int, *, unbroken: int) -> Iterator[Span]:
    """Cuts a long text where a section, a paragraph, a line or a word ends, and after `unbroken` characters where none
    does: the splitter's time grows faster than its input, in endless words with the square.
    """
    while end - start > WINDOW or (end - start > unbroken and not _SPACE.search(text, start, end)):
        for mark in ("\n\n#", "\n\n", "\n", " "):
            cut = text.rfind(mark, start + WINDOW // 2, start + WINDOW)
            if cut >= 0:
                cut += mark != "\n\n#" and len(mark)
                break
        else:
            cut = start + unbroken
            while cut > start + unbroken // 2 and text[cut - 1].isalnum():
                cut -= 1
            cut = cut if cut > start + unbroken // 2 else start + unbroken
        yield start, cut
        start = cut
    yield start, end


def _trim(text: str, start: int, end: int) -> Span | None:
    """The span without white space at its ends; None when nothing is left."""
    piece = text[start:end]
    left = piece.lstrip()
    if not left:
        return None
    first = start + len(piece) - len(left)
    # Indentation belongs to the text: code and nested lists lose their meaning without it.
    line = text.rfind("\n", start, first) + 1
    if line > start and first - line <= 16:
        first = line
    return first, start + len(piece.rstrip())
