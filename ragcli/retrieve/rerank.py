"""Second look at the best candidates: by their words alone, or by a model that reads them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ragcli.errors import EndpointError
from ragcli.ports import Reranker
from ragcli.retrieve.proximity import LATIN_WINDOW, Closeness
from ragcli.retrieve.query import Question
from ragcli.types import Notice, Ranks, Scores, StoredChunk


class Candidate(Struct, frozen=True):
    """A chunk with its text, its scores and its places."""

    chunk: StoredChunk
    scores: Scores
    ranks: Ranks = Ranks()

    @property
    def score(self) -> float:
        """The score of the last step that saw it."""
        for score in (self.scores.rerank, self.scores.fused, self.scores.keyword, self.scores.vector):
            if score is not None:
                return score
        return 0.0


class Ranking(Struct, frozen=True):
    """Candidates, best first, and what went wrong on the way."""

    candidates: tuple[Candidate, ...]
    notices: tuple[Notice, ...] = ()
    before: tuple[Candidate, ...] = ()
    """The first ones by their words, where a model has put others there."""


class Ranker(Protocol):
    async def rank(self, question: Question, candidates: Sequence[Candidate], rarity: Mapping[str, float]) -> Ranking:
        """The candidates in a better order; `rarity` is of the question's terms."""
        ...


class FusedOrder:
    """Leaves the candidates as the search found them."""

    async def rank(self, question: Question, candidates: Sequence[Candidate], rarity: Mapping[str, float]) -> Ranking:
        return Ranking(tuple(candidates))


class BuiltinRanker:
    """Prefers passages that hold the question's words close together; needs no model and takes a millisecond or two."""

    SHARE = 0.2
    """What closeness can add to a fused score of at most 1; any share from 0.1 to 0.3 does well.

    Of a question that is longer than the window less can stand in it, so there it adds less.
    """
    DEPTH = 20
    """Candidates that are read."""

    async def rank(self, question: Question, candidates: Sequence[Candidate], rarity: Mapping[str, float]) -> Ranking:
        weight = {term: count * rarity.get(term, 0.0) for term, count in Counter(question.terms).items()}
        share = self.SHARE * min(1.0, LATIN_WINDOW / max(1, len(question.text)))
        closeness = Closeness(weight)
        ranked = []
        for place, candidate in enumerate(candidates):
            close = closeness.of(candidate.chunk.text) if place < self.DEPTH else 0.0
            seen = candidate.scores
            score = ((seen.fused or 0.0) + share * close) / (1 + share)
            scores = Scores(keyword=seen.keyword, vector=seen.vector, fused=seen.fused, rerank=score)
            ranked.append(Candidate(candidate.chunk, scores, candidate.ranks))
        ranked.sort(key=lambda candidate: (-candidate.score, candidate.chunk.id))
        return Ranking(tuple(ranked))


class ModelRanker:
    """Lets a model order the first candidates, within a time; if it fails, their order stands and a notice says so."""

    def __init__(
        self,
        reranker: Reranker,
        *,
        timeout: float,
        depth: int = 30,
        before: Ranker | None = None,
        load: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`timeout` in seconds; the model reads the first `depth` candidates of the ranker `before` it.

        What `load` does at each search, which is much the first time, is not under the timeout.
        """
        self._reranker = reranker
        self._timeout = timeout
        self._depth = depth
        self._before = before or BuiltinRanker()
        self._load = load

    async def rank(self, question: Question, candidates: Sequence[Candidate], rarity: Mapping[str, float]) -> Ranking:
        before = await self._before.rank(question, candidates, rarity)
        return await self._by_model(question, before.candidates)

    async def _by_model(self, question: Question, candidates: Sequence[Candidate]) -> Ranking:
        head, tail = candidates[: self._depth], candidates[self._depth :]
        if not head:
            return Ranking(tuple(candidates))
        try:
            if self._load is not None:
                await self._load()
            async with asyncio.timeout(self._timeout):
                scores = await self._reranker.rerank(question.text, [_text(candidate) for candidate in head])
        except TimeoutError:
            return _as_they_were(candidates, f"the reranker took longer than {self._timeout:g} s")
        except EndpointError as error:
            return _as_they_were(candidates, f"the reranker failed ({error.message})")
        if len(scores) != len(head):
            return _as_they_were(candidates, "the reranker's answer does not fit the passages")
        scored = [
            replace(candidate, scores=replace(candidate.scores, rerank=float(score)))
            for candidate, score in zip(head, scores, strict=True)
        ]
        scored.sort(key=lambda candidate: -(candidate.scores.rerank or 0.0))
        return Ranking((*scored, *tail), before=tuple(head))


def _as_they_were(candidates: Sequence[Candidate], why: str) -> Ranking:
    notice = Notice("rerank", f"{why}: the order is that of the search")
    return Ranking(tuple(candidates), (notice,))


def _text(candidate: Candidate) -> str:
    """What a model reads of a passage: where it stands, then what it says."""
    chunk = candidate.chunk
    place = " > ".join(part for part in (chunk.title, *chunk.heading) if part and part not in chunk.text[:200])
    return f"{place}\n{chunk.text}" if place else chunk.text
