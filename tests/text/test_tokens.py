"""Token counts: exact where the encoding is at hand, else safely over, and never over the network."""

from __future__ import annotations

import base64
import hashlib
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.text import tokens
from ragcli.text.tokens import counter, encoding_of, estimate, estimator

KNOWN = (
    # Counted with tiktoken.
    ("Hello, world!", 4, 4),
    ("The quick brown fox jumps over the lazy dog.", 10, 10),
    ("tiktoken is great!", 6, 6),
)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("counting tokens must not open a connection")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    tokens._exact.cache_clear()


@pytest.mark.parametrize(("text", "cl100k", "o200k"), KNOWN)
def test_an_estimate_is_never_under_the_count(text: str, cl100k: int, o200k: int) -> None:
    assert cl100k <= estimate(text, "cl100k_base") <= 2 * cl100k
    assert o200k <= estimate(text, "o200k_base") <= 2 * o200k


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-5-mini", "o200k_base"),
        ("openai/gpt-4o-2024-08-06", "o200k_base"),
        ("o3", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4.1-mini", "o200k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("qwen2.5:7b", None),
        ("deepseek-chat", None),
    ],
)
def test_models_are_known_by_name(model: str, encoding: str | None) -> None:
    assert encoding_of(model) == encoding


@pytest.mark.parametrize("text", ["Refunds take thirty days.", "报销需在二十天内提交，超过的由财务总监批准。"])
def test_a_model_that_is_not_known_gets_the_larger_estimate(text: str) -> None:
    both = estimate(text, "cl100k_base"), estimate(text, "o200k_base")
    assert counter("llama3")(text) == max(both)
    assert counter("gpt-5")(text) == both[1]


@pytest.mark.parametrize("broken", [b"", b"not the encoding", None])
def test_a_missing_or_damaged_file_is_never_fetched(tmp_path: Path, broken: bytes | None) -> None:
    """tiktoken would delete a damaged file and fetch it again; it is not asked to."""
    url, _ = tokens._FILES["o200k_base"]
    if broken is not None:
        (tmp_path / hashlib.sha1(url.encode()).hexdigest()).write_bytes(broken)
    assert counter("gpt-5")("some text") == estimator("gpt-5")("some text")


def test_a_cached_encoding_is_counted_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of single bytes stands for the encoding: then each byte is a token."""
    ranks = b"\n".join(base64.b64encode(bytes([byte])) + b" %d" % byte for byte in range(256)) + b"\n"
    url, _ = tokens._FILES["cl100k_base"]
    (tmp_path / hashlib.sha1(url.encode()).hexdigest()).write_bytes(ranks)
    digest = hashlib.sha256(ranks).hexdigest()
    monkeypatch.setitem(tokens._FILES, "cl100k_base", (url, digest))
    monkeypatch.setattr("tiktoken.load.check_hash", lambda data, expected: True)
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    monkeypatch.setattr("tiktoken.core.Encoding.__init__", _without_vocabulary_check(), raising=True)
    assert counter("gpt-4")("héllo <|endoftext|>") == len("héllo <|endoftext|>".encode())


def _without_vocabulary_check():  # type: ignore[no-untyped-def]
    from tiktoken.core import Encoding

    original = Encoding.__init__

    def init(self, name, *, explicit_n_vocab=None, **options):  # type: ignore[no-untyped-def]
        original(self, name, **options)

    return init


@given(st.text(max_size=200))
def test_an_estimate_lies_between_nothing_and_the_bytes(text: str) -> None:
    """No encoding of bytes makes more tokens than there are bytes."""
    for encoding in ("cl100k_base", "o200k_base"):
        assert bool(text.strip(" \t")) <= estimate(text, encoding) <= len(text.encode(errors="replace"))  # type: ignore[arg-type]
