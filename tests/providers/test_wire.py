"""HTTP/1.1 as servers really write it, cut anywhere by the network."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragcli.providers.http import body_of
from ragcli.providers.wire import ENOUGH, Connection, Wire

TEXT = "data: 保修 two years\n\n".encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;name=value\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (
    TEXT[:5],
    len(TEXT) - 5,
    TEXT[5:],
)
MEASURED = HEAD + b"Content-Length: %d\r\n\r\n" % len(TEXT) + TEXT
UNTIL_CLOSED = HEAD + b"\r\n" + TEXT
CUT_OFF = HEAD + b"Content-Length: 100\r\n\r\n" + TEXT
INFORMED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + MEASURED
BARE = MEASURED.replace(b"\r\n", b"\n")


@dataclass
class Server:
    """Answers each request with the next bytes; `None` closes the connection without any."""

    replies: list[bytes | None]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if b"content-length:" in line), 0)
                self.requests.append(head + await reader.readexactly(length))
                reply = self.replies.pop(0)
                if reply is None:
                    return
                writer.write(reply)
                await writer.drain()
                if reply in (UNTIL_CLOSED, CUT_OFF):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*replies: bytes | None) -> AsyncIterator[tuple[Server, httpx2.AsyncClient]]:
    server = Server(list(replies))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/x?api-version=1"
    async with listening, httpx2.AsyncClient(transport=Wire(None), timeout=60) as client:
        yield server, client


async def fetched(server: Server, client: httpx2.AsyncClient) -> bytes:
    async with client.stream("POST", server.url, content=b'{"a": 1}') as response:
        return b"".join([piece async for piece in body_of(response)])


@pytest.mark.parametrize("reply", [CHUNKED, MEASURED, UNTIL_CLOSED, INFORMED, BARE])
async def test_a_body_is_whole_however_its_end_is_told(reply: bytes) -> None:
    async with serving(reply) as (server, client):
        assert await fetched(server, client) == TEXT
    [request] = server.requests
    assert request.startswith(b"POST /v1/x?api-version=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert request.endswith(b'\r\n\r\n{"a": 1}')


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=st.sampled_from([CHUNKED, MEASURED, INFORMED, BARE]), cuts=st.lists(st.integers(0, 200), max_size=12))
def test_the_network_may_cut_a_reply_anywhere(reply: bytes, cuts: list[int]) -> None:
    connection = Connection()
    connection._begin()
    ends = sorted({min(cut, len(reply)) for cut in cuts} | {len(reply)})
    for start, end in zip([0, *ends], ends, strict=False):
        if start < end:
            connection.data_received(reply[start:end])
    assert b"".join(connection._pieces) == TEXT
    assert connection.reusable


async def test_a_connection_serves_request_after_request() -> None:
    async with serving(CHUNKED, MEASURED, UNTIL_CLOSED, CHUNKED) as (server, client):
        for connections in (1, 1, 1, 2):
            assert await fetched(server, client) == TEXT
            assert server.connections == connections


async def test_what_was_left_unread_of_a_reply_is_no_part_of_the_next() -> None:
    async with serving(MEASURED, CHUNKED) as (server, client):
        async with client.stream("POST", server.url, content=b"{}"):
            await asyncio.sleep(0.05)  # all of it has come by then; if not, the connection is closed instead
        assert await fetched(server, client) == TEXT


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    async with serving(MEASURED.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), MEASURED) as (server, client):
        assert await fetched(server, client) == TEXT
        assert await fetched(server, client) == TEXT
        assert server.connections == 2


async def test_an_encoded_body_is_decoded() -> None:
    packed = gzip.compress(TEXT)
    reply = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    async with serving(reply) as (server, client):
        assert await fetched(server, client) == TEXT


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (None, httpx2.ReadError),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", httpx2.RemoteProtocolError),
        (CHUNKED.replace(b"5;name=value", b"zz"), httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, httpx2.RemoteProtocolError),
    ],
)
async def test_what_is_no_reply_is_an_error(reply: bytes | None, error: type[Exception]) -> None:
    async with serving(reply) as (server, client):
        with pytest.raises(error):
            await fetched(server, client)


async def test_a_body_that_is_cut_off_gives_what_came_and_then_an_error() -> None:
    async with serving(CUT_OFF) as (server, client), client.stream("GET", server.url) as response:
        body = body_of(response)
        assert await anext(body) == TEXT
        with pytest.raises(httpx2.ReadError):
            await anext(body)


async def test_a_server_that_is_faster_than_its_reader_is_made_to_wait() -> None:
    """What waits to be read is bounded, and nothing of it is lost."""
    body = bytes(range(256)) * (20 * ENOUGH // 256)
    async with (
        serving(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body) as (server, client),
        client.stream("GET", server.url) as response,
    ):
        await asyncio.sleep(0.05)
        pieces = [piece async for piece in body_of(response)]
    assert max(map(len, pieces)) < 4 * ENOUGH
    assert b"".join(pieces) == body
