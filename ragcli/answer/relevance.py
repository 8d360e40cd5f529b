"""How likely a sentence is to hold the answer: one score for the extractive answer and the compression of sources.

A sentence is seen by what it shares with the question (weighted by how rare it is among these passages, with words that
mean the same, and as pairs of neighbours), by what its neighbours and its passage share, by whether it says anything
that the question does not, and by whether it holds the kind of thing that is asked for: a date for "when", a number for
"多少". The score is the logarithm of the odds among all sentences, linear in these; the weights were fitted by maximum
likelihood on 800 questions whose answers are known, half of them Chinese.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean

from msgspec import Struct

from ragcli.answer.meaning import Known, says_something
from ragcli.answer.question import Asked, asked
from ragcli.answer.tables import told
from ragcli.text.analyze import terms
from ragcli.text.sentences import sentences


class Sentence(Struct, frozen=True):
    """A sentence of one of the passages: `passages[passage][start:end] == text`."""

    passage: int
    start: int
    end: int
    text: str
    score: float


class Relevance(Struct, frozen=True):
    """Every sentence in reading order, and what was asked with the weight of each of its terms, 1.0 in all."""

    wanted: Asked
    weights: dict[str, float]
    sentences: list[Sentence]


WEIGHTS: dict[str, tuple[float, float]] = {
    "rare": (1.97, 1.65),
    "plain": (0.89, 1.07),
    "akin": (5.6, 1.44),
    "akin squared": (-3.95, -8.26),
    "near": (2.12, 3.58),
    "beyond": (0.0, 9.97),
    "pairs": (4.1, -1.42),
    "before": (2.96, 1.8),
    "after": (1.82, 1.49),
    "subject": (1.16, -0.64),
    "passage covers": (-1.03, 3.98),
    "passage knows": (1.96, 0.65),
    "passage best": (3.86, 0.09),
    "is best": (0.98, 0.39),
    "first passage": (1.12, 3.71),
    "defines": (6.85, 7.35),
    "kind": (1.79, 0.72),
    "kind akin": (1.25, 3.16),
    "nothing new": (-2.98, -3.45),
    "title": (-1.87, -2.1),
    "place": (-0.14, -0.93),
    "length": (-0.24, -0.29),
}
"""Of each feature: for questions in words, and for those in a script without spaces."""

PRONOUN = re.compile(
    r"\W*(?:(?:he|she|it|they|his|her|its|their|this|that|these|those|there|such|both)\b"
    r"|[他她它牠其这那该此]|两者|双方|同年)",
    re.IGNORECASE,
)
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_ENDED = re.compile(r"[.!?…。！？:：;；|\"'”’)\]）」』】]\Z")
_TITLE = (12, 24)
"""Terms below which a line without an end mark is a title: of words, and of a script without spaces."""


class _Unit(Struct, frozen=True):
    passage: int
    start: int
    end: int
    text: str
    terms: tuple[str, ...]
    known: Known
    place: int
    """Which sentence of its passage it is, from 0."""


def ranked(question: str, passages: Sequence[str]) -> list[Sentence]:
    """Every sentence of the passages (best passage first) in reading order, with its score."""
    return relevance(question, passages).sentences


def relevance(question: str, passages: Sequence[str]) -> Relevance:
    """The same with what was found out about the question."""
    wanted = asked(question)
    units = [unit for number, passage in enumerate(passages) for unit in _units(number, passage)]
    weights = _weights(wanted, units)
    script = int(wanted.unspaced)
    scored = [
        Sentence(
            unit.passage,
            unit.start,
            unit.end,
            unit.text,
            sum(WEIGHTS[name][script] * value for name, value in seen.items()),
        )
        for unit, seen in zip(units, _features(wanted, units, weights), strict=True)
    ]
    return Relevance(wanted, weights, scored)


def _units(number: int, passage: str) -> list[_Unit]:
    found: list[_Unit] = []
    for start, end in sentences(passage):
        text = passage[start:end]
        held = tuple(terms(told(passage, start, end)))  # a row of a table speaks of its columns, too
        if held:
            found.append(_Unit(number, start, end, text, held, Known(held), len(found)))
    return found


def _weights(wanted: Asked, units: Sequence[_Unit]) -> dict[str, float]:
    """Weight of each term of the question, 1.0 in all: rarity among the sentences times its own worth."""
    frequency = Counter(term for unit in units for term in wanted.terms if term in unit.known.terms)
    return _rarity(wanted.terms, frequency, len(units))


def _rarity(worth: Mapping[str, float], frequency: Mapping[str, int], count: int) -> dict[str, float]:
    weights = {
        term: value * math.log(1 + (count - frequency.get(term, 0) + 0.5) / (frequency.get(term, 0) + 0.5))
        for term, value in worth.items()
    }
    whole = sum(weights.values()) or 1.0
    return {term: weight / whole for term, weight in weights.items()}


def _features(wanted: Asked, units: Sequence[_Unit], weights: Mapping[str, float]) -> list[dict[str, float]]:
    """One row a sentence; what each name means stands beside it. Shares are of the question's weight."""
    worth = sum(wanted.terms.values()) or 1.0
    nearness = sum(wanted.near.values()) or 1.0
    pairs = set(pairwise(terms(wanted.text)))
    question = Known(wanted.terms)
    title = _TITLE[wanted.unspaced]
    average = sum(len(unit.terms) for unit in units) / max(len(units), 1)
    rare = [sum(weight for term, weight in weights.items() if term in unit.known.terms) for unit in units]
    akin = [sum(weight for term, weight in weights.items() if unit.known.akin(term)) for unit in units]
    topics = {unit.passage: unit.known for unit in units if not unit.place}
    best = {passage: max(a for a, u in zip(akin, units, strict=True) if u.passage == passage) for passage in topics}
    top = max(best.values(), default=0.0)
    covers, knows = _of_passages(wanted, units, weights)
    covered = max(covers.values(), default=0.0)
    rows = _of_rows(units, rare)
    features = []
    for i, unit in enumerate(units):
        kind = wanted.kind_in(unit.text)
        before = rows[i] if i in rows else rare[i - 1] if unit.place else 0.0
        refers = PRONOUN.match(unit.text) or (before and _HEADING.match(units[i - 1].text))
        ended = _ENDED.search(unit.text) is not None
        features.append(
            {
                "rare": rare[i],
                "plain": sum(value for term, value in wanted.terms.items() if term in unit.known.terms) / worth,
                "akin": akin[i],  # with words that mean the same
                "akin squared": akin[i] ** 2,
                # where terms weigh more the closer they stand to the word that asks
                "near": sum(value for term, value in wanted.near.items() if unit.known.akin(term)) / nearness,
                # of what is asked beside the passage's topic; for Chinese, which leaves out its subject
                "beyond": _beyond(weights, unit, topics[unit.passage]) if wanted.unspaced else 0.0,
                "pairs": len(pairs.intersection(pairwise(unit.terms))) / max(len(pairs), 1),
                "before": before,
                "after": rows[i] if i in rows else akin[i + 1] if i + 1 < len(units) and units[i + 1].place else 0.0,
                "subject": before if refers else 0.0,
                "passage covers": covers[unit.passage] - covered,  # against the best passage
                "passage knows": knows[unit.passage],
                "passage best": best[unit.passage] - top,
                "is best": float(akin[i] == best[unit.passage]),
                "first passage": float(unit.passage == 0),
                "defines": float(wanted.definition is not None and wanted.definition.search(unit.text) is not None),
                "kind": kind,
                "kind akin": kind * akin[i],
                "nothing new": float(not any(says_something(t) and not question.akin(t) for t in unit.known.terms)),
                "title": float(not ended and len(unit.terms) < title),
                "place": math.log(1 + unit.place),
                "length": math.log(len(unit.terms) / average),
            }
        )
    return features


