"""Embedders and rerankers of one's choice, from the command line: local models, the chat model, or none."""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
from conftest import REPOSITORY, Run, run_inside, run_ragcli
from endpoint import ModelServer
from replies import answer, refusal

sys.path.insert(0, str(REPOSITORY / "tests" / "providers"))

TEXTS = {
    "a.md": "The holiday calendar lists every holiday. 假期安排。",
    "b.md": "The gateway has a warranty. 网关有保修。",
    "c.md": "warranty warranty warranty 保修 保修 of the gateway 网关",
}
PATIENT = {"RAGCLI_RERANK_TIMEOUT": "60"}
"""A busy machine is no slow model."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny embedder and a tiny cross-encoder."""
    pytest.importorskip("fastembed", reason="needs pip install 'ragcli[local]'")
    pytest.importorskip("onnx", reason="needs the package onnx to make models")
    import onnx_models

    folder = tmp_path_factory.mktemp("models")
    onnx_models.embedder(folder / "嵌入")
    onnx_models.cross_encoder(folder / "cross")
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents, and a home in which they are indexed with the static embedder."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "docs").mkdir()
    for name, text in TEXTS.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    assert run_ragcli(folder / "home", "ingest", folder / "docs").returncode == 0
    return folder


@pytest.fixture
def docs(shared: Path, tmp_path: Path) -> Path:
    """Documents that the test may change."""
    return Path(shutil.copytree(shared / "docs", tmp_path / "docs"))


@pytest.fixture
def ragcli(home: Path) -> Run:
    """Without a process of its own, in which the models' libraries would be loaded anew."""
    return partial(run_inside, home)


@pytest.fixture
def indexed(shared: Path) -> Run:
    """`ragcli` on a home that the test only reads."""
    return partial(run_inside, shared / "home")


@pytest.fixture
def indexed_apart(shared: Path) -> Run:
    """The same in a process of its own: where downloads come from is decided when their library is loaded."""
    return partial(run_ragcli, shared / "home")


