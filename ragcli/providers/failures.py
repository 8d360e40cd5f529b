"""What an endpoint answers when it does not answer, mapped to the exception tree in one table.

The words of a server reach the user shortened, on one line, without control characters, and never with the key.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from ragcli.errors import (
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
from ragcli.text.clean import clean

LONGEST_DETAIL = 200
"""Characters of a server's message that a user gets to see."""
SHORTEST_SECRET = 8
"""Characters; shorter keys are the "none" and "any" that local servers are given, and parts of words besides."""


class Refused(EndpointError):
    """The server does not take the request as it is; `detail` says why, for an adapter that can put it another way."""

    detail = ""


STATUS: dict[int, type[EndpointError]] = {
    400: Refused,
    401: WrongKey,
    402: EndpointError,
    403: WrongKey,
    404: UnknownModel,
    408: TimedOut,
    409: ServerFailed,
    413: ContextTooLong,
    422: Refused,
    425: ServerFailed,
    429: RateLimited,
    501: EndpointError,
    505: EndpointError,
}
"""By HTTP status; every other 5xx is ServerFailed, every other status EndpointError."""

CODES: dict[str, type[EndpointError]] = {
    "invalid_api_key": WrongKey,
    "authentication_error": WrongKey,
    "permission_denied": WrongKey,
    "model_not_found": UnknownModel,
    "deploymentnotfound": UnknownModel,
    "context_length_exceeded": ContextTooLong,
    "string_above_max_length": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "insufficient_quota": EndpointError,  # sent with 429, but waiting does not refill an account
    "content_filter": EndpointError,
    "rate_limit_exceeded": RateLimited,
    "rate_limit_error": RateLimited,
    "server_error": ServerFailed,
    "internal_error": ServerFailed,
    "overloaded_error": ServerFailed,
    "service_unavailable": ServerFailed,
    "timeout": TimedOut,
}
"""By the `code` or `type` of the error object, which says more than the status, or stands in a stream without one."""

REMEDIES: dict[type[EndpointError], str] = {
    WrongKey: "set OPENAI_API_KEY, or api_key in the config, to a key that this endpoint takes",
    UnknownModel: "set the model to one that the endpoint serves, and check base_url",
    ContextTooLong: "lower chat.context_tokens or retrieve.context_k, or shorten the question",
    RateLimited: "wait a little, or ask less often",
    ServerFailed: "try again later",
    ConnectionLost: "check base_url, the network and the proxy settings",
    TimedOut: "try again, or raise the timeout",
}

_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|(?:input|prompt|request)[^.]{0,60}(?:exceeds?|longer than|too (?:long|large))[^.]{0,60}(?:token|context|model)"
    r"|上下文.{0,10}(?:超|过长)|输入.{0,10}(?:超过|过长)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model\b.{0,80}(?:not found|does not exist|not exist)|(?:unknown|no such) model|模型不存在", re.IGNORECASE
)
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]{6,}")


def status_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str = "",
    now: Callable[[], float] = time.time,
) -> EndpointError:
    """The error for a reply with a status that is not success."""
    detail, codes = _read_error(body)
    found = _class(status, codes, detail)
    shown = shortened(detail, secret)
    location = headers.get("location", "")
    if 300 <= status < 400 and location:
        shown = f"it redirects to {shortened(location, secret)}"
    message = f"{_WHAT.get(found, 'the endpoint refused the request')} (HTTP {status})" + (
        f": {shown}" if shown else ""
    )
    error = _build(found, message, retry_after(headers, now=now))
    if isinstance(error, Refused):
        error.detail = detail
    return error


def payload_error(payload: Any, *, secret: str = "") -> EndpointError:
    """The error for an error object that came with a success status, alone or in the middle of a stream."""
    detail, codes = _describe(payload)
    status = next((int(code) for code in codes if code.isdigit() and len(code) == 3), 500)
    found = _class(status, codes, detail)
    shown = shortened(detail, secret)
    return _build(found, _WHAT.get(found, "the endpoint reports an error") + (f": {shown}" if shown else ""), None)


def transport_error(error: httpx2.RequestError, *, secret: str = "") -> EndpointError:
    """The error for a request that got no reply, or only a part of one."""
    try:
        where = f" {error.request.url.host}:{error.request.url.port or error.request.url.scheme}"
    except RuntimeError:  # it failed before there was a request
        where = ""
    causes = _causes(error)
    why = shortened(next(filter(None, map(_system_words, causes)), str(error)), secret) or type(error).__name__
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        remedy = "if you trust it, name its authority's certificate in SSL_CERT_FILE"
        return EndpointError(f"the certificate of{where} is not trusted: {why}", remedy=remedy)
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return _build(TimedOut, f"no connection to{where} within the time limit")
        case httpx2.TimeoutException():
            return _build(TimedOut, f"no sign of life from{where} within the time limit")
        case httpx2.ProxyError():
            return _build(ConnectionLost, f"the proxy failed: {why}")
        case httpx2.ConnectError():
            return _build(ConnectionLost, f"cannot connect to{where}: {why}")
        case httpx2.UnsupportedProtocol() | httpx2.TooManyRedirects() | httpx2.DecodingError():
            return EndpointError(f"cannot talk to{where}: {why}", remedy="check base_url")
        case _:
            return _build(ConnectionLost, f"the connection to{where} broke: {why}")


