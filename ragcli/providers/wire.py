"""HTTP/1.1 for replies that come in hundreds of small pieces, as answers do.

A transport of httpx2 in the place of its own: that one reads each piece through six nested generators, which takes the
processor longer than everything else that is done with a token. This one parses where the event loop hands bytes over.
It knows neither proxies nor HTTP/2; where a proxy is set, httpx2's own transport is used.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import deque
from typing import Literal

import httpx2

LONGEST_HEAD = 64 << 10
"""Bytes of the status line and the headers together."""
ENOUGH = 256 << 10
"""Bytes that may wait to be taken before the server is made to wait."""
IDLE_CONNECTIONS, IDLE_S = 20, 30.0
"""How many connections are kept for the next request, and for how long."""

_NO_BODY = (204, 304)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class Wire(httpx2.AsyncBaseTransport):
    """Connections to any number of servers, kept open for the next request. Belongs to one event loop.

    The pieces of a body are had without detour as `response.extensions["body"]`, a `Body`.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._idle: deque[tuple[float, tuple[str, int], Connection]] = deque()
        self._closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises httpx2.RequestError."""
        limits = request.extensions.get("timeout", {})
        content = await request.aread()
        secure = request.url.scheme == "https"
        server = (request.url.raw_host.decode("ascii"), request.url.port or (443 if secure else 80))
        connection = self._kept(server) or await self._connected(server, secure, limits.get("connect"), request)
        try:
            try:
                async with asyncio.timeout(limits.get("read")):
                    head = await connection.exchange(_written(request, content), request.method)
            except TimeoutError as error:
                raise httpx2.ReadTimeout("no reply", request=request) from error
            except (OSError, Malformed) as error:
                raise _lost(error, request) from error
        except BaseException:
            connection.abort()
            raise
        body = Body(self, server, connection, request)
        return httpx2.Response(head.status, headers=head.headers, stream=body, extensions={"body": body})

    async def aclose(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop()[2].abort()
        await asyncio.sleep(0)  # sockets are closed in the next round of the loop

    async def give_back(self, server: tuple[str, int], connection: Connection) -> None:
        """Takes a connection back; it is closed unless its reply is at its end."""
        if self._closed or not connection.reusable:
            connection.abort()
            await asyncio.sleep(0)
            return
        self._idle.append((time.monotonic() + IDLE_S, server, connection))
        if len(self._idle) > IDLE_CONNECTIONS:
            self._idle.popleft()[2].abort()

    def _kept(self, server: tuple[str, int]) -> Connection | None:
        """An open connection to the server, the one that was used last."""
        now = time.monotonic()
        while self._idle and (self._idle[0][0] < now or not self._idle[0][2].reusable):
            self._idle.popleft()[2].abort()
        for at in range(len(self._idle) - 1, -1, -1):
            _, where, connection = self._idle[at]
            if where == server and connection.reusable:
                del self._idle[at]
                return connection
        return None

    async def _connected(
        self, server: tuple[str, int], secure: bool, limit: float | None, request: httpx2.Request
    ) -> Connection:
        try:
            async with asyncio.timeout(limit):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, *server, ssl=self._context if secure else None, happy_eyeballs_delay=0.25
                )
        except TimeoutError as error:
            raise httpx2.ConnectTimeout("no connection", request=request) from error
        except OSError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        return connection


class Head:
    """The status line and the headers of a reply."""

    def __init__(self, lines: list[bytes]) -> None:
        """Raises Malformed."""
        parts = lines[0].split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit() or len(parts[1]) != 3:
            raise Malformed("not HTTP")
        self.status = int(parts[1])
        self.headers: list[tuple[bytes, bytes]] = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not name.strip():
                raise Malformed("a broken header")
            self.headers.append((name.strip(), value.strip()))
        old = parts[0] == b"HTTP/1.0"
        said = self.value(b"connection").lower()
        self.keeps = b"keep-alive" in said if old else b"close" not in said
        self.chunked = self.value(b"transfer-encoding").lower().endswith(b"chunked")
        length = self.value(b"content-length")
        if length and not length.isdigit():
            raise Malformed("a broken content-length")
        self.length = int(length) if length else None

    def value(self, name: bytes) -> bytes:
        return next((value for known, value in self.headers if known.lower() == name), b"")


class Malformed(Exception):
    """What came is no HTTP."""


class Connection(asyncio.Protocol):
    """One request and its reply at a time: `exchange`, then `take` until it returns nothing."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._state: Literal["idle", "head", "length", "size", "chunk", "trailer", "rest", "done", "lost"] = "idle"
        self._unread = bytearray()
        self._method = ""
        self._head: Head | None = None
        self._left = 0
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._paused = False
        self._error: Exception | None = None
        self._wake: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        return self._state in ("idle", "done") and self._head is not None and self._head.keeps and not self._unread

    async def exchange(self, request: bytes, method: str) -> Head:
        """Sends a request and returns the head of its reply. Raises OSError, Malformed."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._head, self._method, self._state = None, method, "head"
        self._pieces.clear()
        self._waiting = 0
        self._transport.write(request)
        while self._head is None:
            if self._error is not None:
                raise self._error
            await self._more()
        return self._head

    async def take(self) -> bytes:
        """All of the body that has come since the last time; nothing at its end. Raises OSError, Malformed."""
        while not self._pieces:
            if self._state == "done":
                return b""
            if self._error is not None:
                raise self._error
            await self._more()
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return taken

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream socket it is a Transport

    def data_received(self, data: bytes) -> None:
        try:
            self._read(data)
        except Malformed as error:
            self._fail(error)
            self.abort()
        if self._waiting > ENOUGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._notify()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._state == "rest":  # a body without a length ends with the connection
            self._state = "done" if error is None else self._state
        if self._state != "done":
            broken = "the connection was closed before the reply" if self._head is None else "the reply was cut off"
            self._fail(error or ConnectionError(broken))
        if self._head is not None:
            self._head.keeps = False
        self._notify()

    # --- parsing

    def _read(self, data: bytes) -> None:
        """Goes through bytes of the reply, from where the last ones ended."""
        if self._unread:
            data = bytes(self._unread) + data
            self._unread.clear()
        at = 0
        while at < len(data):
            match self._state:
                case "length" | "chunk":
                    piece = data[at : at + self._left]
                    self._came(piece)
                    at += len(piece)
                    self._left -= len(piece)
                    if not self._left:
                        self._state = "done" if self._state == "length" else "size"
                case "size" | "trailer":
                    line_end = data.find(b"\n", at)
                    if line_end < 0:
                        break
                    self._line(data[at:line_end].strip())
                    at = line_end + 1
                case "head":
                    end = _HEAD_END.search(data, at)
                    if end is None:
                        break
                    self._began(Head(data[at : end.start()].splitlines()))
                    at = end.end()
                case "rest":
                    self._came(data[at:])
                    return
                case _:
                    break
        self._unread += data[at:]
        if len(self._unread) > LONGEST_HEAD:
            raise Malformed("a line without an end")

    def _line(self, line: bytes) -> None:
        """The line that tells the size of the next chunk, one behind a chunk, or a trailer."""
        if self._state == "trailer":
            self._state = "trailer" if line else "done"
        elif line:
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise Malformed("a broken chunk") from error
            if self._left < 0:
                raise Malformed("a broken chunk")
            self._state = "chunk" if self._left else "trailer"

    def _began(self, head: Head) -> None:
        if head.status < 200:  # 100 Continue and its like: the reply itself follows
            return
        self._head = head
        if head.status in _NO_BODY or self._method == "HEAD" or head.length == 0:
            self._state = "done"
        elif head.chunked:
            self._state = "size"
        elif head.length is not None:
            self._state, self._left = "length", head.length
        else:
            self._state, head.keeps = "rest", False

    def _came(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)

    def _fail(self, error: Exception) -> None:
        self._state = "lost"
        self._error = self._error or error

    async def _more(self) -> None:
        self._wake = asyncio.get_running_loop().create_future()
        await self._wake

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Body(httpx2.AsyncByteStream):
    """The pieces of a reply, as they come; closing it before its end closes the connection."""

    def __init__(self, wire: Wire, server: tuple[str, int], connection: Connection, request: httpx2.Request) -> None:
        self._wire, self._server, self._connection, self._request = wire, server, connection, request
        self._open = True

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._connection.take()
        except (OSError, Malformed) as error:
            raise _lost(error, self._request) from error
        if not piece:
            await self.aclose()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            await self._wire.give_back(self._server, self._connection)


def _written(request: httpx2.Request, content: bytes) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % (name, value) for name, value in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def _lost(error: Exception, request: httpx2.Request) -> httpx2.RequestError:
    if isinstance(error, Malformed):
        return httpx2.RemoteProtocolError(str(error), request=request)
    return httpx2.ReadError(str(error), request=request)
