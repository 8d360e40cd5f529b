"""Embeddings over HTTP: all rows, in order, of unit length, within what the server takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from endpoint import EMBEDDINGS, ModelServer
from hypothesis import given
from hypothesis import strategies as st
from replies import Reply, embedding, hang, page, refusal, reset

from ragcli.config import Embedding
from ragcli.errors import EndpointError, ServerFailed, TimedOut, UnknownModel, WrongKey
from ragcli.providers.openai_embeddings import TOKENS_PER_REQUEST, OpenAIEmbedder, split
from ragcli.streams.retry import RetryPolicy

TEXTS = [f"passage {n} 第{n}段 about backups" for n in range(57)]
AT_ONCE = RetryPolicy(max_retries=3, first_wait_s=0.0, budget_s=120)

Make = Callable[..., OpenAIEmbedder]


@pytest.fixture
async def make(endpoint: ModelServer) -> AsyncIterator[Make]:
    opened: list[OpenAIEmbedder] = []

    def build(**settings: Any) -> OpenAIEmbedder:
        defaults: dict[str, Any] = {"model": "openai:embed-1", "base_url": endpoint.url, "batch": 10}
        opened.append(OpenAIEmbedder(Embedding(**(defaults | settings)), policy=AT_ONCE))
        return opened[-1]

    yield build
    for embedder in opened:
        await embedder.aclose()


def expected(texts: list[str], size: int = 64) -> np.ndarray:
    rows = np.array([embedding(text, size) for text in texts], dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


async def test_rows_come_in_the_order_of_the_texts_and_of_unit_length(endpoint: ModelServer, make: Make) -> None:
    embedder = make()
    rows = await embedder.embed(TEXTS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected(TEXTS), atol=1e-6)
    assert [len(request.body["input"]) for request in endpoint.history] == [10] * 5 + [7]


async def test_a_query_is_one_row(make: Make) -> None:
    np.testing.assert_allclose(await make().embed_query("备份多久？"), expected(["备份多久？"])[0], atol=1e-6)


async def test_dimensions_are_known_or_learnt_and_the_id_never_changes(endpoint: ModelServer, make: Make) -> None:
    embedder = make()
    assert (embedder.id, embedder.dimensions) == ("openai:embed-1:auto", 0)
    await embedder.embed(["一 two"])
    assert (embedder.id, embedder.dimensions) == ("openai:embed-1:auto", 64)
    endpoint.dimensions = 32
    with pytest.raises(ServerFailed, match="32 dimensions after 64"):
        await embedder.embed(["一 two"])
    assert make(model="openai:text-embedding-3-large").id == "openai:text-embedding-3-large:3072"


async def test_nothing_to_embed_needs_no_request(endpoint: ModelServer, make: Make) -> None:
    assert (await make(dimensions=32).embed([])).shape == (0, 32)
    assert endpoint.history == []


async def test_fewer_dimensions_are_asked_of_the_endpoint(endpoint: ModelServer, make: Make) -> None:
    embedder = make(dimensions=16)
    assert embedder.id == "openai:embed-1:16"
    assert (await embedder.embed(TEXTS[:3])).shape == (3, 16)
    assert endpoint.history[0].body["dimensions"] == 16


async def test_an_endpoint_that_cannot_shorten_is_shortened_here(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(refusal(400, message="This model does not support specifying dimensions."), to=EMBEDDINGS)
    rows = await make(dimensions=16).embed(["甲 乙", "b c"])
    cut = expected(["甲 乙", "b c"])[:, :16]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    np.testing.assert_allclose(rows, cut / np.where(lengths > 0, lengths, 1), atol=1e-6)


async def test_an_endpoint_that_knows_no_base64_gets_asked_for_numbers(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(refusal(422, message="encoding_format: extra inputs are not permitted"), to=EMBEDDINGS)
    np.testing.assert_allclose(await make().embed(TEXTS[:2]), expected(TEXTS[:2]), atol=1e-6)
    assert "encoding_format" not in endpoint.history[-1].body


async def test_a_batch_that_is_too_large_goes_in_parts_and_later_ones_are_smaller(
    endpoint: ModelServer, make: Make
) -> None:
    endpoint.largest_batch = 6
    embedder = make(concurrency=1)
    np.testing.assert_allclose(await embedder.embed(TEXTS), expected(TEXTS), atol=1e-6)
    refused = [request for request in endpoint.history if len(request.body["input"]) > 6]
    assert len(refused) <= 3


async def test_a_text_that_is_too_long_is_cut_and_the_others_stay_whole(endpoint: ModelServer, make: Make) -> None:
    endpoint.longest_input = 500
    texts = [*TEXTS[:4], "很长 long " * 200, *TEXTS[4:8]]
    rows = await make().embed(texts)
    np.testing.assert_allclose(np.delete(rows, 4, axis=0), expected(TEXTS[:8]), atol=1e-6)
    accepted = [text for request in endpoint.history for text in request.body["input"] if text.startswith("很长")][-1]
    assert 300 < len(accepted) <= 500
    np.testing.assert_allclose(rows[4], expected([accepted])[0], atol=1e-6)


async def test_empty_texts_are_embedded_and_not_refused(endpoint: ModelServer, make: Make) -> None:
    assert (await make().embed(["", " \n", "text"])).shape == (3, 64)
    assert all(text.strip() for text in endpoint.history[0].body["input"])


@pytest.mark.parametrize("faults", [[refusal(429, retry_after="0")] * 3, [reset()], [refusal(500), refusal(503)]])
async def test_what_passes_is_waited_out(faults: list[Reply], endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(*faults, to=EMBEDDINGS)
    np.testing.assert_allclose(await make(concurrency=1).embed(TEXTS), expected(TEXTS), atol=1e-6)
    assert len(endpoint.history) == 6 + len(faults)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal(401), WrongKey),
        (refusal(404, "model_not_found"), UnknownModel),
        (page(), EndpointError),
        (refusal(400, message="no"), EndpointError),
        (Reply(body=b'{"data": []}'), ServerFailed),
        (Reply(body=b'{"data": [{"index": 0, "embedding": "not base64!"}]}'), ServerFailed),
        (Reply(body=b'{"data": [{"index": 0, "embedding": [1, NaN]}]}'), ServerFailed),
        (Reply(body=b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}'), ServerFailed),
        (Reply(body=b"{}"), ServerFailed),
    ],
)
async def test_what_does_not_pass_comes_out_as_what_it_is(
    fault: Reply, error: type[EndpointError], endpoint: ModelServer, make: Make
) -> None:
    endpoint.enqueue(*[fault] * 9, to=EMBEDDINGS)
    with pytest.raises(error):
        await make().embed_query("?")


async def test_a_request_that_hangs_ends_at_its_limit(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(*[hang()] * 9, to=EMBEDDINGS)
    with pytest.raises(TimedOut):
        await make(timeout=0.1).embed(["?"])


async def test_requests_are_in_flight_together_up_to_the_limit(endpoint: ModelServer, make: Make) -> None:
    endpoint.enqueue(*[Reply(company=4)] * 12, to=EMBEDDINGS)
    await make(batch=5, concurrency=4).embed(TEXTS)
    assert endpoint.most_at_once == 4


@given(st.lists(st.text(max_size=30), max_size=40), st.integers(1, 9))
def test_batches_hold_every_text_once_and_in_order(texts: list[str], most: int) -> None:
    batches = list(split(texts, lambda: most))
    assert [text for batch in batches for text in batch] == texts
    assert all(1 <= len(batch) <= most for batch in batches)


def test_batches_stay_below_the_tokens_of_a_request() -> None:
    texts = ["字" * (TOKENS_PER_REQUEST // 3)] * 7
    assert [len(batch) for batch in split(texts, lambda: 100)] == [2, 2, 2, 1]
