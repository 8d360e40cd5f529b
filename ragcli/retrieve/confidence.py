"""Do the sources speak of what was asked? A calibrated guess from what every search knows anyway.

A logistic model of the evidence in one passage, the best of the first three:

    ln(1 + n) * (5.8 found + 2.3 close + 1.6 held) + nearness - 0.9 ln(N + 50) - 2.0

`held` is the share of the question that the passage holds, each term weighted by its rarity; `close` the share that
stands within a sentence or two; `found` its BM25 score as a share of what that could be. The same share of more terms
(n) is better evidence: two words of three meet by chance, six of nine hardly. The more passages there are (N), the
better the best that chance finds. `nearness` is the cosine, scaled by what it is worth in the script of the question.

Fitted on questions put to the folder they belong to and to folders that they do not, in English and Chinese, from 1
passage to 5,000. With each of five sets left out in turn, the model refuses 1 % (at worst 2.6 %) of the questions that
the left-out set answers and 77 % of those that belong to another set of its language (nearly all of another
language). It tells questions about something else, not questions whose answer is narrowly missing: of those 5 %, for
they look alike to anything that does not read. `make bench-retrieval ARGS=--refusals` prints such figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ragcli.retrieve.fuse import in_spaceless_script, keyword_bound
from ragcli.retrieve.proximity import Closeness, telling
from ragcli.retrieve.query import Question
from ragcli.text.question import says_nothing
from ragcli.types import Source

THRESHOLD = 0.5
"""From here on the sources are relevant: set so that hardly any answerable question is refused."""

BACKGROUND = 50
"""Passages of ordinary text that are imagined beside the folder's when it is asked how rare a term is.

In a folder of one passage every term that it holds would count for next to nothing against one that it lacks.
"""

_BEST = 3  # sources that are looked at
_MOST_PASSAGES = 10_000  # twice the largest folder that the model was fitted on
_FOUND, _CLOSE, _HELD, _CHANCE, _NOTHING = 5.8, 2.3, 1.6, -0.9, -2.0
_NEAR, _NEAR_UNSPACED, _UNSPACED = 11.3, 3.3, 1.5
_WITHOUT_COSINE = 4.5
_FOUND_OF_HELD = 0.55  # what BM25 finds of a passage's share, about, where nobody asked it
_RELATED_COSINE, _STEEPNESS = 0.35, 20.0
_SHORT_WORDS, _SHORT_CHARACTERS = 2, 4  # characters of a script without spaces
_THERE = 0.75


class Evidence(Struct, frozen=True):
    """What one passage has to say: shares of the question in 0..1, and its cosine where there is one."""

    found: float
    close: float
    held: float
    cosine: float | None
    terms: frozenset[str]


def confidence(
    question: Question, rarity: Mapping[str, float], sources: Sequence[Source], *, chunks: int, embedder: str
) -> float:
    """In 0..1; `rarity` is of the question's terms among `chunks` passages.

    A question without sources has none, nor has one of symbols.
    """
    if not sources:
        return 0.0
    if not question.terms:  # symbols alone, or a filter alone, which everything shown has passed
        return _THERE if question.keywords.paths and not question.text else 0.0
    passages = _evidence(question, rarity, sources, chunks=chunks)
    sure = max(_logistic(_logit(question, passage, chunks, embedder)) for passage in passages)
    return max(sure, _THERE) if _is_there(question, rarity, passages, chunks) else sure


def _evidence(
    question: Question, rarity: Mapping[str, float], sources: Sequence[Source], *, chunks: int
) -> list[Evidence]:
    """Of each of the best sources."""
    weight = {term: against_background(rarity.get(term, 0.0), chunks) for term in question.terms}
    bound = keyword_bound(Counter(question.terms), rarity)
    closeness = Closeness(weight)
    whole, seen_whole = _sum(telling(weight)), _sum(telling({term: rarity.get(term, 0.0) for term in weight}))
    by_words = any(source.scores.keyword is not None for source in sources)
    pieces = []
    for source in sources[:_BEST]:
        name = source.path.replace("\\", "/").rpartition("/")[2]
        close, terms = closeness.read("\n".join((name, source.title, *source.heading, source.text)))
        held = _sum(weight, terms) / whole if whole else 0.0
        found = _FOUND_OF_HELD * held
        if by_words:  # BM25 was counted without the background: set right by what that does to the terms found
            seen = _sum(rarity, terms) / seen_whole if seen_whole else 0.0
            found = (source.scores.keyword or 0.0) / bound * held / seen if bound and seen else 0.0
        pieces.append(Evidence(min(1.0, found), close, held, source.scores.vector, frozenset(terms)))
    return pieces


def _logit(question: Question, piece: Evidence, chunks: int, embedder: str) -> float:
    unspaced = in_spaceless_script(question.text)
    amount = math.log(1 + len(telling(dict.fromkeys(question.terms, 1.0))))
    chance = math.log(min(chunks, _MOST_PASSAGES) + BACKGROUND)
    by_words = amount * (_FOUND * piece.found + _CLOSE * piece.close + _HELD * piece.held) + _CHANCE * chance + _NOTHING
    if piece.cosine is None:
        return by_words + _WITHOUT_COSINE
    if embedder.startswith("static:"):
        if not piece.held:  # it takes many a stranger for a neighbour
            return -math.inf
        return by_words + (_NEAR_UNSPACED * piece.cosine + _UNSPACED if unspaced else _NEAR * piece.cosine)
    # Of other embedders the scale is not known. They find what shares no word with the question, so where they are sure
    # nothing is refused for want of words.
    return max(by_words + _WITHOUT_COSINE, _STEEPNESS * (piece.cosine - _RELATED_COSINE))


def _is_there(question: Question, rarity: Mapping[str, float], passages: Sequence[Evidence], chunks: int) -> bool:
    """Whether just this was asked for: a quoted phrase, a word or two that the folder holds, stop words."""
    if question.keywords.phrases:  # what does not hold it word for word has been left out
        return True
    text = question.text
    seen = frozenset[str]().union(*(passage.terms for passage in passages))
    if says_nothing(text):
        return bool(seen)
    if len(text.split()) > _SHORT_WORDS or sum(map(in_spaceless_script, text)) > _SHORT_CHARACTERS:
        return False
    wanted = telling(dict.fromkeys(question.terms, 1.0))
    return bool(seen) and all(term in seen or _stands(term, rarity, chunks) for term in wanted)


def _stands(term: str, rarity: Mapping[str, float], chunks: int) -> bool:
    """Some passage holds it."""
    return rarity.get(term, 0.0) < math.log1p((chunks + 0.5) / 0.5) - 1e-9


def against_background(idf: float, chunks: int) -> float:
    """The inverse document frequency that a term would have with BACKGROUND more passages that do not hold it.

    BM25's: idf = ln(1 + (N - n + 0.5) / (n + 0.5)), solved for n.
    """
    odds = math.exp(idf) - 1
    containing = (chunks + 0.5 - 0.5 * odds) / (1 + odds)
    return math.log(1 + (chunks + BACKGROUND - containing + 0.5) / (max(0.0, containing) + 0.5))


def _sum(weight: Mapping[str, float], terms: Iterable[str] | None = None) -> float:
    return sum(weight.values()) if terms is None else sum(weight.get(term, 0.0) for term in terms)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))