def hits(run: Run, query: str, *options: str, **environment: str) -> list[dict]:  # type: ignore[type-arg]
    done = run("search", query, "--json", *options, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["hits"]


def order(found: list[dict]) -> list[str]:  # type: ignore[type-arg]
    return [Path(hit["path"]).name for hit in found]


# --- embedders


def test_a_collection_made_with_a_local_model_is_searched_with_it(ragcli: Run, docs: Path, models: Path) -> None:
    """It remembers the folder: searching and updating need no setting."""
    done = ragcli("ingest", docs, "--embedding", f"fastembed:{models / '嵌入'}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["embedded_chunks"] == 3
    status = json.loads(ragcli("status", "--json").stdout)
    assert status["embedder"] == f"fastembed:{models / '嵌入'}:6"
    assert status["dimensions"] == 6
    assert order(hits(ragcli, "holiday", "--mode", "vector"))[0] == "a.md"
    assert order(hits(ragcli, "保修", "--mode", "vector"))[-1] == "a.md"
    (docs / "d.md").write_text("差旅 travel", encoding="utf-8")
    again = json.loads(ragcli("ingest", docs, "--json").stdout)
    assert (again["added"], again["unchanged"], again["embedded_chunks"]) == (1, 3, 1)


def test_the_model_is_not_loaded_where_nothing_is_to_be_embedded(ragcli: Run, docs: Path, models: Path) -> None:
    """An unchanged folder and a keyword search do without: the weights may be gone."""
    own = Path(shutil.copytree(models / "嵌入", docs.parent / "own"))
    named = f"fastembed:{own}"
    assert ragcli("ingest", docs, "--embedding", named).returncode == 0
    (own / "model.onnx").unlink()
    assert json.loads(ragcli("ingest", docs, "--embedding", named, "--json").stdout)["unchanged"] == 3
    assert "b.md" in order(hits(ragcli, "warranty", "--mode", "keyword"))
    done = ragcli("search", "warranty")
    assert done.returncode == 2
    assert "holds no ONNX model" in done.stderr


def test_another_embedder_embeds_the_collection_again_when_forced(
    ragcli: Run, shared: Path, home: Path, models: Path
) -> None:
    shutil.copytree(shared / "home", home)
    command = ("ingest", shared / "docs", "--embedding", f"fastembed:{models / '嵌入'}")
    refused = ragcli(*command)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert ragcli(*command, "--force").returncode == 0
    assert json.loads(ragcli("status", "--json").stdout)["dimensions"] == 6


@pytest.mark.parametrize(
    ("model", "code", "why"),
    [
        ("fastembed:./nowhere", 2, "no folder"),
        ("fastembed:BAAI/bge-small-zh-v1.6", 2, "did you mean BAAI/bge-small-zh-v1.5?"),
        ("fastembed:BAAI/bge-small-zh-v1.5", 4, "could not be downloaded"),
        ("fastembed:", 2, "unknown embedder"),
        ("word2vec", 2, "unknown embedder"),
    ],
)
@pytest.mark.usefixtures("models")
def test_an_embedder_that_cannot_be_had_is_one_line(home: Path, docs: Path, model: str, code: int, why: str) -> None:
    done = run_ragcli(home, "ingest", docs, "--embedding", model, "-q", env={"HF_ENDPOINT": "http://127.0.0.1:1"})
    assert done.returncode == code
    [line] = done.stderr.splitlines()
    assert why in line


# --- rerankers


def test_a_local_cross_encoder_has_the_last_word(indexed: Run, models: Path) -> None:
    cross = {"RAGCLI_RERANK_MODEL": f"fastembed:{models / 'cross'}", "RAGCLI_RERANK_DEVICE": "cpu"}
    found = hits(indexed, "网关 warranty", **cross, **PATIENT)
    assert order(found)[:2] == ["c.md", "b.md"]
    assert found[0]["score"] == found[0]["scores"]["rerank"] > 0.9


@pytest.mark.usefixtures("models")
def test_a_reranker_that_cannot_be_downloaded_leaves_the_fused_order_with_one_notice(indexed_apart: Run) -> None:
    environment = {"RAGCLI_RERANK_MODEL": "fastembed:BAAI/bge-reranker-base", "HF_ENDPOINT": "http://127.0.0.1:1"}
    done = indexed_apart("search", "warranty", env=environment)
    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert "could not be downloaded" in line
    assert "order is that of the search" in line


@pytest.mark.usefixtures("models")
def test_many_searches_tell_of_a_missing_reranker_once(indexed_apart: Run, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"id": "1", "text": "warranty"}\n{"id": "2", "text": "假期"}\n', encoding="utf-8")
    environment = {"RAGCLI_RERANK_MODEL": "fastembed:BAAI/bge-reranker-base", "HF_ENDPOINT": "http://127.0.0.1:1"}
    done = indexed_apart("search", "--queries", queries, env=environment)
    assert len(done.stdout.splitlines()) == 2
    [line] = done.stderr.splitlines()
    assert line.endswith("(2 queries)")


def test_none_keeps_the_fused_order(indexed: Run) -> None:
    found = hits(indexed, "warranty", RAGCLI_RERANK_MODEL="none")
    assert all(hit["scores"]["rerank"] is None for hit in found)
    assert found[0]["score"] == found[0]["scores"]["fused"]


def online(endpoint: ModelServer, **more: str) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": "sk-test",
        "RAGCLI_RERANK_MODEL": "chat",
        **PATIENT,
        **more,
    }


@pytest.mark.parametrize("query", ["warranty gateway", "网关 保修"])
def test_the_chat_model_can_put_the_passages_in_order(indexed: Run, endpoint: ModelServer, query: str) -> None:
    before = order(hits(indexed, query))
    endpoint.enqueue(answer("[2] > [1]"))
    found = hits(indexed, query, **online(endpoint))
    assert order(found)[:2] == [before[1], before[0]]
    asked = endpoint.history[-1].body["messages"][-1]["content"]
    assert query in asked
    assert "<passage n=2>" in asked


@pytest.mark.parametrize("reply", [answer("I would rather not."), refusal(500)])
def test_a_chat_model_that_does_not_rank_is_done_without(indexed: Run, endpoint: ModelServer, reply: object) -> None:
    endpoint.enqueue(reply)  # type: ignore[arg-type]
    done = indexed("search", "warranty gateway", env=online(endpoint))
    assert done.returncode == 0
    [line] = done.stderr.splitlines()
    assert "order is that of the search" in line
    assert len(endpoint.history) == 1


def test_extractive_answers_ask_no_model_for_the_order_either(indexed: Run, endpoint: ModelServer) -> None:
    done = indexed("ask", "Does the gateway have a warranty?", "--extractive", env=online(endpoint))
    assert done.returncode == 0
    assert endpoint.history == []


@pytest.mark.parametrize(("model", "why"), [("chat", "OPENAI_API_KEY"), ("magic", "unknown reranker")])
def test_a_reranker_that_cannot_be_meant_is_one_line(indexed: Run, model: str, why: str) -> None:
    done = indexed("search", "warranty", env={"RAGCLI_RERANK_MODEL": model})
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert why in line


# --- doctor


def test_doctor_loads_the_models_of_the_settings(ragcli: Run, models: Path) -> None:
    environment = {
        "RAGCLI_EMBEDDING_MODEL": f"fastembed:{models / '嵌入'}",
        "RAGCLI_RERANK_MODEL": f"fastembed:{models / 'cross'}",
    }
    checks = _checks(ragcli, **environment)
    assert checks["embedder"]["state"] == checks["reranker"]["state"] == "ok"
    environment["RAGCLI_RERANK_MODEL"] = f"fastembed:{models}"
    failed = _checks(ragcli, **environment)["reranker"]
    assert failed["state"] == "fail"
    assert "tokenizer.json" in failed["message"]
    assert failed["remedy"]


def _checks(run: Run, **environment: str) -> dict[str, dict[str, str]]:
    document = json.loads(run("doctor", "--json", env=environment).stdout)
    return {check["name"]: check for check in document["checks"]}
