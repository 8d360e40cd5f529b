"""Every way in which an endpoint can fail has its class, its remedy and its words, and no key in them."""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
from email.utils import formatdate

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.errors import (
    ConfigError,
    ConnectionLost,
    ContextTooLong,
    EndpointError,
    RateLimited,
    ServerFailed,
    TimedOut,
    TransientError,
    UnknownModel,
    WrongKey,
)
from ragcli.providers.failures import Refused, payload_error, retry_after, shortened, status_error, transport_error
from ragcli.providers.http import Endpoint

KEY = "sk-proj-0123456789abcdef"


def refused(status: int, body: object = None, headers: dict[str, str] | None = None) -> EndpointError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status_error(status, headers or {}, content, secret=KEY)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": {"message": "bad"}}, Refused),
        (422, {"detail": [{"loc": ["body", "stream_options"], "msg": "extra"}]}, Refused),
        (401, {"error": {"message": "who are you"}}, WrongKey),
        (403, b"", WrongKey),
        (404, {"error": {"code": "model_not_found", "message": "no"}}, UnknownModel),
        (404, {"error": "model 'qwen' not found"}, UnknownModel),
        (400, {"error": {"message": "The model `x` does not exist", "code": None}}, UnknownModel),
        (400, {"error": {"code": "context_length_exceeded", "message": "too long"}}, ContextTooLong),
        (400, {"error": {"message": "This model's maximum context length is 4096 tokens"}}, ContextTooLong),
        (400, {"error": {"message": "输入长度超过模型上下文限制"}}, ContextTooLong),
        (400, {"error": {"message": "the request exceeds the available context size"}}, ContextTooLong),
        (413, b"<html>too large</html>", ContextTooLong),
        (413, {"error": "batch size 64 > maximum allowed batch size 32"}, Refused),
        (408, b"", TimedOut),
        (429, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, RateLimited),
        (429, b"", RateLimited),
        (429, {"error": {"code": "insufficient_quota", "message": "pay"}}, EndpointError),
        (500, b"", ServerFailed),
        (503, {"error": {"message": "loading model"}}, ServerFailed),
        (529, {"error": {"type": "overloaded_error"}}, ServerFailed),
        (501, b"", EndpointError),
        (307, b"", EndpointError),
        (418, b"[]", EndpointError),
    ],
)
def test_a_status_with_what_its_body_says_has_a_class(status: int, body: object, expected: type[EndpointError]) -> None:
    error = refused(status, body)
    assert type(error) is expected
    assert f"HTTP {status}" in error.message


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": {"message": "boom", "type": "server_error"}}, ServerFailed),
        ({"error": {"message": "slow", "code": 429}}, RateLimited),
        ({"error": {"message": "slow", "code": "429"}}, RateLimited),
        ({"error": {"message": "key", "code": 401}}, WrongKey),
        ({"error": "boom"}, ServerFailed),
        ({"error": {"code": "context_length_exceeded"}}, ContextTooLong),
    ],
)
def test_an_error_inside_a_success_has_a_class(payload: object, expected: type[EndpointError]) -> None:
    assert type(payload_error(payload)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx2.ConnectTimeout("x"), TimedOut),
        (httpx2.ReadTimeout("x"), TimedOut),
        (httpx2.ConnectError("Connection refused"), ConnectionLost),
        (httpx2.ReadError(""), ConnectionLost),
        (httpx2.RemoteProtocolError("peer closed"), ConnectionLost),
        (httpx2.ProxyError("502"), ConnectionLost),
        (httpx2.UnsupportedProtocol("ftp"), EndpointError),
    ],
)
def test_a_failed_connection_has_a_class(error: httpx2.RequestError, expected: type[EndpointError]) -> None:
    assert type(transport_error(error)) is expected


def test_what_the_system_said_is_told_and_a_bad_certificate_is_not_tried_again() -> None:
    refused = httpx2.ConnectError("All connection attempts failed")
    refused.__cause__ = ExceptionGroup("attempts", [OSError(errno.ECONNREFUSED, "Connect call failed ('::1', 80)")])
    assert transport_error(refused).message.endswith(os.strerror(errno.ECONNREFUSED))
    refused.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert transport_error(refused).message.endswith("Name or service not known")
    untrusted = httpx2.ConnectError("handshake")
    untrusted.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    error = transport_error(untrusted)
    assert not isinstance(error, TransientError)
    assert "SSL_CERT_FILE" in error.remedy


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": formatdate(1_000_030, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(2_000_030), "date": formatdate(2_000_000)}, 30.0),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx2.Headers(headers), now=lambda: 1_000_000.0) == seconds


def test_the_wait_that_a_server_asks_for_travels_with_every_transient_error() -> None:
    for status in (429, 500, 503):
        error = refused(status, b"", {"retry-after": "9"})
        assert isinstance(error, TransientError)
        assert error.retry_after == 9


@given(st.text(max_size=3000))
def test_words_of_a_server_are_one_short_line_without_control_characters(text: str) -> None:
    shown = shortened(text)
    assert len(shown) <= 200
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_the_key_is_never_in_an_error(status: int) -> None:
    for body in ({"error": {"message": f"Incorrect API key provided: {KEY}."}}, KEY.encode(), {"error": KEY}):
        error = refused(status, body)
        assert KEY not in str(error)
        assert "sk-" not in str(error)


def test_a_web_page_is_not_quoted() -> None:
    error = refused(502, b"<html><body>Bad gateway</body></html>")
    assert "<" not in str(error)


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("", "https://api.openai.com/v1/chat/completions"),
        ("http://localhost:11434", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"),
        ("https://host/v1/chat/completions", "https://host/v1/chat/completions"),
        ("https://host/api/paas/v4", "https://host/api/paas/v4/chat/completions"),
        (
            "https://x.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_addresses_are_completed_however_the_base_is_written(base: str, address: str) -> None:
    endpoint = Endpoint(base, KEY, connect_timeout=1, idle_timeout=1)
    assert str(endpoint.url("chat/completions")) == address


@pytest.mark.parametrize("base", ["localhost:11434", "ftp://host/v1", "http://", "http://[::1", "你好"])
def test_a_base_that_is_no_web_address_is_a_setting_to_mend(base: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        Endpoint(base, KEY, connect_timeout=1, idle_timeout=1)


@pytest.mark.parametrize("key", ["sk-with\nnewline", "sk-schlüssel", "two words", "sk-\x1b[31m"])
def test_a_key_that_cannot_be_one_is_a_setting_to_mend_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Endpoint("", key, connect_timeout=1, idle_timeout=1)
    assert key not in str(raised.value)
