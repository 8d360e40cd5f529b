"""How likely a sentence is to hold the answer: the one score behind the extractive answer and the compression of sources.

A sentence earns the weight of the question's terms that it holds (rarer among these passages weighs more), a share of
what its passage and its neighbours earn, and a bonus where it holds the kind of thing that is asked for: a date for
"when", a number for "多少". The weights were fitted on questions whose answers are known, in English and Chinese.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ragcli.answer.question import Asked, asked
from ragcli.text.analyze import terms
from ragcli.text.sentences import sentences


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of one of the passages: `passages[passage][start:end] == text`."""

    passage: int
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class _Unit:
    passage: int
    start: int
    end: int
    text: str
    held: frozenset[str]
    length: int


NEIGHBOUR = 0.18
"""Share of what the better neighbour earns that a sentence earns with it."""
SUBJECT = 0.3
"""The same for the sentence before one that begins with a pronoun: it names who or what is spoken of."""
RANK = 0.06
"""What each rank of its passage costs a sentence."""
PASSAGE = 0.25
"""Share of what the passage as a whole earns."""
LENGTH = 0.15
"""How much a long sentence is held to be diluted: 0 not at all, 1 as BM25 at b = 1."""
KIND = 0.25
"""What the right kind of thing (a date for "when") is worth, as a share of the whole question's weight."""

_PRONOUN = re.compile(
    r"\W*(?:(?:he|she|it|they|his|her|its|their|this|that|these|those|there|such|both)\b|[他她它牠其这那该此]|两者|双方|同年)",
    re.IGNORECASE,
)


def ranked(question: str, passages: Sequence[str]) -> list[Sentence]:
    """Every sentence of the passages (best passage first) in reading order, with its score."""
    wanted = asked(question)
    units = [unit for number, passage in enumerate(passages) for unit in _units(number, passage)]
    if not units:
        return []
    weights = _weights(wanted, units)
    whole = sum(weights.values()) or 1.0
    average = sum(unit.length for unit in units) / len(units)
    own = [
        sum(weights[term] for term in unit.held if term in weights)
        / (1 - LENGTH + LENGTH * max(unit.length / average, 0.5))
        / whole
        for unit in units
    ]
    covered = _passage_shares(units, weights, whole)
    return [
        Sentence(unit.passage, unit.start, unit.end, unit.text, _total(i, units, own, covered, wanted))
        for i, unit in enumerate(units)
    ]


def _units(number: int, passage: str) -> list[_Unit]:
    found = []
    for start, end in sentences(passage):
        text = passage[start:end]
        held = terms(text)
        if held:
            found.append(_Unit(number, start, end, text, frozenset(held), len(held)))
    return found


def _weights(wanted: Asked, units: Sequence[_Unit]) -> dict[str, float]:
    """Weight of each term of the question: inverse frequency among the sentences, times what the term is worth in itself."""
    frequency = Counter(term for unit in units for term in unit.held if term in wanted.terms)
    count = len(units)
    return {
        term: worth * math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5))
        for term, worth in wanted.terms.items()
    }


def _passage_shares(units: Sequence[_Unit], weights: dict[str, float], whole: float) -> dict[int, float]:
    """Share of the question's weight that each passage holds."""
    held: dict[int, set[str]] = {}
    for unit in units:
        held.setdefault(unit.passage, set()).update(unit.held & weights.keys())
    return {passage: sum(weights[term] for term in found) / whole for passage, found in held.items()}


def _total(i: int, units: Sequence[_Unit], own: Sequence[float], covered: dict[int, float], wanted: Asked) -> float:
    unit = units[i]
    before = own[i - 1] if i > 0 and units[i - 1].passage == unit.passage else 0.0
    after = own[i + 1] if i + 1 < len(units) and units[i + 1].passage == unit.passage else 0.0
    score = own[i] + NEIGHBOUR * max(before, after) + PASSAGE * covered[unit.passage] - RANK * unit.passage
    if before and _PRONOUN.match(unit.text):
        score += SUBJECT * before
    return score + KIND * wanted.kind_in(unit.text)
