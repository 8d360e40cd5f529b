"""Models of this machine: from a folder or by name, ready in time or told why not, never hanging, never downloading
what is here."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

pytest.importorskip("fastembed", reason="needs pip install 'ragcli[local]'")
pytest.importorskip("onnx", reason="needs the package onnx to make models")

import onnx_models
from hub import Hub

from ragcli.app.workspace import open_workspace
from ragcli.errors import ConfigError, ConnectionLost, EndpointError, TimedOut
from ragcli.providers import fastembed_models
from ragcli.providers.fastembed_embedder import BATCH, FastembedEmbedder, prefixes
from ragcli.providers.fastembed_reranker import FastembedReranker

NAME, REPOSITORY, FILE = "BAAI/bge-small-en-v1.5", "qdrant/bge-small-en-v1.5-onnx-q", "model_optimized.onnx"
RERANKER = "Xenova/ms-marco-MiniLM-L-6-v2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onnx_models.embedder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "models"


async def test_vectors_have_unit_length_and_carry_the_meaning(folder: Path, cache: Path) -> None:
    """English and Chinese words of one topic are near each other."""
    embedder = FastembedEmbedder(str(folder), models=cache)
    rows = await embedder.embed(["the warranty of it", "假期", "保修", ""])
    assert rows.dtype == np.float32
    assert rows.shape == (4, onnx_models.DIMENSIONS)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    near = rows @ await embedder.embed_query("warranty")
    assert list(np.argsort(-near)[:2]) in ([0, 2], [2, 0])
    assert (await embedder.embed([])).shape == (0, onnx_models.DIMENSIONS)


async def test_a_question_that_was_asked_before_needs_no_model_until_that_is_another_one(
    home: Path, tmp_path: Path
) -> None:
    """Its vector is kept, on the disk; those of passages are not."""
    folder = onnx_models.embedder(tmp_path / "tiny")
    id = f"fastembed:{folder}:{onnx_models.DIMENSIONS}"
    space = open_workspace(home, environ={})
    async with aclosing(space.models.embedder_of(id)) as first:
        vector = await first.embed_query("保修多久？")
        await first.embed(["保修三年"])
    assert (await space.kept())["embeddings"].entries == 1
    with patch.object(FastembedEmbedder, "load", side_effect=AssertionError("it is loaded")):
        async with aclosing(space.models.embedder_of(id)) as again:
            assert np.array_equal(await again.embed_query("保修多久？"), vector)
            assert again.id == id
        os.utime(folder / "model.onnx", (0, 2_000_000_000))
        async with aclosing(space.models.embedder_of(id)) as changed:
            with pytest.raises(AssertionError, match="loaded"):
                await changed.embed_query("保修多久？")


async def test_many_texts_of_all_lengths_keep_their_order(folder: Path, cache: Path) -> None:
    """Batches are put together by length; the vectors come out as the texts went in."""
    topics = [topic[n % 2] for n in range(40) for topic in onnx_models.TOPICS[:4]]
    texts = [f"{topic} {'x ' * (n % 7)}" for n, topic in enumerate(topics)]
    assert len(texts) > 2 * BATCH
    rows = await FastembedEmbedder(str(folder), models=cache).embed(texts)
    assert list(rows.argmax(axis=1)) == [n % 4 for n in range(len(texts))]


async def test_the_id_names_the_folder_and_the_dimensions(folder: Path, cache: Path) -> None:
    embedder = FastembedEmbedder(str(folder), models=cache)
    assert not embedder.known
    await embedder.load()
    assert embedder.id == f"fastembed:{folder}:{onnx_models.DIMENSIONS}"
    again = FastembedEmbedder(str(folder), models=cache)
    again.recall("static:wordllama-l2-256")
    assert not again.known
    again.recall(embedder.id)
    assert again.id == embedder.id


async def test_vectors_can_be_shortened_but_not_lengthened(folder: Path, cache: Path) -> None:
    short = await FastembedEmbedder(str(folder), models=cache, dimensions=3).embed(["保修 holiday", "差旅"])
    assert short.shape == (2, 3)
    assert np.linalg.norm(short[0]) == pytest.approx(1)
    with pytest.raises(ConfigError, match="makes 6 dimensions, not 512"):
        await FastembedEmbedder(str(folder), models=cache, dimensions=512).embed(["保修"])


@pytest.mark.parametrize("file", ["onnx/model.onnx", "encoder.onnx"])
@pytest.mark.parametrize("pooled", [False, True])
async def test_exports_of_several_kinds_are_read(tmp_path: Path, cache: Path, file: str, pooled: bool) -> None:
    """One vector a token or one a text; at the top or in a folder of its own."""
    made = onnx_models.embedder(tmp_path / "m", file=file, pooled=pooled)
    vector = await FastembedEmbedder(str(made), models=cache).embed_query("保修")
    assert vector.argmax() == 0


@pytest.mark.parametrize(
    ("mode", "topic"), [("pooling_mode_mean_tokens", 0), ("pooling_mode_cls_token", 5), ("pooling_mode_lasttoken", 5)]
)
async def test_pooling_is_as_the_model_says(tmp_path: Path, cache: Path, mode: str, topic: int) -> None:
    """The first and the last token carry no topic in these models."""
    made = onnx_models.embedder(tmp_path / "m")
    (made / "1_Pooling").mkdir()
    (made / "1_Pooling" / "config.json").write_text(json.dumps({mode: True}))
    assert (await FastembedEmbedder(str(made), models=cache).embed_query("warranty")).argmax() == topic


async def test_questions_and_passages_get_the_prompts_of_the_model(tmp_path: Path, cache: Path) -> None:
    made = onnx_models.embedder(tmp_path / "m")
    prompts = {"prompts": {"query": "query: ", "document": ""}}
    (made / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    embedder = FastembedEmbedder(str(made), models=cache)
    assert (await embedder.embed_query("x"))[4] > 0.9
    assert (await embedder.embed(["x"]))[0][4] == 0


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        ("intfloat/multilingual-e5-large", "query: ", "passage: "),
        ("BAAI/bge-small-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
        ("/home/me/multilingual-e5-small", "query: ", "passage: "),
    ],
)
def test_well_known_models_have_their_prompts_by_name(name: str, query: str, passage: str) -> None:
    assert prefixes(name) == (query, passage)


async def test_a_cross_encoder_scores_each_passage_for_the_question(tmp_path: Path, cache: Path) -> None:
    made = onnx_models.cross_encoder(tmp_path / "m")
    texts = ["nothing", "warranty 保修 warranty", "保修", *["x " * n for n in range(30)]]
    scores = await FastembedReranker(str(made), models=cache).rerank("保修?", texts)
    assert len(scores) == len(texts)
    assert scores[1] > scores[2] > scores[0] == scores[-1]
    assert all(0 < score < 1 for score in scores)


async def test_nothing_to_rerank_loads_nothing(tmp_path: Path, cache: Path) -> None:
    tmp_path.joinpath("empty").mkdir()
    assert await FastembedReranker(str(tmp_path / "empty"), models=cache).rerank("?", []) == []


# --- what is wrong with a model


@pytest.mark.parametrize(
    ("gone", "why"), [("tokenizer.json", "holds no tokenizer.json"), ("model.onnx", "holds no ONNX model")]
)
@pytest.mark.parametrize("kind", [FastembedEmbedder, FastembedReranker])
async def test_a_folder_that_lacks_a_file_is_told(
    folder: Path, tmp_path: Path, cache: Path, kind: type[FastembedEmbedder], gone: str, why: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    (copy / gone).unlink()
    with pytest.raises(ConfigError, match=why):
        await kind(str(copy), models=cache).load()


async def test_a_damaged_model_is_told_on_one_line(folder: Path, tmp_path: Path, cache: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "模型"))
    (copy / "model.onnx").write_bytes(b"no protobuf")
    with pytest.raises(ConfigError, match="模型 cannot be loaded") as caught:
        await FastembedEmbedder(str(copy), models=cache).load()
    assert "\n" not in str(caught.value)


async def test_a_model_that_fails_on_a_text_is_an_error_of_the_endpoint_kind(tmp_path: Path, cache: Path) -> None:
    made = onnx_models.embedder(tmp_path / "m", words=False)
    with pytest.raises(EndpointError, match="failed"):
        await FastembedEmbedder(str(made), models=cache).embed(["保修"])


@pytest.mark.parametrize(
    ("name", "device", "why"),
    [
        ("./nowhere", "auto", "no folder"),
        ("/nowhere/at/all", "auto", "no folder"),
        ("BAAI/bge-small-en", "tpu", "unknown device"),
    ],
)
def test_what_cannot_be_meant_is_told_at_once(cache: Path, name: str, device: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        FastembedEmbedder(name, models=cache, device=device)


async def test_an_unknown_name_suggests_the_nearest(cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean BAAI/bge-small-en-v1\.5\?"):
        await FastembedEmbedder("BAAI/bge-small-en-v1.6", models=cache).load()
    with pytest.raises(ConfigError, match="knows no reranker"):
        await FastembedReranker("me/nothing", models=cache).load()


async def test_cuda_is_refused_where_onnxruntime_offers_none(folder: Path, cache: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ConfigError, match=r"ragcli\[gpu\]"):
        await FastembedEmbedder(str(folder), models=cache, device="cuda").load()


def test_a_missing_package_is_told_with_the_command_that_installs_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'ragcli\[local\]'"):
        FastembedReranker(RERANKER, models=cache)


# --- weights that must be fetched


@pytest.fixture
def hub(folder: Path) -> Iterator[Hub]:
    with Hub(REPOSITORY, {FILE: (folder / "model.onnx").read_bytes()} | _texts(folder)) as served:
        yield served


def _texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


async def test_weights_are_fetched_once_and_then_found_without_the_network(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    vector = await FastembedEmbedder(NAME, models=cache).embed_query("x")
    assert vector.shape == (onnx_models.DIMENSIONS,)
    asked = len(hub.requests)
    assert asked > 0
    await FastembedEmbedder(NAME, models=cache).embed(["保修"])
    assert len(hub.requests) == asked


@pytest.mark.parametrize(("kind", "name"), [(FastembedEmbedder, NAME), (FastembedReranker, RERANKER)])
async def test_without_a_network_missing_weights_are_told_with_the_remedy(
    cache: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FastembedEmbedder], name: str
) -> None:
    """And told again at once: a chat does not try anew at each question."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    model = kind(name, models=cache)
    async with asyncio.timeout(60):
        with pytest.raises(ConnectionLost, match="fastembed:/path/to/folder") as caught:
            await model.load()
    with pytest.raises(ConnectionLost) as again:
        await model.load()
    assert again.value is caught.value


async def test_a_download_that_stalls_is_ended(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that swallows everything does not hold the program up."""
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{black_hole.getsockname()[1]}")
        monkeypatch.setattr(fastembed_models, "STALL_SECONDS", 0.2)
        with pytest.raises(TimedOut, match="nothing came"):
            await FastembedEmbedder(NAME, models=cache).load()


async def test_loading_has_a_time_limit(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(fastembed_models, "LOAD_SECONDS", 0.05)
    monkeypatch.setattr(FastembedReranker, "_build", lambda self: released.wait(60))
    with pytest.raises(TimedOut, match="longer than"):
        await FastembedReranker(str(folder), models=cache).load()
    released.set()
