"""How a reply of the tests' endpoint goes out: whole or in chunks, and how a connection is broken off."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from replies import Reply


class Chunks:
    """Writes events as chunks of an HTTP/1.1 reply, cut into pieces of `split` bytes where asked."""

    def __init__(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        self._writer, self._reply = writer, reply

    async def start(self) -> None:
        kind = self._reply.content_type or "text/event-stream"
        head = {"Content-Type": kind, "Transfer-Encoding": "chunked"} | self._reply.headers
        await _write(self._writer, _head(self._reply.status, head))

    async def event(self, data: str) -> None:
        newline = self._reply.newline
        comment = b": keep-alive" + newline + newline if self._reply.comments else b""
        content = comment + b"data: " + data.encode() + newline + newline
        step = self._reply.split or len(content)
        for start in range(0, len(content), step):
            piece = content[start : start + step]
            await _write(self._writer, b"%x\r\n%s\r\n" % (len(piece), piece))
            if self._reply.split:
                await asyncio.sleep(0)

    async def comment(self) -> None:
        await _write(self._writer, b"4\r\n: -\n\r\n")

    async def end(self) -> bool:
        await _write(self._writer, b"0\r\n\r\n")
        return True


async def released(reply: Reply) -> None:
    while reply.held is not None and not reply.held.is_set():  # noqa: ASYNC110 - another thread sets it
        await asyncio.sleep(0.002)


async def _write(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(content)
    await writer.drain()


async def send_whole(writer: asyncio.StreamWriter, reply: Reply, body: bytes) -> bool:
    kind = reply.content_type or "application/json"
    head = {"Content-Type": kind, "Content-Length": str(len(body))} | reply.headers
    await _write(writer, _head(reply.status, head) + body)
    return True


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reset_connection(writer: asyncio.StreamWriter) -> bool:
    """Ends the connection with RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    return False
