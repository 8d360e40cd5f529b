"""HTTP/1.1 for replies that come in hundreds of small pieces, as answers do.

A transport of httpx2 in the place of its own: that one reads each piece through six nested generators, which takes the
processor longer than everything else that is done with a token. This one hands the bytes that the event loop brings
straight to the parser (llhttp). It knows neither proxies nor HTTP/2; where a proxy is set, httpx2's own is used.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque

import httpx2
from httptools import HttpParserError, HttpResponseParser

LONGEST_HEAD = 64 << 10
"""Bytes of the status line and the headers together."""
ENOUGH = 256 << 10
"""Bytes that may wait to be taken before the server is made to wait."""
IDLE_CONNECTIONS, IDLE_S = 100, 30.0
"""How many connections are kept for the next request, and for how long."""


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
                    head = await connection.exchange(_written(request, content))
            except TimeoutError as error:
                raise httpx2.ReadTimeout("no reply", request=request) from error
            except (OSError, HttpParserError) as error:
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
    """The status and the headers of a reply."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.size = 0
        """Bytes that came before it was complete."""
        self.complete = False
        self.ends_with_connection = True
        """Nothing else tells where the body ends."""


class Connection(asyncio.Protocol):
    """One request and its reply at a time: `exchange`, then `take` until it returns nothing."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = None
        self._head = Head()
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._paused = False
        self._done = False
        self._keeps = False
        self._error: Exception | None = None
        self._wake: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        return self._done and self._keeps and self._error is None

    async def exchange(self, request: bytes) -> Head:
        """Sends a request and returns the head of its reply. Raises OSError, HttpParserError."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._begin()
        self._transport.write(request)
        while not self._head.complete:
            if self._error is not None:
                raise self._error
            await self._more()
        return self._head

    async def take(self) -> bytes:
        """All of the body that has come since the last time; nothing at its end. Raises OSError, HttpParserError."""
        while not self._pieces:
            if self._done:
                return b""
            if self._error is not None:
                raise self._error
            await self._more()
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._emptied()
        return taken

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._parser = HttpResponseParser(self)
        # Small servers end lines with a bare line feed.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        self._head, self._done, self._keeps = Head(), False, False
        self._emptied()  # a reply need not have been read to its end

    def _emptied(self) -> None:
        self._pieces.clear()
        self._waiting = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream socket it is a Transport

    def data_received(self, data: bytes) -> None:
        try:
            if self._parser is None or self._done:
                raise HttpParserError("bytes behind the end of a reply")
            self._parser.feed_data(data)
            if not self._head.complete:
                self._head.size += len(data)
                if self._head.size > LONGEST_HEAD:
                    raise HttpParserError("headers without an end")
        except HttpParserError as error:
            self._fail(error)
            self.abort()
        if self._waiting > ENOUGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._notify()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._keeps = False
        if not self._done:
            if self._head.complete and self._head.ends_with_connection and error is None:
                self._done = True
            else:
                broken = (
                    "the reply was cut off" if self._head.complete else "the connection was closed before the reply"
                )
                self._fail(error or ConnectionError(broken))
        self._notify()

    # --- what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head.complete:  # a trailer
            return
        self._head.headers.append((name, value))
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._head.ends_with_connection = False

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code() if self._parser is not None else 0
        if status < 200:  # 100 Continue and its like: the reply itself follows
            self._head = Head()
            return
        self._head.status = status
        self._head.complete = True

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)

    def on_message_complete(self) -> None:
        if self._head.complete and self._parser is not None:
            self._done = True
            self._keeps = self._parser.should_keep_alive()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error

    async def _more(self) -> None:
        self._loop = self._loop or asyncio.get_running_loop()
        self._wake = self._loop.create_future()
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
        except (OSError, HttpParserError) as error:
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
    if isinstance(error, HttpParserError):
        return httpx2.RemoteProtocolError(str(error), request=request)
    return httpx2.ReadError(str(error), request=request)
