"""Embeddings from any OpenAI-compatible endpoint: in batches, several in flight, within what the server takes."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcli.config import Embedding
from ragcli.errors import ContextTooLong, ServerFailed
from ragcli.providers.failures import Refused
from ragcli.providers.http import Endpoint
from ragcli.streams.operators import map_concurrent
from ragcli.streams.retry import RetryPolicy, call_with_backoff

if TYPE_CHECKING:
    from ragcli.types import Vector, Vectors

CONNECT_TIMEOUT_S = 10.0
TOKENS_PER_REQUEST = 100_000
"""A third of what OpenAI takes in one request."""
BYTES_PER_TOKEN = 3
"""Fewer than any common tokenizer puts into a token, in English and in Chinese: the estimate is never too low."""
SHORTEST_CUT = 64
"""Characters; a text that is refused even at this length is refused for another reason."""
KNOWN_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
"""What the settings need not say."""


class OpenAIEmbedder:
    """An embedding model behind an endpoint; `aclose` it when done. Belongs to one event loop.

    `dimensions` is 0 until the first reply where neither the settings nor KNOWN_DIMENSIONS say them; the id then holds
    "auto" in their place, for good: it must not change under a collection that remembers it.
    """

    def __init__(self, settings: Embedding, *, policy: RetryPolicy | None = None) -> None:
        self._settings = settings
        self._model = settings.model.removeprefix("openai:")
        self._policy = policy or RetryPolicy(max_retries=5, budget_s=4 * settings.timeout)
        self._endpoint = Endpoint(
            settings.base_url, settings.api_key, connect_timeout=CONNECT_TIMEOUT_S, idle_timeout=settings.timeout
        )
        self._in_flight = asyncio.Semaphore(settings.concurrency)
        self._dimensions = settings.dimensions or KNOWN_DIMENSIONS.get(self._model, 0)
        self._id = f"openai:{self._model}:{self._dimensions or 'auto'}"
        self._batch = settings.batch
        self._shortened: dict[str, None] = {}  # a set with an order
        self._options: dict[str, Any] = {"encoding_format": "base64"}
        if settings.dimensions:
            self._options["dimensions"] = settings.dimensions

    @property
    def id(self) -> str:
        return self._id

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions). Raises EndpointError."""
        if not texts:
            return np.zeros((0, self._dimensions), dtype=np.float32)
        results = map_concurrent(self._batches(texts), self._embed, limit=self._settings.concurrency)
        async with aclosing(results):
            return np.concatenate([rows async for rows in results])

    async def embed_query(self, text: str) -> Vector:
        """Shape (dimensions,). Raises EndpointError."""
        rows = await self._embed([text])
        vector: Vector = rows[0]
        return vector

    def shortened(self) -> list[str]:
        texts = list(self._shortened)
        self._shortened.clear()
        return texts

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    async def _batches(self, texts: Sequence[str]) -> AsyncGenerator[list[str], None]:
        for batch in split(texts, lambda: self._batch):
            yield batch

    async def _embed(self, texts: list[str]) -> Vectors:
        """One batch; what the server refuses for its size goes in halves, a single text shortened."""
        try:
            return await call_with_backoff(lambda: self._request(texts), policy=self._policy)
        except (Refused, ContextTooLong) as error:
            if isinstance(error, Refused) and self._forgo(error.detail):
                return await self._embed(texts)
            if len(texts) > 1:
                half = (len(texts) + 1) // 2
                rows = np.concatenate([await self._embed(texts[:half]), await self._embed(texts[half:])])
                if isinstance(error, Refused):
                    self._batch = min(self._batch, half)  # of their number; too many tokens say nothing of the next
                return rows
            if isinstance(error, ContextTooLong) and len(texts[0]) > SHORTEST_CUT:
                shorter = texts[0][: len(texts[0]) * 3 // 4]
                rows = await self._embed([shorter])
                self._shortened.pop(shorter, None)
                self._shortened[texts[0]] = None
                return rows
            raise

    def _forgo(self, detail: str) -> bool:
        """Whether the refusal named an option that can be done without: cut and decoded here, then."""
        named = [name for name in self._options if name in detail]
        for name in named:
            del self._options[name]
        return bool(named)

    async def _request(self, texts: list[str]) -> Vectors:
        body = {"model": self._model, "input": [text if text.strip() else "." for text in texts], **self._options}
        async with self._in_flight:
            reply = await self._endpoint.json("embeddings", body, seconds=self._settings.timeout)
        rows = _vectors(reply, len(texts))
        if 0 < self._settings.dimensions < rows.shape[1]:
            rows = rows[:, : self._settings.dimensions]
        if self._dimensions and rows.shape[1] != self._dimensions:
            raise ServerFailed(f"the endpoint sent {rows.shape[1]} dimensions after {self._dimensions}")
        self._dimensions = rows.shape[1]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit


def split(texts: Sequence[str], most: Callable[[], int]) -> Iterator[list[str]]:
    """Batches of at most `most()` texts and about TOKENS_PER_REQUEST tokens."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        size = len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1
        if batch and (len(batch) >= most() or tokens + size > TOKENS_PER_REQUEST):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch


def _vectors(reply: Any, count: int) -> Vectors:
    """The vectors of a reply in the order of the texts. Raises ServerFailed on anything else."""
    try:
        entries = sorted(reply["data"], key=lambda entry: int(entry["index"]))
        rows = np.stack([_vector(entry["embedding"]) for entry in entries])
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ServerFailed("the endpoint sent no embeddings", remedy="check base_url and the model") from error
    if len(rows) != count:
        raise ServerFailed(f"the endpoint sent {len(rows)} embeddings for {count} texts")
    if not np.isfinite(rows).all():
        raise ServerFailed("the endpoint sent embeddings that are not numbers")
    return rows


def _vector(value: str | list[float]) -> Vector:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value), dtype="<f4")
    return np.asarray(value, dtype=np.float32)
