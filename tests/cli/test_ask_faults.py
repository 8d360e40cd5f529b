"""Every fault of an endpoint at the front door: the words, the exit code, the kind of error, and how often it asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import run_inside
from endpoint import ModelServer
from replies import Reply, answer, hang, page, refusal, reset

QUESTION = "How many days do customers have to return hardware ordered in 2026?"
WORDS = "Customers may return hardware within thirty days of delivery, 保修期为两年, and freight is paid by us [1]."
WHOLE = answer(WORDS, follow=True)
ONCE = {"RAGCLI_CHAT_MAX_RETRIES": "0"}
IMPATIENT = {"RAGCLI_CHAT_IDLE_TIMEOUT": "1"}
TOO_LONG = refusal(400, "context_length_exceeded", "maximum context length is 4096 tokens")


def asked(home: Path, endpoint: ModelServer, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, document and stderr of one question."""
    env = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-test-0123456789", "RAGCLI_CHAT_MODEL": "test-model"}
    done = run_inside(home, "ask", QUESTION, "--json", "--no-cache", env=env | environment)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("faults", "environment"),
    [
        ((refusal(429, retry_after="0"),), {}),
        ((refusal(429), refusal(503)), {}),
        ((refusal(500),), {}),
        ((reset(),), {}),
        ((hang(),), IMPATIENT),
        ((answer(WORDS, hang_after=6),), IMPATIENT),
        ((answer(WORDS, keep_alive_after=6),), IMPATIENT),
        ((answer(WORDS, drop_after=1), answer(WORDS, follow=True, drop_after=9)), {}),
        ((answer(WORDS, reset_after=12),), {}),
        ((answer(WORDS, end_after=4),), {}),
        ((answer(WORDS, malformed_after=8),), {}),
        ((answer(WORDS, error_after=3),), {}),
        ((answer("".join(WORDS.partition("delivery")[:2]), finish="length"),), {}),
        ((TOO_LONG,), {}),
    ],
)
def test_what_passes_costs_no_word(
    sample_home: Path, endpoint: ModelServer, faults: tuple[Reply, ...], environment: dict[str, str]
) -> None:
    """Retried before the first token, continued after it, compressed where the prompt was too long."""
    endpoint.enqueue(*faults, WHOLE)
    code, document, stderr = asked(sample_home, endpoint, **environment)
    assert (code, stderr) == (0, "")
    assert document["answer"] == WORDS
    assert document["finish"] == "stop"
    assert "error" not in document
    least = len(faults) + 1
    assert len(endpoint.requests()) == least or (environment and len(endpoint.requests()) > least)  # a busy machine


@pytest.mark.parametrize(
    ("fault", "kind", "requests", "environment"),
    [
        (refusal(429), "rate_limited", 1, ONCE),
        (refusal(429, retry_after="900"), "rate_limited", 1, {}),
        (refusal(500), "server_error", 1, ONCE),
        (reset(), "connection", 1, ONCE),
        (hang(), "timeout", 1, ONCE | IMPATIENT),
        (answer(WORDS, keep_alive_after=0, empty_chunks=False), "timeout", 1, ONCE | {"RAGCLI_CHAT_TIMEOUT": "2"}),
        (page(), "endpoint", 1, {}),
        (refusal(401, "invalid_api_key"), "auth", 1, {}),
        (TOO_LONG, "context_too_long", 2, {}),
        (answer("no", finish="content_filter"), "endpoint", 1, {}),
    ],
)
def test_what_does_not_pass_ends_with_its_kind_and_exit_code_4(
    sample_home: Path, endpoint: ModelServer, fault: Reply, kind: str, requests: int, environment: dict[str, str]
) -> None:
    endpoint.enqueue(*[fault] * 9)
    code, document, stderr = asked(sample_home, endpoint, **environment)
    assert (code, document["error"]["kind"]) == (4, kind)
    assert len(stderr.splitlines()) == 1
    assert "sk-test" not in stderr + json.dumps(document)
    assert len(endpoint.requests()) == requests


def test_a_refused_connection_and_an_unknown_model_say_what_to_do(sample_home: Path) -> None:
    """The address that did not answer; the models that the endpoint has."""
    with ModelServer(models=("qwen3", "qwen3-mini")) as endpoint:
        code, document, stderr = asked(sample_home, endpoint)
        assert (code, document["error"]["kind"]) == (4, "unknown_model")
        assert "qwen3-mini" in stderr
        assert len(endpoint.requests()) == 1
        with endpoint.down():
            code, document, stderr = asked(sample_home, endpoint, **ONCE)
    assert (code, document["error"]["kind"]) == (4, "connection")
    assert f"127.0.0.1:{endpoint.port}" in stderr
