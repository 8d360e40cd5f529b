"""Passages cut to a budget of tokens: what may hold the answer stays, in its order, the rest goes.

Each sentence offers itself whole and as runs of its clauses, with the odds that the answer lies in them. Of these the
ones are taken that hold the most odds within the budget: a knapsack with one choice a sentence, solved along the
concave hull of the choices, best odds a token first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

from ragcli.answer.clauses import clauses, odds
from ragcli.answer.relevance import Relevance, Sentence, relevance

Count = Callable[[str], int]
"""Tokens of a text."""

GAP = " … "
"""Stands where something was left out."""
SHORTEST = 6
"""Tokens below which a part of a sentence is not worth keeping."""
FLATTER = 0.8
"""The odds are surer of themselves than the questions bear out that they were not fitted on: their exponent."""
REPEATED = 1e-3
"""What a sentence is worth that stands word by word in front of it."""


class _Part(Struct, frozen=True):
    """A run of clauses of a sentence: `passage[start:end]`, its tokens, and the odds that it holds the answer."""

    cost: int
    odds: float
    start: int
    end: int


class _Step(Struct, frozen=True):
    """From one part of a sentence to a larger one: `worth` is odds a token."""

    worth: float
    sentence: int
    number: int
    cost: int
    part: _Part


def compress(question: str, passages: Sequence[str], budget: int, count: Count) -> list[str]:
    """The passages, as many tokens as `budget` in all; one that has nothing to say to the question may become empty.

    Passages that fit are given back as they are. `passages` come best first.
    """
    if sum(map(_bytes, passages)) <= budget or sum(map(count, passages)) <= budget:
        return list(passages)
    found = relevance(question, passages)
    taken = _taken(_steps(found, count), budget)
    while True:
        kept = [
            _joined(
                passage, sorted((part.start, part.end) for i, part in taken if found.sentences[i].passage == number)
            )
            for number, passage in enumerate(passages)
        ]
        if not taken or sum(map(count, kept)) <= budget:
            return kept
        taken.pop()


def _bytes(text: str) -> int:
    """No token is less than a byte: what has no more of them than the budget fits, and is not counted."""
    return len(text.encode("utf-8", "replace"))


def _taken(steps: Sequence[_Step], budget: int) -> list[tuple[int, _Part]]:
    """(sentence, part) within the budget, the part with the best odds a token first."""
    reached: dict[int, int] = {}
    taken: dict[int, _Part] = {}
    for step in sorted(steps, key=lambda step: (-step.worth, step.sentence, step.number)):
        if reached.get(step.sentence, 0) == step.number and step.cost <= budget:
            reached[step.sentence] = step.number + 1
            taken[step.sentence] = step.part
            budget -= step.cost
    return list(taken.items())


def _steps(found: Relevance, count: Count) -> list[_Step]:
    top = max((sentence.score for sentence in found.sentences), default=0.0)
    mark = count(GAP)
    seen: set[str] = set()
    steps: list[_Step] = []
    for i, sentence in enumerate(found.sentences):
        likely = math.exp(FLATTER * (sentence.score - top)) * (REPEATED if sentence.text in seen else 1.0)
        seen.add(sentence.text)
        before = _Part(0, 0.0, sentence.start, sentence.start)
        for number, part in enumerate(_hull(_parts(found, sentence, count, mark))):
            cost = part.cost - before.cost
            steps.append(_Step(likely * (part.odds - before.odds) / cost, i, number, cost, part))
            before = part
    return steps


def _parts(found: Relevance, sentence: Sentence, count: Count, mark: int) -> Iterator[_Part]:
    pieces = clauses(sentence.text)
    texts = [sentence.text[start:end] for start, end in pieces]
    costs = [0, *accumulate(map(count, texts))]
    likely = [0.0, *accumulate(odds(found, texts))]
    for first, (start, _) in enumerate(pieces):
        for last in range(first, len(pieces)):
            cost, whole = costs[last + 1] - costs[first], (first, last) == (0, len(pieces) - 1)
            if cost >= SHORTEST or whole:
                yield _Part(
                    cost + mark,
                    likely[last + 1] - likely[first],
                    *_stripped(sentence, start, pieces[last][1]),
                )


def _stripped(sentence: Sentence, start: int, end: int) -> tuple[int, int]:
    """Where the piece lies in the passage, without the white space at its ends."""
    piece = sentence.text[start:end]
    return (
        sentence.start + start + len(piece) - len(piece.lstrip()),
        sentence.start + end - len(piece) + len(piece.rstrip()),
    )


def _hull(parts: Iterator[_Part]) -> list[_Part]:
    """The parts that are worth taking, smallest first: each step to a larger one gives less for a token."""
    hull = [_Part(0, 0.0, 0, 0)]
    for part in sorted(parts, key=lambda part: (part.cost, -part.odds)):
        if part.odds <= hull[-1].odds:
            continue
        while len(hull) > 1 and _slope(hull[-1], part) >= _slope(hull[-2], hull[-1]):
            hull.pop()
        hull.append(part)
    return hull[1:]


def _slope(one: _Part, other: _Part) -> float:
    return (other.odds - one.odds) / (other.cost - one.cost)


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
