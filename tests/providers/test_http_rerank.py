"""Reranking over HTTP gives a score for each text, in their order, whatever the server's form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from endpoint import RERANK, ModelServer
from replies import Reply, hang, refusal

from ragcli.config import Rerank
from ragcli.errors import EndpointError, ServerFailed, TimedOut
from ragcli.providers.rerank_http import HttpReranker

TEXTS = ["nothing of the kind", "备份保留三十天", "backups 备份"]

Make = Callable[..., HttpReranker]


@pytest.fixture
async def make(endpoint: ModelServer) -> AsyncIterator[Make]:
    opened: list[HttpReranker] = []

    def build(**settings: Any) -> HttpReranker:
        opened.append(HttpReranker(Rerank(**({"model": "http:cross", "base_url": endpoint.url} | settings))))
        return opened[-1]

    yield build
    for reranker in opened:
        await reranker.aclose()


async def test_scores_come_in_the_order_of_the_texts(endpoint: ModelServer, make: Make) -> None:
    scores = await make().rerank("备份保留", TEXTS)
    assert scores == [0.0, 1.0, 0.5]
    assert endpoint.history[0].body["model"] == "cross"
    assert endpoint.history[0].body["documents"] == TEXTS


@pytest.mark.parametrize(
    "body",
    [
        b'[{"index": 2, "score": 0.3}, {"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}]',
        b'{"data": [{"index": 2, "relevance_score": 0.3}, {"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}]}',
    ],
)
async def test_other_forms_of_the_reply_are_read(body: bytes, endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(Reply(body=body), to=RERANK)
    assert await make().rerank("?", TEXTS) == [0.1, 0.2, 0.3]


async def test_a_server_that_calls_the_documents_texts_is_asked_again_in_its_words(
    endpoint: ModelServer, make: Make
) -> None:
    """And from then on at once; each form names the documents once, as some servers refuse what they do not know."""
    reranker, ranked = make(), Reply(body=b'[{"index": 1, "score": 0.3}, {"index": 0, "score": 0.1}]')
    endpoint.enqueue(refusal(422, message="missing field `texts`"), ranked, ranked, to=RERANK)
    assert [await reranker.rerank("?", TEXTS[:2]) for _ in range(2)] == [[0.1, 0.3]] * 2
    names = [set(request.body) - {"model", "query"} for request in endpoint.history]
    assert names == [{"documents"}, {"texts"}, {"texts"}]


async def test_nothing_to_rerank_needs_no_request(endpoint: ModelServer, make: Make) -> None:
    assert await make().rerank("?", []) == []
    assert endpoint.history == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(body=b'{"results": [{"index": 0, "score": 1}]}'), ServerFailed),
        (Reply(body=b'{"results": 7}'), ServerFailed),
        (Reply(body=b"[{}]"), ServerFailed),
        (Reply(body=b'[{"index": 0, "score": NaN}, {"index": 1, "score": 1}, {"index": 2, "score": 1}]'), ServerFailed),
        (refusal(404), EndpointError),
        (hang(), TimedOut),
    ],
)
async def test_a_reranker_that_fails_says_so_at_once(
    reply: Reply, error: type[EndpointError], endpoint: ModelServer, make: Make
) -> None:
    endpoint.enqueue(reply, to=RERANK)
    with pytest.raises(error):
        await make(timeout=0.2 if reply.hang else 60).rerank("?", TEXTS)
    assert len(endpoint.history) == 1
