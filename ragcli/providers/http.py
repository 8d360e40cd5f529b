"""One HTTP client for every OpenAI-compatible endpoint: addresses, keys, time limits, and errors of our own tree."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import getproxies

import httpx2

from ragcli.errors import ConfigError, EndpointError, ServerFailed, TimedOut
from ragcli.providers.failures import is_error, not_json, shortened, status_error, transport_error
from ragcli.providers.wire import IDLE_CONNECTIONS, IDLE_S, Body, Wire

OPENAI = "https://api.openai.com/v1"
LONGEST_REFUSAL = 64 << 10
"""Bytes that are read of a reply whose status is not success."""
LARGE_REPLY = 256 << 10
"""Bytes beyond which reading the JSON would hold up the event loop."""
LONGEST_REPLY = 512 << 20
"""Bytes; 2,048 vectors of 4,096 dimensions as JSON are about 180 MB."""


class Endpoint:
    """A server that speaks the OpenAI protocol below `base_url`, through one pool of connections.

    Takes proxies (HTTPS_PROXY) and certificates (the system's, SSL_CERT_FILE) from where every tool takes them.
    Every method raises EndpointError; belongs to one event loop.
    """

    def __init__(self, base_url: str, api_key: str, *, connect_timeout: float, idle_timeout: float) -> None:
        self._key = api_key.strip()
        self._connect_timeout, self._idle_timeout = connect_timeout, idle_timeout
        if not all("!" <= character <= "~" for character in self._key):
            raise ConfigError("the API key holds characters that no key has", remedy="copy it again")
        try:
            self.base = httpx2.URL(base_url.strip() or OPENAI)
        except httpx2.InvalidURL:
            self.base = httpx2.URL("")
        if self.base.scheme not in ("http", "https") or not self.base.host:
            raise ConfigError(
                f"base_url is not a web address: {shortened(base_url, self._key)}",
                remedy="write it like http://localhost:11434/v1",
            )
        self._roots = roots(self.base.path)
        self._urls: dict[str, httpx2.URL] = {}
        self._client: httpx2.AsyncClient | None = None

    @property
    def secret(self) -> str:
        return self._key

    def url(self, path: str, root: str | None = None) -> httpx2.URL:
        """The address of `path`, which keeps the query of the base (Azure's api-version)."""
        whole = f"{self._roots[0] if root is None else root}/{path}"
        if whole not in self._urls:
            self._urls[whole] = self.base.copy_with(path=whole)
        return self._urls[whole]

    @asynccontextmanager
    async def open(
        self, path: str, body: dict[str, Any] | None, *, due: float
    ) -> AsyncGenerator[httpx2.Response, None]:
        """The reply, its body not yet read; `due` is on the clock of the loop. Without a body it is a GET."""
        try:
            response = await self._send(path, body, due)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            raise transport_error(error, secret=self._key) from error

    async def _send(self, path: str, body: dict[str, Any] | None, due: float) -> httpx2.Response:
        """The reply of the first root that knows the path, which is the one to use from then on."""
        client = self._connected()
        missing: EndpointError | None = None
        for root in self._roots:
            request = client.build_request(
                "GET" if body is None else "POST",
                self.url(path, root),
                headers={"content-type": "application/json"} if body is not None else None,
                content=None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            )
            headers_due = asyncio.get_running_loop().time() + self._connect_timeout + self._idle_timeout
            async with until(min(due, headers_due)):
                response = await client.send(request, stream=True)
            if response.is_success:
                self._roots = (root,)
                return response
            refusal = await self._refused(response, due)
            error = status_error(response.status_code, response.headers, refusal, secret=self._key)
            if response.status_code != 404 or is_error(refusal):
                raise error
            missing = missing or error
        raise missing or EndpointError("the endpoint has no address", remedy="check base_url")

    async def json(self, path: str, body: dict[str, Any] | None, *, seconds: float) -> Any:
        """The reply as a JSON value."""
        due = asyncio.get_running_loop().time() + seconds
        async with self.open(path, body, due=due) as response, until(due):
            content = await read(response, LONGEST_REPLY)
        try:
            if len(content) > LARGE_REPLY:
                return await asyncio.to_thread(json.loads, content)
            return json.loads(content)
        except ValueError as error:
            raise not_json(content, self._key) from error

    async def models(self, *, seconds: float = 3.0) -> tuple[str, ...]:
        """Names of the models that the endpoint serves, where it says."""
        reply = await self.json("models", None, seconds=seconds)
        entries = (reply.get("data") or reply.get("models") or ()) if isinstance(reply, dict) else reply
        if not isinstance(entries, list):
            return ()
        names = (entry.get("id") or entry.get("name") if isinstance(entry, dict) else entry for entry in entries)
        return tuple(shortened(name, self._key, 80) for name in names if isinstance(name, str))

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _refused(self, response: httpx2.Response, due: float) -> bytes:
        """What a refusal says; the status says enough where it cannot be read."""
        try:
            async with until(min(due, asyncio.get_running_loop().time() + self._idle_timeout)):
                return await read(response, LONGEST_REFUSAL, cut=True)
        except (httpx2.RequestError, TimedOut):
            return b""
        finally:
            await response.aclose()

    def _connected(self) -> httpx2.AsyncClient:
        if self._client is None:
            # Loading the system's certificates takes longer than a local model needs to answer: only where TLS is used.
            secure = self.base.scheme == "https"
            proxies = getproxies()
            proxied = bool(proxies.get(self.base.scheme) or proxies.get("all"))
            self._client = httpx2.AsyncClient(
                headers=self._headers(),
                verify=secure or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                transport=None if proxied else Wire(httpx2.create_ssl_context() if secure else None),
                timeout=httpx2.Timeout(self._idle_timeout, connect=self._connect_timeout, pool=self._connect_timeout),
                limits=httpx2.Limits(max_keepalive_connections=IDLE_CONNECTIONS, keepalive_expiry=IDLE_S),
            )
        return self._client

    def _headers(self) -> dict[str, str]:
        headers = {"user-agent": "ragcli", "accept": "text/event-stream, application/json"}
        if not self._key:
            return headers
        azure = self.base.host.endswith((".azure.com", ".azure-api.net"))
        if azure or "api-version" in self.base.params or "/deployments/" in self.base.path:
            headers["api-key"] = self._key
        if not azure:  # which takes a bearer for a token of another kind
            headers["authorization"] = f"Bearer {self._key}"
        return headers


@asynccontextmanager
async def until(due: float) -> AsyncGenerator[None, None]:
    """Raises TimedOut where the block is not through when the loop's clock reads `due`."""
    try:
        async with asyncio.timeout_at(due) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TimedOut("the endpoint took too long", remedy="try again, or raise the timeout") from error


def roots(path: str) -> tuple[str, ...]:
    """Where the services may be, likeliest first, for a base with or without /v1, a slash, a service at its end."""
    root = path.rstrip("/")
    for service in ("/chat/completions", "/embeddings", "/rerank", "/models"):
        root = root.removesuffix(service)
    if not root:
        return "/v1", ""
    if re.search(r"/(?:v\d|deployments/)", root):
        return (root,)
    return root, f"{root}/v1"


def body_of(response: httpx2.Response) -> AsyncGenerator[bytes, None] | Body:
    """The bytes of the body as they come; the way through httpx2 is spared where nothing is encoded."""
    body = response.extensions.get("body")
    if isinstance(body, Body) and "content-encoding" not in response.headers:
        return body
    return response.aiter_bytes()


async def read(response: httpx2.Response, limit: int, *, cut: bool = False) -> bytes:
    """The body; beyond `limit` bytes it is cut off or, by default, an error."""
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > limit:
            if cut:
                break
            raise ServerFailed(f"the endpoint sent more than {limit >> 20} MB")
    return bytes(content[:limit])
