"""Do the sources speak of what was asked? A calibrated guess from what every search knows anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragcli.retrieve.query import Question
from ragcli.text.analyze import terms
from ragcli.types import Source

THRESHOLD = 0.3
"""From here on the sources are relevant."""


def confidence(question: Question, rarity: Mapping[str, float], sources: Sequence[Source]) -> float:
    """In 0..1: how much of the question's weight the best of the first sources holds."""
    weight = {term: rarity.get(term, 0.0) for term in set(question.terms)}
    total = sum(weight.values())
    if not total:
        return 0.0
    held = [sum(weight[term] for term in weight.keys() & set(terms(source.text))) for source in sources[:3]]
    return max(held, default=0.0) / total