def retry_after(headers: Mapping[str, str], *, now: Callable[[], float] = time.time) -> float | None:
    """Seconds that the reply asks to wait: `Retry-After` in seconds or as a date (RFC 9110), or `retry-after-ms`."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", value):
            return float(value) * unit
    try:
        date = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
        server_now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else now()
    except (ValueError, OverflowError):
        return None
    return max(0.0, date - server_now)


def shortened(text: str, secret: str = "", limit: int = LONGEST_DETAIL) -> str:
    """One line, without control characters, keys and whatever goes beyond the limit."""
    if len(secret) >= SHORTEST_SECRET:
        text = text.replace(secret, "***")
    text = " ".join(_KEY_LIKE.sub("***", clean(text[: 20 * limit])).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def is_error(body: bytes) -> bool:
    """Whether a refusal comes from a service that speaks the protocol, and not from a web server without that path."""
    try:
        payload = json.loads(body)
    except ValueError:
        return False
    return isinstance(payload, dict) and "error" in payload


def not_json(content: bytes, secret: str) -> EndpointError:
    """The error for a success whose body is something else."""
    start = content[:2000].decode(errors="replace").lstrip()
    if start.startswith("<"):
        return EndpointError("the endpoint answers with a web page", remedy="check base_url: it usually ends in /v1")
    if not start:
        return ServerFailed("the endpoint sent an empty reply", remedy="try again later")
    return ServerFailed(f"the endpoint sent something that is not JSON: {shortened(start, secret, 60)}")


_WHAT: dict[type[EndpointError], str] = {
    WrongKey: "the endpoint does not accept the key",
    UnknownModel: "the endpoint does not know the model",
    ContextTooLong: "the prompt is too long for the model",
    RateLimited: "the endpoint limits the rate",
    ServerFailed: "the endpoint failed",
    TimedOut: "the endpoint took too long",
}


def _system_words(error: BaseException) -> str:
    """What the operating system calls the error; asyncio puts an address in the place of those words."""
    if not isinstance(error, OSError):
        return ""
    if error.errno is not None and error.errno > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return error.strerror or ""


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it, nearest first."""
    causes: list[BaseException] = [error]
    for cause in causes:  # which grows
        if isinstance(cause, BaseExceptionGroup):
            causes += cause.exceptions
        causes += [inner for inner in (cause.__cause__, cause.__context__) if inner is not None and inner not in causes]
    return causes


def _build(found: type[EndpointError], message: str, wait: float | None = None) -> EndpointError:
    remedy = REMEDIES.get(found, "")
    if issubclass(found, TransientError):
        if wait is not None and wait >= 1:
            remedy = f"it asks to wait {wait:.0f} s"
        return found(message, remedy=remedy, retry_after=wait)
    return found(message, remedy=remedy)


def _class(status: int, codes: tuple[str, ...], detail: str) -> type[EndpointError]:
    for code in codes:
        if code in CODES:
            return CODES[code]
    if 400 <= status < 500 and status not in (401, 403, 429):
        if re.search(r"batch.?size", detail, re.IGNORECASE):
            return Refused
        if _TOO_LONG.search(detail):
            return ContextTooLong
        if _NO_MODEL.search(detail):
            return UnknownModel
    return STATUS.get(status, ServerFailed if status >= 500 else EndpointError)


def _read_error(body: bytes) -> tuple[str, tuple[str, ...]]:
    """Message and codes of the body of a refusal; a web page has neither that a user would want to read."""
    text = body.decode(errors="replace").strip()
    try:
        return _describe(json.loads(text))
    except ValueError:
        return ("" if text.startswith("<") else text), ()


def _describe(payload: Any) -> tuple[str, tuple[str, ...]]:
    """Message and codes of an error as OpenAI, Azure, FastAPI, Ollama, Cohere and their like write it."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not isinstance(payload, dict):
        return str(payload or ""), ()
    error = payload.get("error") or payload
    if not isinstance(error, dict):
        return str(error), ()
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    codes = tuple(str(error[name]).lower() for name in ("code", "type", "status") if error.get(name))
    return (message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)), codes
