"""Passages cut to a budget of tokens: the sentences that may hold the answer stay, in their order, the rest goes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import accumulate

from ragcli.answer.question import Asked, asked
from ragcli.answer.relevance import Sentence, ranked
from ragcli.text.analyze import terms

Count = Callable[[str], int]
"""Tokens of a text."""

GAP = " … "
"""Stands where something was left out."""
SHORTEST = 6
"""Tokens below which a part of a sentence is not worth keeping."""

DENSITY = 0.8
"""How much the logarithm of a sentence's length counts against it: room is what the budget is about."""

_CLAUSE_END = re.compile(
    r"[,;:)](?=\s)|[，；：、）]|\s[–—-]\s|——|\s(?=(?:and|but|which|who|while|because|when|where|or)\s)"
)


def compress(question: str, passages: Sequence[str], budget: int, count: Count) -> list[str]:
    """The passages, as many tokens as `budget` in all; one that has nothing to say to the question may become empty.

    Passages that fit are given back as they are. `passages` come best first. The sentence that no longer fits is cut
    to the clauses that bear on the question.
    """
    if sum(map(count, passages)) <= budget:
        return list(passages)
    wanted, mark = asked(question), count(GAP)
    kept: list[list[tuple[int, int]]] = [[] for _ in passages]
    room = budget
    for sentence in sorted(ranked(question, passages), key=_worth):
        spans = kept[sentence.passage]
        left = room - (mark if spans else 0)
        cost, start, end = count(sentence.text), 0, len(sentence.text)
        if cost > left:
            start, end = _stripped(sentence.text, *_part(wanted, sentence.text, left, count))
            cost = count(sentence.text[start:end])
        if start < end and SHORTEST <= cost <= left:
            spans.append((sentence.start + start, sentence.start + end))
            room = left - cost
    return [_joined(passage, sorted(spans)) for passage, spans in zip(passages, kept, strict=True)]


def _worth(sentence: Sentence) -> tuple[float, int, int]:
    """Best first, where a long one must be better than a short one; equals in reading order."""
    return DENSITY * math.log(len(sentence.text)) - sentence.score, sentence.passage, sentence.start


def _part(wanted: Asked, sentence: str, room: int, count: Count) -> tuple[int, int]:
    """The run of clauses within `room` tokens that holds most of what is asked for; an empty one where none fits."""
    ends = [*(match.end() for match in _CLAUSE_END.finditer(sentence)), len(sentence)]
    starts = [0, *ends[:-1]]
    costs = [0, *accumulate(count(sentence[start:end]) for start, end in zip(starts, ends, strict=True))]
    worth = [0.0, *accumulate(_clause_worth(wanted, sentence[a:b]) for a, b in zip(starts, ends, strict=True))]
    best = (0.0, 0, 0, 0)
    for first in range(len(starts)):
        for last in range(first, len(ends)):
            if costs[last + 1] - costs[first] <= room:
                best = max(
                    best, (worth[last + 1] - worth[first], costs[last + 1] - costs[first], -starts[first], ends[last])
                )
    return -best[2], best[3]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _clause_worth(wanted: Asked, clause: str) -> float:
    held = frozenset(terms(clause))
    return sum(worth for term, worth in wanted.terms.items() if term in held) + wanted.kind_in(clause) + 0.01


def _joined(passage: str, spans: Sequence[tuple[int, int]]) -> str:
    """The kept spans, with the very text between neighbours and a gap mark where something is missing."""
    text, end = "", 0
    for start, stop in spans:
        if text:
            between = passage[end:start]
            text += GAP if between.strip() else between
        text += passage[start:stop]
        end = stop
    return text


def cut(text: str, budget: int, count: Count) -> str:
    """The longest beginning of a text within `budget` tokens, about."""
    if count(text) <= budget:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle] + GAP.rstrip()) <= budget:
            low = middle
        else:
            high = middle - 1
    return text[:low] + GAP.rstrip() if low else ""
