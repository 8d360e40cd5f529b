"""Reranking by a `/rerank` endpoint, as Jina, Cohere, vLLM, Infinity and TEI serve it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from ragcli.config import Rerank
from ragcli.errors import ServerFailed
from ragcli.providers.failures import Refused
from ragcli.providers.http import Endpoint

TEXTS = "texts"
"""What TEI calls the documents. It refuses requests without them; others refuse what they do not know."""


class HttpReranker:
    """A cross-encoder behind an endpoint; `aclose` it when done. Belongs to one event loop.

    Tried once, in either form: a reranker that is late or fails is done without.
    """

    def __init__(self, settings: Rerank) -> None:
        self._settings = settings
        self._model = settings.model.removeprefix("http:")
        self._name = "documents"
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
        body = {"model": self._model, "query": query, self._name: list(texts)}
        try:
            reply = await self._endpoint.json("rerank", body, seconds=self._settings.timeout)
        except Refused:
            if self._name == TEXTS:
                raise
            self._name = TEXTS
            return await self.rerank(query, texts)
        return _scores(reply, len(texts))

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
