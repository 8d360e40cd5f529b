"""Vectors that were paid for are kept: by content, model and dimensions, for all collections, within a bound."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from endpoint import EMBEDDINGS, ModelServer

from ragcli.app.workspace import Workspace, open_workspace
from ragcli.errors import CacheFailed
from ragcli.store.embeddings import SQLiteVectors


def workspace(home: Path, endpoint: ModelServer, model: str = "openai:small", **settings: object) -> Workspace:
    chosen = {"embedding.base_url": endpoint.url, "embedding.api_key": "k", "embedding.model": model}
    return open_workspace(home, settings=chosen | settings, environ={})


async def embed(space: Workspace, *texts: str) -> np.ndarray:
    embedder = space.models.embedder(space.settings.embedding.model, space.settings.embedding.dimensions)
    try:
        return await embedder.embed(texts)
    finally:
        await embedder.aclose()


def sent(endpoint: ModelServer) -> list[str]:
    return [text for request in endpoint.requests(EMBEDDINGS) for text in request.body["input"]]


async def test_a_text_is_sent_once_for_a_model_and_its_dimensions(home: Path, endpoint: ModelServer) -> None:
    first = await embed(workspace(home, endpoint), "one", "二", "one")
    second = await embed(workspace(home, endpoint), "二", "three", "one")
    assert sent(endpoint) == ["one", "二", "three"]
    assert np.array_equal(first[[1, 0]], second[[0, 2]])
    await embed(workspace(home, endpoint, "openai:large"), "one")
    await embed(workspace(home, endpoint, **{"embedding.dimensions": 8}), "one")
    assert sent(endpoint)[3:] == ["one", "one"]
    await embed(workspace(home, endpoint, **{"cache.embeddings_mb": 0}), "one")
    assert sent(endpoint)[5:] == ["one"]


async def test_a_question_is_sent_once_and_knows_its_dimensions_without_a_reply(
    home: Path, endpoint: ModelServer
) -> None:
    for _ in range(2):
        embedder = workspace(home, endpoint).models.embedder("openai:small")
        assert (await embedder.embed_query("What is it?")).shape == (64,)
        assert embedder.dimensions == 64
        await embedder.aclose()
    assert sent(endpoint) == ["What is it?"]
    await embed(workspace(home, endpoint), "What is it?")
    assert len(sent(endpoint)) == 2, "a passage of the same words may have another vector"


async def test_a_broken_file_costs_its_use_alone(home: Path, endpoint: ModelServer) -> None:
    home.mkdir()
    (home / "embeddings.db").write_bytes(b"nonsense" * 1000)
    assert (await embed(workspace(home, endpoint), "one")).shape == (1, 64)
    assert await workspace(home, endpoint).forget_answers() == 0
    await embed(workspace(home, endpoint), "one")
    await embed(workspace(home, endpoint), "one")
    assert sent(endpoint) == ["one", "one"]


def test_those_that_were_added_first_go_first(tmp_path: Path) -> None:
    vectors = SQLiteVectors(tmp_path / "embeddings.db", max_bytes=20_000)
    for number in range(100):
        vectors.put("m", {str(number).encode(): bytes(400)})
    entries, size = vectors.held()
    assert 20 < entries < 50
    assert size <= 20_000
    assert vectors.get("m", [b"0", b"99"]) == {b"99": bytes(400)}
    assert vectors.get("other", [b"99"]) == {}
    locked = sqlite3.connect(tmp_path / "embeddings.db", isolation_level=None)
    locked.execute("begin immediate")
    with pytest.raises(CacheFailed):
        vectors.put("m", {b"x": bytes(4)})
    locked.close()
