"""How likely a sentence is to hold the answer: one score for the extractive answer and the compression of sources.

A sentence is seen by what it shares with the question (weighted by how rare it is among these passages, plain, with
words that mean the same, and as pairs of neighbours), by what its neighbours and its passage share, by the rank of the
passage, and by whether it holds the kind of thing that is asked for: a date for "when", a number for "多少". The score
is the logarithm of the odds among all sentences, linear in these; its weights were fitted by maximum likelihood on 800
questions whose answers are known, half of them Chinese.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from ragcli.answer.meaning import Known
from ragcli.answer.question import Asked, asked
from ragcli.text.analyze import terms
from ragcli.text.sentences import sentences


class Sentence(Struct, frozen=True):
    """A sentence of one of the passages: `passages[passage][start:end] == text`."""

    passage: int
    start: int
    end: int
    text: str
    score: float


WEIGHTS = {
    "rare": 0.85,  # share of the question's weight that the sentence holds
    "plain": 1.1,  # the same where every term weighs alike
    "akin": 1.9,  # the first with words that mean the same
    "near": 3.3,  # the same where terms weigh more the closer they stand to the word that asks
    "beyond": 2.6,  # share of what is asked beside the passage's topic; for Chinese, which leaves out its subject
    "pairs": 0.8,  # share of the question's pairs of neighbours
    "before": 0.4,  # what the sentence before holds
    "after": 0.8,
    "subject": 0.5,  # what the sentence before holds, where this one begins with a pronoun or that one is a heading
    "passage": 1.0,  # what the passage holds
    "passage_best": 1.9,  # what its best sentence holds
    "is_best": 0.6,
    "first": 1.5,  # the first passage
    "rank": -0.2,
    "defines": 0.9,  # what "What is X?" asks for
    "kind": 1.6,
    "kind_rare": 0.6,
    "length": -0.3,  # logarithm, against the average
}

_PRONOUN = re.compile(
    r"\W*(?:(?:he|she|it|they|his|her|its|their|this|that|these|those|there|such|both)\b"
    r"|[他她它牠其这那该此]|两者|双方|同年)",
    re.IGNORECASE,
)
_HEADING = re.compile(r" {0,3}#{1,6}\s")


class _Unit(Struct, frozen=True):
    passage: int
    start: int
    end: int
    text: str
    terms: tuple[str, ...]
    known: Known
    follows: bool
    """Whether the unit before it is of the same passage."""


def ranked(question: str, passages: Sequence[str]) -> list[Sentence]:
    """Every sentence of the passages (best passage first) in reading order, with its score."""
    wanted = asked(question)
    units = [unit for number, passage in enumerate(passages) for unit in _units(number, passage)]
    if not units:
        return []
    weights = _weights(wanted, units)
    features = _features(wanted, units, weights)
    return [
        Sentence(
            unit.passage, unit.start, unit.end, unit.text, sum(WEIGHTS[name] * value for name, value in seen.items())
        )
        for unit, seen in zip(units, features, strict=True)
    ]


def _units(number: int, passage: str) -> list[_Unit]:
    found: list[_Unit] = []
    for start, end in sentences(passage):
        text = passage[start:end]
        held = tuple(terms(text))
        if held:
            found.append(_Unit(number, start, end, text, held, Known(held), bool(found)))
    return found


def _weights(wanted: Asked, units: Sequence[_Unit]) -> dict[str, float]:
    """Weight of each term of the question, 1.0 in all: rarity among the sentences times its own worth."""
    frequency = Counter(term for unit in units for term in wanted.terms if term in unit.known.terms)
    count = len(units)
    weights = {
        term: worth * math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5))
        for term, worth in wanted.terms.items()
    }
    whole = sum(weights.values()) or 1.0
    return {term: weight / whole for term, weight in weights.items()}


def _features(wanted: Asked, units: Sequence[_Unit], weights: Mapping[str, float]) -> list[dict[str, float]]:
    worth = sum(wanted.terms.values()) or 1.0
    pairs = set(pairwise(terms(wanted.text)))
    rare = [sum(weight for term, weight in weights.items() if term in unit.known.terms) for unit in units]
    best, held = _of_passages(units, rare, weights)
    average = sum(len(unit.terms) for unit in units) / len(units)
    near = sum(wanted.near.values()) or 1.0
    features = []
    topics = {unit.passage: unit.known for unit in units if not unit.follows}
    for i, unit in enumerate(units):
        before = rare[i - 1] if unit.follows else 0.0
        kind = wanted.kind_in(unit.text)
        features.append(
            {
                "rare": rare[i],
                "plain": sum(value for term, value in wanted.terms.items() if term in unit.known.terms) / worth,
                "akin": sum(weight for term, weight in weights.items() if unit.known.akin(term)),
                "near": sum(value for term, value in wanted.near.items() if unit.known.akin(term)) / near,
                "beyond": _beyond(weights, unit, topics[unit.passage]) if wanted.unspaced else 0.0,
                "pairs": len(pairs.intersection(pairwise(unit.terms))) / max(len(pairs), 1),
                "before": before,
                "after": rare[i + 1] if i + 1 < len(units) and units[i + 1].follows else 0.0,
                "subject": before
                if _PRONOUN.match(unit.text) or (before and _HEADING.match(units[i - 1].text))
                else 0.0,
                "passage": held[unit.passage],
                "passage_best": best[unit.passage],
                "is_best": float(rare[i] == best[unit.passage]),
                "first": float(unit.passage == 0),
                "rank": unit.passage,
                "defines": float(wanted.definition is not None and wanted.definition.search(unit.text) is not None),
                "kind": kind,
                "kind_rare": kind * rare[i],
                "length": math.log(len(unit.terms) / average),
            }
        )
    return features


def _beyond(weights: Mapping[str, float], unit: _Unit, topic: Known) -> float:
    """Of what the question holds beside the topic of the passage, which its first sentence tells: the unit's share."""
    rest = {term: weight for term, weight in weights.items() if term not in topic.terms}
    return sum(weight for term, weight in rest.items() if unit.known.akin(term)) / (sum(rest.values()) or 1.0)


def _of_passages(
    units: Sequence[_Unit], rare: Sequence[float], weights: Mapping[str, float]
) -> tuple[dict[int, float], dict[int, float]]:
    """Of each passage: what its best sentence holds, and what all of them hold together."""
    best: dict[int, float] = {}
    terms_held: dict[int, set[str]] = {}
    for unit, share in zip(units, rare, strict=True):
        best[unit.passage] = max(best.get(unit.passage, 0.0), share)
        terms_held.setdefault(unit.passage, set()).update(unit.known.terms & weights.keys())
    return best, {passage: sum(weights[term] for term in found) for passage, found in terms_held.items()}
