"""The semantic tier: the answer to a question that asks the same in other words.

Two questions ask the same where their meanings are equal (`sameness` says what that is: numbers, units, names,
negation, question type and every content word agree) *and* their vectors are near. Equal meanings are found through an
index on their digest, so the nearest former question that passes the gate is always found, at any number of questions.
A search by vectors alone would find the same ones at best: what it finds beside them may not be served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from ragcli.errors import EndpointError
from ragcli.ports import CachedAnswer, CacheKey, MeaningStore

if TYPE_CHECKING:
    from ragcli.types import Vector

Embed: TypeAlias = "Callable[[str], Awaitable[Vector]]"
NEAR = 0.5
"""Least cosine of two questions of equal meaning. On the pairs of tests/cache paraphrases have .62 to 1.0, and pairs
that must not be mixed up a median of .86 in English and .92 in Chinese: the meaning decides, and this only keeps out
what the embedder cannot read."""
CANDIDATES = 8


class Semantic:
    """Finds and keeps answers by what their questions mean."""

    def __init__(self, store: MeaningStore, *, near: float = NEAR) -> None:
        self.store = store
        self._near = near

    async def find(self, key: CacheKey, embed: Embed) -> CachedAnswer | None:
        """The answer to the very same question, if there is one. Raises CacheFailed."""
        exact, candidates = await self.store.find(key, lambda: digest(key.question), CANDIDATES)
        if exact is not None or not candidates:
            return exact
        import numpy as np

        try:
            mine = await embed(key.question)
        except EndpointError:
            return None  # the search will say what is wrong
        best, nearest = None, self._near
        for cached, vector in candidates:
            theirs = np.frombuffer(vector, dtype="<f4")
            cosine = float(theirs @ mine) if theirs.shape == mine.shape else 0.0
            if cosine > nearest:
                best, nearest = cached, cosine
        return best

    async def keep(self, key: CacheKey, answer: CachedAnswer, embed: Embed) -> None:
        """Raises CacheFailed."""
        meaning, vector = digest(key.question), b""
        if meaning:
            try:
                vector = (await embed(key.question)).astype("<f4").tobytes()
            except EndpointError:
                meaning = b""
        await self.store.put(key, answer, meaning=meaning, vector=vector)


@lru_cache(maxsize=256)
def digest(question: str) -> bytes:
    """Of what the question means; empty where that cannot be told with certainty."""
    from ragcli.answer.sameness import meaning

    parts = meaning(question)
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest() if parts else b""
