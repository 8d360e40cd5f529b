"""An OpenAI-compatible endpoint of embeddings, in a process of its own so that its work is nobody else's time.

The vectors are random and come after a wait of `DELAY` seconds: the tests' endpoint counts words in Python, which
would be the slowest part of the measurement. `server.py DELAY DIMENSIONS` prints its port and serves until killed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serving(*, delay: float = 0.0, dimensions: int = 1536) -> Iterator[str]:
    """The base URL of an endpoint that serves until the block is left."""
    command = [sys.executable, __file__, str(delay), str(dimensions)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


class Server:
    def __init__(self, delay: float, dimensions: int) -> None:
        self._delay = delay
        self._dimensions = dimensions
        self._seed = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, many requests."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.lower().split(b"\r\n")
                length = next(int(line[15:]) for line in lines if line.startswith(b"content-length"))
                request = json.loads(await reader.readexactly(length))
                await asyncio.sleep(self._delay)
                self._reply(writer, self._embeddings(request))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _reply(self, writer: asyncio.StreamWriter, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    def _embeddings(self, request: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
        self._seed += 1
        dimensions = request.get("dimensions", self._dimensions)
        rows = np.random.default_rng(self._seed).standard_normal((len(texts), dimensions), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        if request.get("encoding_format") == "base64":
            values: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in rows]
        else:
            values = rows.tolist()
        data = [{"object": "embedding", "index": n, "embedding": value} for n, value in enumerate(values)]
        tokens = sum(map(len, texts)) // 4
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": request["model"], "data": data, "usage": usage}


async def main(delay: float, dimensions: int) -> None:
    server = await asyncio.start_server(Server(delay, dimensions).serve, "127.0.0.1", 0, limit=1 << 20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), int(sys.argv[2])))
