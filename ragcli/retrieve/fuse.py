"""Two lists of hits -> one: a convex combination of scores, each divided by the most that it could be.

    fused = (1 - w) * BM25 / bound + w * cosine

`bound` is what BM25 would give a passage that is full of every term asked for, so the keyword share tells how much of
the question was found, and a question that few words of the folder answer leaves more to the vectors. Scaling by a
theoretical bound rather than by the best score of this question keeps scores comparable between questions (Bruch, Gai
and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023). Ranks (RRF) throw all of that away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from ragcli.types import Hit, Ranks, Scores

_BM25_LIMIT = 2.2  # k1 + 1: what a term's share tends to where a short text repeats it
_HAN_KANA_HANGUL = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Weight(Struct, frozen=True):
    """How far to trust the vector leg: its share in 0..1.

    `spread` scales cosines to 0..1 between the worst and the best candidate, for embedders whose cosines all lie close
    together or whose range is unknown.
    """

    vector: float
    spread: bool = False


LEGIBLE = 0.05
"""Weight of an embedder below which it sees unknown tokens where the question has words."""


def vector_weight(embedder: str, question: str) -> Weight:
    """The weight for a question, by what is known of the embedder.

    The static model is a second opinion beside BM25. Contextual models are worth as much as BM25, but the common
    English ones turn Chinese into unknown tokens. Of an unknown one only its order is used, and little of that.
    """
    other_script = in_spaceless_script(question)
    if embedder.startswith("static:"):
        return Weight(0.2 if other_script else 0.3)
    name = embedder.lower()
    if other_script and re.search(
        r"minilm-l\d|[-/]en\b|english|e5-(small|base|large)-v2|gte-(small|base|large)$", name
    ):
        return Weight(0.02, spread=True)
    if embedder.startswith(("openai:", "fastembed:")):
        return Weight(0.3, spread=True)
    return Weight(0.1, spread=True)


def reads(embedder: str, question: str) -> bool:
    """Whether the embedder can tell questions in this script apart, by what is known of it."""
    return vector_weight(embedder, question).vector >= LEGIBLE


def in_spaceless_script(question: str) -> bool:
    """Chinese, Japanese or Korean, at least in part."""
    return bool(_HAN_KANA_HANGUL.search(question))


def keyword_bound(terms: Mapping[str, int], rarity: Mapping[str, float]) -> float:
    """The most that BM25 can give for these terms with their counts in the question."""
    return _BM25_LIMIT * sum(count * rarity.get(term, 0.0) for term, count in terms.items())


def fuse(
    keyword: Mapping[int, float],
    vector: Mapping[int, float],
    *,
    bound: float,
    weight: Weight,
    limit: int | None = None,
) -> list[Hit]:
    """The first hits by fused score, best first; equal ones by id, so that an answer is the same every time.

    Either leg's scores come best first, too.
    """
    low, high = _range(vector) if weight.spread else (0.0, 1.0)
    from_words = (1 - weight.vector) / bound if bound > 0 else 0.0
    from_meaning = weight.vector / (high - low)
    fused = {id: from_words * score for id, score in keyword.items()}
    for id, cosine in vector.items():
        fused[id] = fused.get(id, 0.0) + from_meaning * max(0.0, cosine - low)
    best = [id for _, id in sorted([(-score, id) for id, score in fused.items()])[:limit]]
    by_words, by_meaning = _places(keyword), _places(vector)
    return [
        Hit(
            id,
            Scores(keyword=keyword.get(id), vector=vector.get(id), fused=fused[id]),
            Ranks(keyword=by_words.get(id), vector=by_meaning.get(id), fused=place),
        )
        for place, id in enumerate(best, start=1)
    ]


def _places(scores: Mapping[int, float]) -> dict[int, int]:
    """From 1, by id."""
    return {id: place for place, id in enumerate(scores, start=1)}


def _range(vector: Mapping[int, float]) -> tuple[float, float]:
    low, high = min(vector.values(), default=0.0), max(vector.values(), default=1.0)
    return (low, high) if high - low > 1e-6 else (high - 1.0, high)