def _of_rows(units: Sequence[_Unit], shares: Sequence[float]) -> dict[int, float]:
    """Of each unit that is a row of a table: the mean share of the rows, which are no more about it for being next."""
    rows: dict[int, list[int]] = {}
    for i, unit in enumerate(units):
        if unit.text.startswith("|"):
            rows.setdefault(unit.passage, []).append(i)
    return {i: fmean(shares[j] for j in table) for table in rows.values() for i in table}


def _beyond(weights: Mapping[str, float], unit: _Unit, topic: Known) -> float:
    """Of what the question holds beside the topic of the passage, which its first sentence tells: the unit's share."""
    rest = {term: weight for term, weight in weights.items() if term not in topic.terms}
    return sum(weight for term, weight in rest.items() if unit.known.akin(term)) / (sum(rest.values()) or 1.0)


def _of_passages(
    wanted: Asked, units: Sequence[_Unit], weights: Mapping[str, float]
) -> tuple[dict[int, float], dict[int, float]]:
    """Of each passage: its share of the question, weighted by rarity among the passages; the same with kindred words
    and weighted by rarity among the sentences."""
    held: dict[int, set[str]] = {}
    for unit in units:
        held.setdefault(unit.passage, set()).update(unit.known.terms)
    frequency = Counter(term for found in held.values() for term in wanted.terms if term in found)
    rarity = _rarity(wanted.terms, frequency, len(held))
    covers = {passage: sum(v for term, v in rarity.items() if term in found) for passage, found in held.items()}
    known = {passage: Known(found) for passage, found in held.items()}
    knows = {passage: sum(v for term, v in weights.items() if one.akin(term)) for passage, one in known.items()}
    return covers, knows
