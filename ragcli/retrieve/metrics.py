"""How good a ranking is, against what was expected in it: each measure is 0 for nothing found and 1 for all on top.

Gains are binary: an expected item counts, another does not. An item that stands twice in a ranking counts where it
stands first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Sequence
from itertools import islice


def ndcg(ranked: Iterable[Hashable], expected: Collection[Hashable], k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first k, for a ranking and what was expected in it.

        DCG@k = sum over ranks i = 1..k of gain(i) / log2(i + 1)        nDCG@k = DCG@k / DCG@k of the best ranking

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002), with the discount log2(i + 1)
    that has become usual since Burges et al., "Learning to rank using gradient descent" (2005). The best ranking has
    min(k, len(expected)) expected items on top. Nothing expected: 0.
    """
    wanted = set(expected)
    gained = math.fsum(_discount(rank) for rank, item in _ranks(ranked, k) if item in wanted)
    best = math.fsum(_discount(rank) for rank in range(1, min(k, len(wanted)) + 1))
    return gained / best if best else 0.0


def recall(ranked: Iterable[Hashable], expected: Collection[Hashable], k: int = 5) -> float:
    """The share of what was expected that stands among the first k: |found in k| / min(k, |expected|).

    More than k cannot be found there, so no more than k are asked for. Nothing expected: 0.
    """
    wanted = set(expected)
    most = min(k, len(wanted))
    return sum(item in wanted for _, item in _ranks(ranked, k)) / most if most else 0.0


def reciprocal_rank(ranked: Iterable[Hashable], expected: Collection[Hashable], k: int = 10) -> float:
    """1 / rank of the first expected item among the first k, else 0; its mean over questions is MRR@k.

    Voorhees, "The TREC-8 question answering track report" (1999).
    """
    wanted = set(expected)
    return next((1 / rank for rank, item in _ranks(ranked, k) if item in wanted), 0.0)


def mean(values: Sequence[float]) -> float:
    """0 for no values."""
    return math.fsum(values) / len(values) if values else 0.0


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def _ranks(ranked: Iterable[Hashable], k: int) -> Iterable[tuple[int, Hashable]]:
    """The first k different items, with their ranks from 1."""
    return enumerate(islice(dict.fromkeys(ranked), k), start=1)
