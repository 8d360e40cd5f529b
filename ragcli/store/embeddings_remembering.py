"""Embedders that ask their model only for what it has not embedded before.

Of an endpoint's model all texts are kept, as they cost money; of a model of this machine the questions alone: what asks
the same again need not even load it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from ragcli.errors import CacheFailed
from ragcli.ports import Embedder, VectorCache
from ragcli.ports.models import LocalEmbedder, Shortening

if TYPE_CHECKING:
    from ragcli.types import Vector, Vectors

QUESTION = "question\0"
"""Models may embed questions otherwise than passages: they are kept apart."""


class RememberingEmbedder:
    """Implements `Embedder` around another one; trouble with the cache costs its use and nothing else."""

    def __init__(self, inner: Embedder, cache: VectorCache, *, space: Callable[[], str]) -> None:
        """`space` names what makes the vectors: endpoint or weights, model and dimensions."""
        self._inner = inner
        self._cache = cache
        self._space = space
        self._dimensions = 0
        """As remembered vectors have it, where the model does not know before its first reply."""

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def dimensions(self) -> int:
        return self._inner.dimensions or self._dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        hashes = [_hash(text) for text in texts]
        known = await asyncio.to_thread(self._known, hashes)
        missing = {each: text for each, text in zip(hashes, texts, strict=True) if each not in known}
        if missing or not texts:
            rows = await self._inner.embed(list(missing.values()))
            fresh = {each: row.astype("<f4").tobytes() for each, row in zip(missing, rows, strict=True)}
            if not texts:
                return rows
            known |= fresh
            await asyncio.to_thread(self._keep, fresh)
        vectors: Vectors = np.stack([np.frombuffer(known[each], dtype="<f4") for each in hashes])
        return vectors

    async def embed_query(self, text: str) -> Vector:
        name = _hash(QUESTION + text)
        known = await asyncio.to_thread(self._known, [name])
        if name in known:
            return np.frombuffer(known[name], dtype="<f4")
        vector = await self._inner.embed_query(text)
        await asyncio.to_thread(self._keep, {name: vector.astype("<f4").tobytes()})
        return vector

    def shortened(self) -> list[str]:
        return self._inner.shortened() if isinstance(self._inner, Shortening) else []

    async def aclose(self) -> None:
        await asyncio.to_thread(self._cache.close)
        await self._inner.aclose()

    def _known(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        try:
            found = self._cache.get(self._space(), hashes)
        except CacheFailed:
            return {}
        for vector in found.values():
            self._dimensions = len(vector) // 4
        return found

    def _keep(self, vectors: dict[bytes, bytes]) -> None:
        with suppress(CacheFailed):
            self._cache.put(self._space(), vectors)


class RememberingLocalEmbedder(RememberingEmbedder):
    """The same around a model of this machine, for questions; implements `LocalModel`, too."""

    def __init__(self, inner: LocalEmbedder, cache: VectorCache, *, space: Callable[[], str]) -> None:
        super().__init__(inner, cache, space=space)
        self._local = inner

    @property
    def label(self) -> str:
        return self._local.label

    @property
    def known(self) -> bool:
        return self._local.known

    async def load(self) -> None:
        await self._local.load()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return await self._local.embed(texts)

    async def embed_query(self, text: str) -> Vector:
        if not self.known:
            await self.load()
        return await super().embed_query(text)


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
