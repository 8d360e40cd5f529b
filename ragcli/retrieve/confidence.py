"""Do the sources speak of what was asked? A calibrated guess from what every search knows anyway.

A logistic model of four signs, fitted on questions put to the folder they belong to and to folders that they do not, in
English and Chinese, from 18 documents to 5,000: how much of the question the best source holds (BM25 as a share of what
it could be), how close together that stands, how near it is in meaning, and how long the question is (of a long one
less need be found). It tells questions about something else, not questions whose answer is narrowly missing: those look
alike to anything that does not read.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from ragcli.retrieve.fuse import in_spaceless_script, keyword_bound
from ragcli.retrieve.proximity import Closeness
from ragcli.retrieve.query import Question
from ragcli.text.analyze import terms
from ragcli.types import Source

THRESHOLD = 0.4
"""From here on the sources are relevant: set so that hardly any answerable question is refused."""

_BEST = 3  # sources that are looked at
_FOUND, _CLOSE, _LENGTH, _NOTHING = 16.0, 5.0, 0.8, -10.5
_WITHOUT_COSINE = 4.5
_SHARE_OF_CLOSENESS = 0.6  # what is found of a question, about, where only its closeness is known
_RELATED_COSINE, _STEEPNESS = 0.35, 20.0


_BACKGROUND = 50
"""Passages of ordinary text that are imagined beside the folder's when it is asked how rare a term is.

In a folder of one passage every term that it holds would count for next to nothing against one that it lacks.
"""
_MANY = 2_000
"""Passages beside which the background is nothing: it would change an inverse document frequency by 0.02."""


def confidence(
    question: Question, rarity: Mapping[str, float], sources: Sequence[Source], *, chunks: int, embedder: str
) -> float:
    """In 0..1; `rarity` is of the question's terms among `chunks` passages.

    A question without words, or without sources, has none.
    """
    if not sources or not question.terms:
        return 0.0
    best = sources[:_BEST]
    counts = Counter(question.terms)
    if chunks < _MANY:
        weight = {term: against_background(rarity.get(term, 0.0), chunks) for term in counts}
        found = max(_found(source, counts, rarity, weight) for source in best)
    else:
        weight = {term: rarity.get(term, 0.0) for term in counts}
        found = max(source.scores.keyword or 0.0 for source in best) / (keyword_bound(counts, weight) or 1.0)
    closeness = Closeness(weight)
    close = max(closeness.of(source.text) for source in best)
    if all(source.scores.keyword is None for source in sources):  # nobody looked for words
        found = _SHARE_OF_CLOSENESS * close
    cosine = max((source.scores.vector for source in sources if source.scores.vector is not None), default=None)
    unspaced = in_spaceless_script(question.text)
    length = math.log(max(1.0, len(counts) / (2 if unspaced else 1)))
    by_words = _FOUND * found + _CLOSE * close + _LENGTH * length + _NOTHING
    if cosine is None:
        return _logistic(by_words + _WITHOUT_COSINE)
    if embedder.startswith("static:"):
        return _logistic(by_words + (3.3 * cosine + 2.0 if unspaced else 12.0 * cosine))
    # Of other embedders the scale is not known. They find what shares no word with the question, so where they are sure
    # nothing is refused for want of words.
    return _logistic(max(by_words + _WITHOUT_COSINE, _STEEPNESS * (cosine - _RELATED_COSINE)))


def _found(
    source: Source, counts: Mapping[str, int], rarity: Mapping[str, float], weight: Mapping[str, float]
) -> float:
    """How much of the question a source holds: its BM25 score as a share of what it could be, under `weight`."""
    if not source.scores.keyword:
        return 0.0
    held = counts.keys() & set(terms("\n".join((source.title, *source.heading, source.text))))
    counted = sum(counts[term] * rarity.get(term, 0.0) for term in held)
    bound = keyword_bound(counts, weight)
    if not counted or not bound:
        return 0.0
    return source.scores.keyword / counted * sum(counts[term] * weight[term] for term in held) / bound


def against_background(idf: float, chunks: int) -> float:
    """The inverse document frequency that a term would have with _BACKGROUND more passages that do not hold it.

    BM25's: idf = ln(1 + (N - n + 0.5) / (n + 0.5)), solved for n.
    """
    odds = math.exp(idf) - 1
    containing = (chunks + 0.5 - 0.5 * odds) / (1 + odds)
    return math.log(1 + (chunks + _BACKGROUND - containing + 0.5) / (max(0.0, containing) + 0.5))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))
