"""The two searches that run at the same time: by words, and by meaning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

from ragcli.ports import ChunkReader, Embedder, KeywordIndex, VectorIndex
from ragcli.retrieve.query import Question
from ragcli.types import Mode

if TYPE_CHECKING:
    from ragcli.types import Vector

OpenVectors: TypeAlias = "VectorIndex | Callable[[], VectorIndex]"
OpenKeywords: TypeAlias = "KeywordIndex | Callable[[], KeywordIndex]"
"""An index, or a function that opens it: at first need, and anew when the collection has changed."""

_FEW_TERMS = 50
"""Terms that are looked up in a millisecond or two, also among 100,000 chunks: a thread would take as long."""


class Found(Struct, frozen=True):
    """Scores by chunk id: BM25 and cosines; `meaning` is the question's vector where the vector leg ran."""

    keyword: dict[int, float] = field(default_factory=dict)
    vector: dict[int, float] = field(default_factory=dict)
    meaning: Vector | None = None


class Legs:
    """Both indexes of a collection, asked together; they follow its generation."""

    def __init__(
        self,
        reader: ChunkReader,
        vectors: OpenVectors,
        keywords: OpenKeywords,
        embedder: Embedder,
        *,
        depth: int,
    ) -> None:
        """Each leg hands over `depth` chunks."""
        self._reader = reader
        self._open_vectors = vectors
        self._open_keywords = keywords
        self._embedder = embedder
        self._depth = depth
        self._vectors: VectorIndex | None = None
        self._keywords: KeywordIndex | None = None
        self._generation = reader.generation

    async def find(self, question: Question, mode: Mode) -> Found:
        """Raises StoreError, EndpointError."""
        if mode == "keyword":
            return Found(keyword=await self._by_words(question))
        if mode == "vector":
            meaning, near = await self._by_meaning(question)
            return Found({}, near, meaning)
        # In this order: words are looked up here while a thread, or an endpoint, is busy with the other leg.
        (meaning, near), by_words = await asyncio.gather(self._by_meaning(question), self._by_words(question))
        return Found(by_words, near, meaning)

    def cosines(self, found: Found) -> dict[int, float]:
        """Of all that was found: fusion needs the cosine of what only the words found. Raises StoreError."""
        unseen = [id for id in found.keyword if id not in found.vector]
        if found.meaning is None or not unseen:
            return found.vector
        return found.vector | self._nearest(found.meaning, len(unseen), unseen)

    def rarity(self, question: Question) -> dict[str, float]:
        """Raises StoreError."""
        return self.keywords.rarity(question.terms)

    def __len__(self) -> int:
        """How many chunks can be found."""
        return len(self.keywords)

    def follow(self) -> None:
        """Opens again what the collection's change has made old. Raises StoreError."""
        generation = self._reader.generation
        if generation == self._generation:
            return
        if callable(self._open_keywords):
            self._close_keywords()
        else:
            self.keywords.reload()
        if callable(self._open_vectors):
            self._close_vectors()
        self._generation = generation

    def close(self) -> None:
        """Closes what was opened here; an index that was handed in stays open."""
        self._close_keywords()
        self._close_vectors()

    @property
    def keywords(self) -> KeywordIndex:
        if self._keywords is None:
            self._keywords = self._open_keywords() if callable(self._open_keywords) else self._open_keywords
        return self._keywords

    @property
    def vectors(self) -> VectorIndex:
        if self._vectors is None:
            self._vectors = self._open_vectors() if callable(self._open_vectors) else self._open_vectors
        return self._vectors

    async def _by_words(self, question: Question) -> dict[int, float]:
        def look_up() -> dict[int, float]:
            return dict(self.keywords.search(question.keywords, self._depth))

        quick = self._keywords is not None and not question.filtered and len(question.terms) <= _FEW_TERMS
        return look_up() if quick else await asyncio.to_thread(look_up)

    async def _by_meaning(self, question: Question) -> tuple[Vector | None, dict[int, float]]:
        among = None
        if question.keywords.paths:
            among = await asyncio.to_thread(self._reader.ids_under, question.keywords.paths)
        if not question.text or among == []:
            return None, {}
        vector = await self._embedder.embed_query(question.text)
        return vector, await asyncio.to_thread(self._nearest, vector, self._depth, among)

    def _nearest(self, vector: Vector, k: int, among: Sequence[int] | None) -> dict[int, float]:
        return dict(self.vectors.search(vector, k, among=among))

    def _close_keywords(self) -> None:
        if self._keywords is not None and callable(self._open_keywords):
            self._keywords.close()
        self._keywords = None

    def _close_vectors(self) -> None:
        if self._vectors is not None and callable(self._open_vectors):
            self._vectors.close()
        self._vectors = None
