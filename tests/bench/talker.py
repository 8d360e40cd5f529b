"""A chat endpoint in a process of its own whose every token says when it was sent; `talker.py RATE TOKENS` serves.

The times are those of the monotonic clock, which all processes of a machine share. It prints its port and serves until
it is killed; with a RATE of 0 the tokens of an answer come at once.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def talking(rate: float, tokens: int, *, processes: int = 1) -> Iterator[Sequence[int]]:
    """The ports of as many endpoints, until the block is left."""
    command = [sys.executable, __file__, str(rate), str(tokens)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    try:
        yield [int(process.stdout.readline()) for process in started if process.stdout]
    finally:
        for process in started:
            process.kill()
            process.communicate()


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "logprobs": None, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return chunk(b"data: " + json.dumps(whole).encode() + b"\n\n")


def usage(tokens: int) -> bytes:
    """What endpoints send that are asked to include it, as ragcli asks."""
    counts = {"prompt_tokens": 1000, "completion_tokens": tokens, "total_tokens": 1000 + tokens}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    return chunk(b"data: " + json.dumps(whole | {"usage": counts}).encode() + b"\n\n")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    rate, tokens = float(sys.argv[1]), int(sys.argv[2])
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            due = time.monotonic()
            for _ in range(tokens):
                if rate:
                    due += 1 / rate
                    await asyncio.sleep(due - time.monotonic())
                if writer.is_closing():
                    return
                writer.write(event(f" {time.monotonic():.6f}"))
            writer.write(event("", "stop") + usage(tokens) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
