"""Question -> sources: both legs at once, fused, looked at again, and put together for reading."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from ragcli.config import Retrieve
from ragcli.ports import ChunkReader, Embedder
from ragcli.retrieve.assemble import assemble
from ragcli.retrieve.confidence import THRESHOLD, confidence
from ragcli.retrieve.fuse import Weight, fuse, keyword_bound, vector_weight
from ragcli.retrieve.legs import Found, Legs, OpenKeywords, OpenVectors
from ragcli.retrieve.query import Question, parse, without_phrases
from ragcli.retrieve.rerank import BuiltinRanker, Candidate, ModelRanker, Ranker, Ranking
from ragcli.text.analyze import terms
from ragcli.types import Mode, Retrieval, StoredChunk

_ENOUGH = 30
"""Candidates whose texts are read; twice as many where these are not enough."""
_MANY = 100
"""More candidates than so many are read in a thread; these take four milliseconds, about what it would cost."""


class HybridRetriever:
    """Implements `Retriever` over one open collection."""

    def __init__(
        self,
        reader: ChunkReader,
        vectors: OpenVectors,
        keywords: OpenKeywords,
        embedder: Embedder,
        settings: Retrieve | None = None,
        *,
        ranker: Ranker | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """An index may be given as a function that opens it; the built-in ranker is the default."""
        self._settings = settings or Retrieve()
        self._reader = reader
        self._embedder = embedder
        self._legs = Legs(reader, vectors, keywords, embedder, depth=self._settings.candidates)
        self._ranker = ranker or BuiltinRanker()
        self._clock = clock

    def close(self) -> None:
        self._legs.close()

    async def search(self, query: str, *, mode: Mode = "hybrid", k: int = 5, rerank: bool = True) -> Retrieval:
        """At most k sources, best first. Raises StoreError, EndpointError."""
        start = self._clock()
        self._legs.follow()
        question = parse(query)
        found = await self._legs.find(question, mode)
        few, many = max(_ENOUGH, 3 * k), max(2 * _ENOUGH, 6 * k)
        by_model = rerank and isinstance(self._ranker, ModelRanker)
        for enough in (many,) if by_model else (few, many):  # a model is asked once
            candidates, rarity = await self._candidates(question, mode, found, enough)
            if question.keywords.phrases and not candidates:
                question = without_phrases(question)
                found = await self._legs.find(question, mode)
                candidates, rarity = await self._candidates(question, mode, found, enough)
            ranking = Ranking(tuple(candidates))
            if rerank:
                ranking = await self._ranker.rank(question, candidates, rarity)
            sources = assemble(ranking.candidates, k)
            if len(sources) == k or len(candidates) < enough:
                break  # else many were copies or neighbours of each other, and there are more
        sure = max(  # whether the folder speaks of it is no matter of what a model puts first
            confidence(question, rarity, seen, chunks=len(self._legs), embedder=self._embedder.id)
            for seen in (sources, assemble(ranking.before, k))
        )
        return Retrieval(
            query=query,
            mode=mode,
            sources=sources,
            confidence=sure,
            relevant=bool(sources) and sure >= self._threshold,
            notices=ranking.notices,
            ms=(self._clock() - start) * 1000,
        )

    async def _candidates(
        self, question: Question, mode: Mode, found: Found, enough: int
    ) -> tuple[list[Candidate], dict[str, float]]:
        """And the rarity of the question's terms."""
        if question.filtered or enough > _MANY:
            return await asyncio.to_thread(self._fused, question, mode, found, enough)
        return self._fused(question, mode, found, enough)

    def _fused(
        self, question: Question, mode: Mode, found: Found, enough: int
    ) -> tuple[list[Candidate], dict[str, float]]:
        """The best candidates with their texts; what no longer counts or may not answer is left out."""
        rarity = self._legs.rarity(question)
        bound = keyword_bound(Counter(question.terms), rarity)
        limit = None if question.filtered else enough
        cosines = self._legs.cosines(found)
        hits = fuse(found.keyword, cosines, bound=bound, weight=self._weight(question, mode), limit=limit)
        chunks = self._reader.chunks([hit.id for hit in hits])
        candidates = [
            Candidate(chunk, hit.scores, hit.ranks)
            for hit in hits
            if (chunk := chunks.get(hit.id)) is not None and _may_answer(question, chunk)
        ]
        return candidates[:enough], rarity

    def _weight(self, question: Question, mode: Mode) -> Weight:
        if mode != "hybrid":
            return Weight(float(mode == "vector"))
        known = vector_weight(self._embedder.id, question.text)
        if self._settings.vector_weight < 0:
            return known
        return Weight(min(1.0, self._settings.vector_weight), spread=known.spread)

    @property
    def _threshold(self) -> float:
        chosen = self._settings.min_confidence
        return chosen if chosen >= 0 else THRESHOLD


def _may_answer(question: Question, chunk: StoredChunk) -> bool:
    """Phrases and exclusions bind what the vectors found, too."""
    phrases, excluded = question.keywords.phrases, question.keywords.excluded
    if not phrases and not excluded:
        return True
    fields = [f" {' '.join(terms(text))} " for text in (chunk.text, chunk.title, " ".join(chunk.heading))]

    def stands(text: str) -> bool:
        run = f" {' '.join(terms(text))} "
        return any(run in field for field in fields)

    return all(map(stands, phrases)) and not any(map(stands, excluded))
