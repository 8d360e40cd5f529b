"""What `ragcli schema` says is what the commands print, also when they fail."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from conftest import run_inside, run_ragcli
from endpoint import ModelServer
from replies import answer, refusal

from ragcli.cli.options import SchemaName
from ragcli.cli.schema import DIALECT, schema
from ragcli.cli.shapes import SHAPES

QUESTION = "How many days do customers have to return hardware ordered in 2026?"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name))


def valid(name: str, text: str) -> Any:
    """The document in `text`, which is all there is of it and satisfies the schema."""
    assert text.endswith("\n")
    document = json.loads(text)
    validator(name).validate(document)
    return document


def test_every_schema_is_one_and_can_be_asked_for_by_its_name() -> None:
    assert set(get_args(SchemaName)) == set(SHAPES)
    for name in SHAPES:
        jsonschema.Draft202012Validator.check_schema(schema(name))
    everything = json.loads(run_inside(Path("/none"), "schema").stdout)
    assert list(everything) == list(SHAPES)
    alone = json.loads(run_inside(Path("/none"), "schema", "ask").stdout)
    assert (alone, alone["$schema"]) == (everything["ask"], DIALECT)


def test_a_document_that_lacks_a_field_or_has_another_type_is_refused() -> None:
    good = {"schema": 1, "query": "q", "mode": "hybrid", "hits": []}
    validator("search").validate(good)
    for bad in (good | {"schema": 2}, good | {"mode": "fuzzy"}, {"schema": 1, "query": "q"}, {"schema": 1}, []):
        assert not validator("search").is_valid(bad)


COMMANDS = [
    ("ask", ["ask", QUESTION]),
    ("ask", ["ask", "国内网关保修几年？", "--session", "保修"]),
    ("search", ["search", "保修", "-k", "3"]),
    ("status", ["status"]),
    ("list", ["list"]),
    ("list", ["list", "*.md"]),
    ("collections", ["collections", "list"]),
    ("sessions", ["sessions", "list"]),
    ("sessions", ["sessions", "show", "保修"]),
    ("sessions", ["sessions", "export", "保修"]),
    ("sessions", ["sessions", "delete", "保*", "--yes"]),
    ("doctor", ["doctor"]),
    ("config", ["config", "show"]),
    ("remove", ["remove", "*.pdf", "--yes"]),
    ("collections", ["collections", "delete", "default", "--yes"]),
]


def test_every_document_satisfies_its_schema(own_sample_home: Path) -> None:
    """All commands in a row, on one home."""
    for name, command in COMMANDS:
        done = run_inside(own_sample_home, *command, "--json")
        assert done.returncode == 0, (command, done.stderr)
        assert "error" not in valid(name, done.stdout)


def test_lines_satisfy_theirs(sample_home: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"id": "1", "text": "warranty"}\n{"id": "二", "text": "保修"}\n', encoding="utf-8")
    for name, command in [
        ("show", ["show", "--all", "--json"]),
        ("queries", ["search", "--queries", queries]),
        ("event", ["ask", QUESTION, "--stream-json"]),
    ]:
        lines = run_ragcli(sample_home, *command).stdout.splitlines(keepends=True)
        assert len(lines) >= 2
        for line in lines:
            valid(name, line)


def test_an_evaluation_satisfies_its_schema_with_broken_lines_too(sample_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "warranty?", "expect": ["产品说明书.pdf", "none.md"]}\nbroken\n', encoding="utf-8")
    done = run_inside(sample_home, "eval", file, "--json")
    assert done.returncode == 5
    document = valid("eval", done.stdout)
    assert document["error"]["kind"] == "partial"
    assert document["unmatched"]


FAILURES = [
    ("ask", ["ask", "what?", "--nonsense"], 2, "usage"),
    ("ask", ["ask", ""], 2, "usage"),
    ("ask", ["ask", "谁是法国的总统？"], 3, "nothing_relevant"),
    ("ask", ["ask", "what?", "-c", "没有"], 6, "index_missing"),
    ("event", ["ask", "what?", "-c", "没有"], 6, "index_missing"),
    ("event", ["ask", "谁是法国的总统？"], 3, "nothing_relevant"),
    ("search", ["search", "q", "-c", "没有"], 6, "index_missing"),
    ("status", ["status", "-c", "没有"], 6, "index_missing"),
    ("list", ["list", "no such.*"], 2, "usage"),
    ("show", ["show"], 2, "usage"),
    ("remove", ["remove", "*.md"], 2, "usage"),
    ("collections", ["collections", "delete", "nothing"], 2, "usage"),
    ("sessions", ["sessions", "show", "nothing"], 2, "usage"),
    ("ingest", ["ingest", "/no/such/folder"], 2, "usage"),
    ("eval", ["eval", "/no/such/file"], 2, "usage"),
    ("config", ["config", "show", "--config", "/no/such/file"], 2, "config"),
]


@pytest.mark.parametrize(("name", "command", "code", "kind"), FAILURES)
def test_every_failure_is_a_document_of_the_schema(
    sample_home: Path, name: str, command: list[str], code: int, kind: str
) -> None:
    """One line on stderr besides; also where no terminal can be asked for a yes."""
    done = run_inside(sample_home, *command, "--stream-json" if name == "event" else "--json")
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert valid(name, done.stdout.splitlines(keepends=True)[-1])["error"]["kind"] == kind


def test_an_ingest_with_failures_and_an_answer_that_fails_satisfy_their_schemas(
    own_sample_home: Path, tmp_path: Path, endpoint: ModelServer
) -> None:
    broken = tmp_path / "坏.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 12)
    done = run_inside(own_sample_home, "ingest", broken, "--json")
    assert done.returncode == 5
    assert valid("ingest", done.stdout)["failed"][0]["kind"] == "corrupt"

    env = {"OPENAI_BASE_URL": endpoint.url, "RAGCLI_CHAT_MAX_RETRIES": "1"}
    endpoint.enqueue(refusal(401))
    assert valid("ask", run_inside(own_sample_home, "ask", QUESTION, "--json", env=env).stdout)["finish"] == "error"
    endpoint.enqueue(refusal(429, retry_after="0"), answer("Thirty days [1].", reasoning=("well",)))
    lines = run_inside(own_sample_home, "ask", QUESTION, "--stream-json", env=env).stdout.splitlines(keepends=True)
    kinds = {valid("event", line)["event"] for line in lines}
    assert kinds == {"sources", "notice", "reasoning", "token", "done"}
