"""Reranking by a `/rerank` endpoint, as Jina, Cohere, vLLM, Infinity and TEI serve it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from ragcli.config import Rerank
from ragcli.errors import ServerFailed
from ragcli.providers.failures import Refused
from ragcli.providers.http import Endpoint

DOCUMENTS, TEXTS = "documents", "texts"
"""The second is TEI's name for them. It refuses requests without them; others refuse what they do not know."""


class HttpReranker:
    """A cross-encoder behind an endpoint; `aclose` it when done. Belongs to one event loop.

    Tried once, in either form: a reranker that is late or fails is done without.
    """

    def __init__(self, settings: Rerank) -> None:
        self._settings = settings
        self._model = settings.model.removeprefix("http:")
        self._name = DOCUMENTS
        self._endpoint = Endpoint(
            settings.base_url,
            settings.api_key,
            connect_timeout=settings.timeout,
            idle_timeout=settings.timeout,
        )

    async def load(self) -> None:
        """It is ready."""

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One relevance score a text, higher is better. Raises EndpointError."""
        if not texts:
            return []
        try:
            reply = await self._asked(self._name, query, texts)
        except Refused:
            other = TEXTS if self._name == DOCUMENTS else DOCUMENTS
            reply = await self._asked(other, query, texts)
            self._name = other
        return _scores(reply, len(texts))

    async def _asked(self, name: str, query: str, texts: Sequence[str]) -> Any:
        body = {"model": self._model, "query": query, name: list(texts)}
        return await self._endpoint.json("rerank", body, seconds=self._settings.timeout)

    async def aclose(self) -> None:
        await self._endpoint.aclose()


def _scores(reply: Any, count: int) -> list[float]:
    """Scores in the order of the texts. Raises ServerFailed on anything else."""
    results: Any = reply
    if isinstance(reply, dict):
        results = reply.get("results") or reply.get("data")
    scores: dict[int, float] = {}
    try:
        for result in results:
            score = result["relevance_score"] if "relevance_score" in result else result["score"]
            scores[int(result["index"])] = float(score)
    except (KeyError, TypeError, ValueError) as error:
        raise ServerFailed("the endpoint sent no scores", remedy="check rerank.base_url") from error
    if not all(map(isfinite, scores.values())):
        raise ServerFailed("the endpoint sent scores that are not numbers", remedy="check rerank.model")
    if set(scores) != set(range(count)):
        raise ServerFailed(f"the endpoint scored {len(scores)} of {count} passages")
    return [scores[n] for n in range(count)]
