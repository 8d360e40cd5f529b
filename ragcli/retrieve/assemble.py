"""Ranked passages -> the sources that are shown: each thing once, neighbours in one piece, no document alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from math import ceil

from msgspec import Struct

from ragcli.retrieve.rerank import Candidate
from ragcli.types import Source, StoredChunk

SAME = 0.95
"""Share of common words (Jaccard) from which two passages are taken for copies of each other."""
LARGEST = 3
"""Chunks in one source."""
SHARE = 0.6
"""Of the sources shown, what one document may take while others have something to say."""
RELATED = 0.5
"""A passage of another document has something to say from this share of the best score."""

_PIECES = re.compile(r"\w+")
_NUMBERS = re.compile(r"\d+(?:[.,:/-]\d+)*")
_ASCII_SPACES = {code: " " for code in range(128) if not _PIECES.match(chr(code))}


class _Group(Struct, frozen=True):
    """Neighbouring chunks in their order in the document; the best of them speaks for all."""

    best: Candidate
    chunks: tuple[StoredChunk, ...]


def assemble(candidates: Sequence[Candidate], k: int) -> tuple[Source, ...]:
    """At most k sources, best first, out of candidates in their order."""
    groups = _joined(_unlike(candidates, enough=2 * k + 5), k)
    chosen = _mixed(groups, k)
    return tuple(_source(n, group) for n, group in enumerate(chosen, start=1))


def _unlike(candidates: Sequence[Candidate], *, enough: int) -> list[Candidate]:
    """Without copies of better ones."""
    kept: list[_Print] = []
    for candidate in candidates:
        seen = _Print(candidate)
        shortest, longest = SAME * seen.length, seen.length / SAME
        for other in kept:
            if shortest <= other.length <= longest and seen.is_copy_of(other):
                break
        else:
            kept.append(seen)
        if len(kept) == enough:
            break
    return [seen.candidate for seen in kept]


class _Print:
    """What a passage is compared by, the cheap before the dear: length, scores, words, numbers."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self._text = candidate.chunk.text
        self.length = len(self._text)

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(_NUMBERS.findall(self._text))

    @cached_property
    def _pieces(self) -> frozenset[str]:
        """Words in a script that has spaces, clauses in one that has none."""
        if self._text.isascii():  # the same, in half the time
            return frozenset(self._text.lower().translate(_ASCII_SPACES).split())
        return frozenset(_PIECES.findall(self._text.casefold()))

    def is_copy_of(self, other: _Print) -> bool:
        """Texts that differ in a number say different things, however alike they are."""
        if not self._scores_like(other):
            return False
        mine, its = self._pieces, other._pieces
        if not _alike(len(mine), len(its)):
            return False
        common = len(mine & its)
        return common >= SAME * (len(mine) + len(its) - common) and self._numbers == other._numbers

    def _scores_like(self, other: _Print) -> bool:
        mine, its = self.candidate.scores, other.candidate.scores
        return _like(mine.keyword, its.keyword) and _like(mine.vector, its.vector)


def _like(a: float | None, b: float | None) -> bool:
    return a is None or b is None or abs(a - b) <= 0.1 * max(abs(a), abs(b))


def _alike(a: int, b: int) -> bool:
    """Sizes whose smaller is SAME of the larger: without that, neither is what they measure."""
    return a >= SAME * b if a < b else b >= SAME * a


def _joined(candidates: Sequence[Candidate], k: int) -> list[_Group]:
    """Chunks that follow each other in a document become one group, where the better of them stood.

    Only the first 2k may join: a neighbour that barely matches would only make its source longer.
    """
    groups: list[_Group] = []
    for place, candidate in enumerate(candidates):
        chunk = candidate.chunk
        for index, group in enumerate(groups):
            first, last = group.chunks[0], group.chunks[-1]
            if place >= 2 * k or chunk.document_id != first.document_id or len(group.chunks) == LARGEST:
                continue
            if chunk.n == last.n + 1:
                groups[index] = _Group(group.best, (*group.chunks, chunk))
                break
            if chunk.n == first.n - 1:
                groups[index] = _Group(group.best, (chunk, *group.chunks))
                break
        else:
            groups.append(_Group(candidate, (chunk,)))
    return groups


def _mixed(groups: Sequence[_Group], k: int) -> list[_Group]:
    """The first k, but of one document only its share while others have something to say; best first."""
    limit = max(2, ceil(SHARE * k))
    taken: Counter[int] = Counter()
    chosen: list[int] = []
    waiting: list[int] = []
    for index, group in enumerate(groups):
        document = group.chunks[0].document_id
        related = group.best.score >= RELATED * groups[0].best.score
        if taken[document] < limit and related:
            taken[document] += 1
            chosen.append(index)
        else:
            waiting.append(index)
    return [groups[index] for index in sorted((chosen + waiting)[:k])]


def _source(n: int, group: _Group) -> Source:
    first, last, best = group.chunks[0], group.chunks[-1], group.best
    heading = first.heading if len(group.chunks) == 1 else _common([chunk.heading for chunk in group.chunks])
    return Source(
        n=n,
        path=first.path,
        title=first.title,
        format=first.format,
        text=_text(group.chunks),
        score=best.score,
        page=first.page,
        lines=(first.lines[0], last.lines[1]) if first.lines and last.lines else first.lines,
        heading=heading,
        scores=best.scores,
        ranks=best.ranks,
        chunk_ids=tuple(chunk.id for chunk in group.chunks),
    )


def _text(chunks: Sequence[StoredChunk]) -> str:
    """The passage that the chunks cover; what two of them share stands once."""
    text, end = chunks[0].text, chunks[0].end
    for chunk in chunks[1:]:
        text += chunk.text[end - chunk.start :] if chunk.start < end else "\n\n" + chunk.text
        end = max(end, chunk.end)
    return text


def _common(headings: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The heading path that all have in common."""
    common = []
    for parts in zip(*headings, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return tuple(common)
