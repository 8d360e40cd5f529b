"""The clauses of a sentence, and which of them hold the answer if the sentence does.

Where room is short, half of a long sentence is worth more than none. As in ragcli.answer.relevance the odds are linear
in a few features, fitted on the same questions; only the pieces of sentences that hold the answer were looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ragcli.answer.meaning import Known, says_something
from ragcli.answer.relevance import Relevance
from ragcli.text.analyze import terms

SHORTEST = 8
"""Characters below which a piece goes with its neighbour."""
MOST = 32
"""Clauses beyond which a sentence is a list or no sentence at all: neighbours are taken together."""

WEIGHTS: dict[str, float] = {
    "kind": 1.75,
    "share": 0.81,
    "akin": 1.35,
    "neighbours": 0.85,
    "nothing new": -1.73,
    "new": 0.31,
    "first": -0.21,
    "number": 0.33,
}

_BORDER = re.compile(
    r"[,;:)](?=\s)|[，；：、）]|\s[–—-]\s|——|(?=[(（])"
    r"|\s(?=(?:and|but|which|who|while|because|when|where|or|that|after|before|from|as|in|for)\s)",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")


def clauses(sentence: str) -> list[tuple[int, int]]:
    """The pieces (start, end) of a sentence between commas, brackets and conjunctions; together they are all of it."""
    ends = sorted({*(match.end() for match in _BORDER.finditer(sentence)), len(sentence)} - {0})
    pieces: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        if pieces and min(_length(sentence, start, end), _length(sentence, *pieces[-1])) < SHORTEST:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
        start = end
    together = math.ceil(len(pieces) / MOST)
    return [(group[0][0], group[-1][1]) for group in _groups(pieces, together)] if together else []


def odds(found: Relevance, pieces: Sequence[str]) -> list[float]:
    """Of each clause of one sentence: how likely it holds the answer, 1.0 in all."""
    scores = [sum(WEIGHTS[name] * value for name, value in seen.items()) for seen in features(found, pieces)]
    top = max(scores)
    likely = [math.exp(score - top) for score in scores]
    whole = sum(likely)
    return [one / whole for one in likely]


def features(found: Relevance, pieces: Sequence[str]) -> list[dict[str, float]]:
    """One row a clause; shares are of what the sentence knows of the question."""
    question = Known(found.wanted.terms)
    held = [terms(piece) for piece in pieces]
    known = [Known(one) for one in held]
    akin = [sum(weight for term, weight in found.weights.items() if one.akin(term)) for one in known]
    whole = sum(akin) or 1.0
    rows = []
    for i, piece in enumerate(pieces):
        new = [term for term in held[i] if says_something(term) and not question.akin(term)]
        share = sum(weight for term, weight in found.weights.items() if term in known[i].terms)
        rows.append(
            {
                "kind": found.wanted.kind_in(piece),
                "share": share / whole,
                "akin": akin[i] / whole,
                "neighbours": max(akin[max(i - 1, 0) : i] + akin[i + 1 : i + 2], default=0.0) / whole,
                "nothing new": float(not new),
                "new": math.log(1 + len(new)),
                "first": float(i == 0),
                "number": float(_DIGIT.search(piece) is not None),
            }
        )
    return rows


def _length(sentence: str, start: int, end: int) -> int:
    return len(sentence[start:end].strip())


def _groups(pieces: Sequence[tuple[int, int]], size: int) -> list[Sequence[tuple[int, int]]]:
    return [pieces[start : start + size] for start in range(0, len(pieces), size or 1)]
