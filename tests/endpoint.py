"""A real HTTP server on loopback that speaks the OpenAI protocol, with a script of replies and of every fault.

    with ModelServer() as server:
        server.enqueue(refusal(429, retry_after="0"), answer("All is well [1].", drop_after=3))
        ...                         # point a client at server.url
        server.history[0].body      # what it asked

An empty script gives a canned answer that cites the sources of the prompt. By hand:
`python tests/endpoint.py --port 8000`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from replies import Reply, answer, canned, embedding, features, following, refusal, tokenize
from sending import Chunks, released, reset_connection, send_whole

CHAT, EMBEDDINGS, RERANK, MODELS = "chat/completions", "embeddings", "rerank", "models"
PATIENCE_S = 60.0
"""How long a test waits for what is bound to come, on a machine that is busy with something else."""


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any
    at: float

    @property
    def path(self) -> str:
        return self.target.partition("?")[0].removeprefix("/v1").strip("/")


class ModelServer:
    """Serves from a thread of its own, between `start` and `stop` or in a `with` block."""

    def __init__(
        self,
        *,
        port: int = 0,
        key: str | None = None,
        models: tuple[str, ...] | None = None,
        dimensions: int = 64,
        largest_batch: int | None = None,
        longest_input: int | None = None,
        delay: float = 0.0,
        before_first: float = 0.0,
    ) -> None:
        self.port = port
        self.key, self.models = key, models
        self.dimensions, self.largest_batch, self.longest_input = dimensions, largest_batch, longest_input
        self.delay, self.before_first = delay, before_first
        self.root: str | None = None  # the only one under which paths are served, if set
        self.history: list[Received] = []
        self.open_connections = 0
        self.accepted = 0
        self.most_at_once = 0
        self._serving = 0
        self._scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def enqueue(self, *replies: Reply, to: str = CHAT) -> None:
        """Scripts the next replies to requests of a path."""
        self._scripts[to].extend(replies)

    def requests(self, path: str = CHAT) -> list[Received]:
        return [request for request in self.history if request.path.endswith(path)]

    def wait_until_idle(self, seconds: float = PATIENCE_S) -> bool:
        """Whether every reply has ended, or its client gone, before the time is over."""
        end = time.monotonic() + seconds
        while self._serving and time.monotonic() < end:
            time.sleep(0.002)
        return not self._serving

    # --- life ----------------------------------------------------------------------------------------------

    def start(self) -> ModelServer:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._listen())
        return self

    def stop(self) -> None:
        if self._thread is None:
            return
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop.close()

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Connections are refused inside the block."""
        self._call(self._close())
        try:
            yield
        finally:
            self._call(self._listen())

    def _call(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None

    # --- HTTP ----------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.open_connections += 1
        self.accepted += 1
        try:
            early = b""
            while (request := await self._read(early, reader)) is not None:
                self.history.append(request)
                self._serving += 1
                self.most_at_once = max(self.most_at_once, self._serving)
                serving = asyncio.ensure_future(self._serve(request, writer))
                listening = asyncio.ensure_future(reader.read(1))  # a client that goes away ends what it asked for
                try:
                    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
                    early = listening.result() if listening.done() else b""
                    if (not serving.done() and not early) or not await serving:
                        break
                finally:
                    self._serving -= 1
                    for waiting in (serving, listening):
                        waiting.cancel()
                    await asyncio.gather(serving, listening, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _read(self, early: bytes, reader: asyncio.StreamReader) -> Received | None:
        try:
            head = (early + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        return Received(method, target, headers, json.loads(content) if content else None, time.monotonic())

    async def _serve(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can serve another request."""
        path = next((known for known in (CHAT, EMBEDDINGS, RERANK, MODELS) if request.path.endswith(known)), "")
        if self.root is not None and request.target != f"{self.root}/{path}":
            return await send_whole(writer, Reply(status=404), b'{"detail": "Not Found"}')
        script = self._scripts[path]
        reply = script.popleft() if script else self._unscripted(path, request)
        while self.most_at_once < reply.company:  # noqa: ASYNC110 - rarely, and only in tests
            await asyncio.sleep(0.002)
        if reply.held_at is None:
            await released(reply)
        if reply.hang:
            await asyncio.Event().wait()
        if reply.reset:
            return reset_connection(writer)
        await asyncio.sleep(reply.before_headers)
        if path == CHAT and reply.body is None:
            return await self._chat(request, reply, writer)
        body = reply.body
        if body is None:
            body = json.dumps(self._embeddings(request) if path == EMBEDDINGS else self._rerank(request)).encode()
        return await send_whole(writer, reply, body)

    def _unscripted(self, path: str, request: Received) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is not None and self.key not in (token, request.headers.get("api-key")):
            return refusal(401, "invalid_api_key", f"Incorrect API key provided: {token}.")
        if path == MODELS:
            entries = [{"id": name, "object": "model"} for name in self.models or ("test-model",)]
            return Reply(body=json.dumps({"object": "list", "data": entries}).encode())
        if not path or request.body is None:
            return Reply(status=404, body=b'{"detail": "Not Found"}')
        model = request.body.get("model")
        if self.models is not None and model not in self.models:
            return refusal(404, "model_not_found", f"The model `{model}` does not exist.")
        if path == EMBEDDINGS:
            return self._too_large(request.body["input"]) or Reply()
        return (
            answer(canned(request.body), delay=self.delay, before_first=self.before_first) if path == CHAT else Reply()
        )

    # --- chat ----------------------------------------------------------------------------------------------

    async def _chat(self, request: Received, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        body = request.body
        tokens = reply.tokens if reply.tokens is not None else tokenize(reply.text)
        if reply.follow:
            tokens = following(tokens, body["messages"], reply.overlap)
        text = "".join(tokens)
        prompt_tokens = sum(len(message["content"].split()) for message in body["messages"])
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": len(tokens),
            "total_tokens": prompt_tokens + len(tokens),
        }
        base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        field_name = "refusal" if reply.refusal else "content"
        if not body.get("stream"):
            message = {"role": "assistant", field_name: text}
            choice = {"index": 0, "message": message, "finish_reason": reply.finish}
            whole = base | {"object": "chat.completion", "choices": [choice], "usage": usage}
            return await send_whole(writer, reply, json.dumps(whole).encode())

        send = Chunks(writer, reply)
        await send.start()
        base["object"] = "chat.completion.chunk"

        def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
            return json.dumps(
                base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}, ensure_ascii=False
            )

        await asyncio.sleep(reply.before_first)
        if reply.empty_chunks:
            await send.event(chunk({"role": "assistant", "content": ""}))
        for piece in reply.reasoning:
            await send.event(chunk({reply.reasoning_field: piece}))
        for sent, token in enumerate((*tokens, None)):
            if sent == reply.held_at:
                await released(reply)
            if sent == reply.drop_after:
                return False
            if sent == reply.reset_after:
                return reset_connection(writer)
            if sent == reply.hang_after:  # nothing more, not even an end
                await asyncio.Event().wait()
            while sent == reply.keep_alive_after:
                await send.comment()
                await asyncio.sleep(0.02)
            if sent == reply.malformed_after:
                await send.event('{"choices": [{"delta": {"cont')
                return await send.end()
            if sent == reply.error_after:
                await send.event(json.dumps({"error": {"message": "the worker died", "type": "server_error"}}))
                return await send.end()
            if sent == reply.end_after:
                return await send.end()
            if token is not None:
                await asyncio.sleep(reply.delay if sent else 0)
                await send.event(chunk({field_name: token}))
        if reply.finish is not None:
            await send.event(chunk({}, reply.finish))
        if reply.held_open:
            await asyncio.Event().wait()
        if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
            await send.event(json.dumps(base | {"choices": [], "usage": usage}))
        if reply.done:
            await send.event("[DONE]")
        return await send.end()

    # --- the other services ----------------------------------------------------------------------------------

    def _too_large(self, texts: Any) -> Reply | None:
        texts = [texts] if isinstance(texts, str) else texts
        if self.largest_batch is not None and len(texts) > self.largest_batch:
            return refusal(400, "", f"batch size {len(texts)} > maximum allowed batch size {self.largest_batch}")
        longest = max(map(len, texts))
        if self.longest_input is not None and longest > self.longest_input:
            message = (
                f"This model's maximum context length is {self.longest_input} tokens, however you requested {longest}"
            )
            return refusal(400, "", message)
        return None

    def _embeddings(self, request: Received) -> dict[str, Any]:
        texts = request.body["input"]
        texts = [texts] if isinstance(texts, str) else texts
        size = request.body.get("dimensions") or self.dimensions
        rows = [embedding(text, size) for text in texts]
        as_bytes = request.body.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": n,
                "embedding": base64.b64encode(struct.pack(f"<{size}f", *row)).decode() if as_bytes else row,
            }
            for n, row in enumerate(rows)
        ]
        data.reverse()  # the index counts, not the place
        return {"object": "list", "data": data, "usage": {"prompt_tokens": sum(map(len, texts)), "total_tokens": 0}}

    def _rerank(self, request: Received) -> dict[str, Any]:
        query = set(features(request.body["query"]))
        scores = [len(query & set(features(text))) / (len(query) or 1) for text in request.body["documents"]]
        results = [{"index": n, "relevance_score": score} for n, score in enumerate(scores)]
        results.sort(key=lambda result: -result["relevance_score"])
        return {"results": results}


@pytest.fixture
def endpoint() -> Iterator[ModelServer]:
    """A server with an empty script; `endpoint.url` is its base_url."""
    with ModelServer() as server:
        yield server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--delay", type=float, default=0.03, help="seconds between two tokens")
    parser.add_argument("--before-first", type=float, default=0.0, help="seconds before the first token")
    parser.add_argument("--dimensions", type=int, default=64, help="of the embeddings")
    options = parser.parse_args()
    server = ModelServer(
        port=options.port, delay=options.delay, before_first=options.before_first, dimensions=options.dimensions
    )
    with server, contextlib.suppress(KeyboardInterrupt):
        print(f"OPENAI_BASE_URL={server.url} OPENAI_API_KEY=any", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
