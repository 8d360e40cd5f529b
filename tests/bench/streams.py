"""Answers as they stream: what ragcli adds to an endpoint's own times, alone and with hundreds of answers at once.

The yardstick is a bare client in the same run: it reads lines from a socket, parses them, and does nothing else. The
endpoints are processes of their own (`talker.py`); under load they and the client share no core. `streams.py CLIENT
STREAMS PORT...` is such a client.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from measure import Failed, Row, environment, percentile, ragcli, say
from talker import talking

CHUNKS = 10_000
QUESTIONS = 60
RATE, TOKENS = 20, 100
"""Tokens a second of one answer, and of it in all."""
STREAMS = (250, 500, 750, 1_000)
SPREAD_S = TOKENS / RATE
"""Answers begin spread over the time that one takes, as they do where many people ask."""
WARM_S, LOAD_S = 2 * SPREAD_S, 10.0
"""It counts from when each has had an answer."""
CORES = 2
OVERHEAD_MS, WRITE_MS, ADDED_MS = 60, 5, 50


def measure_streams() -> list[Row]:
    """The overhead over the first token, from token to write, and the delay under load; where that ends."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        questions = _collection(home)
        rows = [_first_token(home, questions), _token_to_write(home)]
    for streams in STREAMS:
        bare, ours = _loaded("bare", streams), _loaded("ours", streams)
        limit = ADDED_MS if streams == STREAMS[0] else None
        added = max(0.0, ours["p99"] - bare["p99"])
        rows.append(Row(f"{streams} answers on {CORES} cores, p99 added", added, "ms", limit=limit))
        rows.append(Row(f"  p99 of ours (cpu {ours['cpu']:.0f} us a token)", ours["p99"], "ms"))
        rows.append(Row(f"  p99 of the bare client (cpu {bare['cpu']:.0f} us)", bare["p99"], "ms"))
    return rows


def _collection(home: Path) -> list[str]:
    from passages import CHUNKS as EACH
    from passages import made
    from search import build

    say(f"streams: indexing {CHUNKS:,} chunks")
    _, questions = asyncio.run(build(home, "default", made(CHUNKS // EACH), embedded=400))
    return questions[:QUESTIONS]


def _first_token(home: Path, questions: Sequence[str]) -> Row:
    with talking(0, 5) as (port,):
        ours, bare = asyncio.run(_first_tokens(home, questions, port))
    added = 1000 * (median(ours) - median(bare))
    return Row(f"first token, warm chat over {CHUNKS:,} chunks, p50 added", added, "ms", limit=OVERHEAD_MS)


async def _first_tokens(home: Path, questions: Sequence[str], port: int) -> tuple[list[float], list[float]]:
    from ragcli import Token, open_workspace

    environ = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}", "RAGCLI_CHAT_REQUESTS_PER_SECOND": "1000"}
    # What is measured is the answer, not the refusal: the made-up questions are about nothing.
    chosen = {"cache.enabled": False, "retrieve.min_confidence": 0.0}
    workspace = open_workspace(home, environ=environ, settings=chosen)
    ours: list[float] = []
    bare: list[float] = []
    async with workspace.assistant("default", long_lived=True) as assistant:
        for question in [questions[0], *questions]:
            began = time.perf_counter()
            async for event in assistant.answer(question):
                if isinstance(event, Token):
                    ours.append(time.perf_counter() - began)
                    break
            began = time.perf_counter()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_request(question))
            while not (await reader.readline()).startswith(b"data:"):
                pass
            bare.append(time.perf_counter() - began)
            writer.close()
    return ours[1:], bare[1:]


def _token_to_write(home: Path) -> Row:
    """Through `ragcli ask` into a pipe; the bare client's own delay is taken off."""
    with talking(100, 200) as (port,):
        env = environment(home, {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}", "RAGCLI_RETRIEVE_MIN_CONFIDENCE": "0"})
        with subprocess.Popen(ragcli("ask", "什么？ what?", "-q"), stdout=subprocess.PIPE, env=env) as process:
            assert process.stdout is not None
            delays: list[float] = []
            while data := os.read(process.stdout.fileno(), 65536):
                now = time.monotonic()
                delays += [now - float(stamp) for stamp in re.findall(rb"\d+\.\d{6}", data)]
        if len(delays) < 100:
            raise Failed(f"ragcli ask wrote {len(delays)} tokens of 200")
        bare = asyncio.run(_load("bare", 1, [port], seconds=2.0))
    added = 1000 * median(delays) - bare["p50"]
    return Row("from a token's arrival to its write, p50", added, "ms", limit=WRITE_MS)


def _loaded(client: str, streams: int) -> dict[str, float]:
    """The figures of a client in a process of its own, on cores of its own where there are enough."""
    with talking(RATE, TOKENS, processes=2) as ports:
        command = [sys.executable, __file__, client, str(streams), *map(str, ports)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Failed(f"the client {client} failed: {done.stderr[-500:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


# --- the clients


async def _load(
    client: str, streams: int, ports: Sequence[int], *, seconds: float = WARM_S + LOAD_S
) -> dict[str, float]:
    warm = min(WARM_S, seconds / 2)
    began = time.monotonic()
    delays: list[float] = []

    def arrived(text: str) -> None:
        now = time.monotonic()
        if now - began > warm:
            delays.extend(now - float(sent) for sent in text.split())

    listen = {"bare": _bare, "ours": _ours}[client]
    listeners = [
        asyncio.ensure_future(listen(port, random.random() * min(SPREAD_S, warm), arrived))
        for _, port in zip(range(streams), cycle(ports), strict=False)
    ]
    await asyncio.sleep(warm)
    cpu = time.process_time()
    await asyncio.sleep(seconds - (time.monotonic() - began))
    cpu, counted = time.process_time() - cpu, max(1, len(delays))
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    failures = [done.exception() for done in listeners if not done.cancelled() and done.exception()]
    if failures or len(delays) < 10:
        raise Failed(f"{len(delays)} tokens came; {failures[:1]}")
    ms = [1000 * delay for delay in delays]
    return {"p50": percentile(ms, 50), "p99": percentile(ms, 99), "tokens": len(ms), "cpu": 1e6 * cpu / counted}


async def _bare(port: int, wait: float, arrived: Any) -> None:
    await asyncio.sleep(wait)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        while True:
            writer.write(_request("x"))
            while (line := await reader.readline()) != b"data: [DONE]\n":
                if line.startswith(b"data: "):
                    choices = json.loads(line[6:])["choices"]
                    if choices and (text := choices[0]["delta"].get("content")):
                        arrived(text)
            await reader.readuntil(b"0\r\n\r\n")


_shared: dict[int, Any] = {}


async def _ours(port: int, wait: float, arrived: Any) -> None:
    """The whole pipeline of an answer, its sources given."""
    from ragcli.answer.pipeline import answer
    from ragcli.config import Chat
    from ragcli.providers.openai_chat import OpenAIChat
    from ragcli.streams.limit import RateLimiter
    from ragcli.streams.reliable import ReliableChat
    from ragcli.streams.shelter import sheltered
    from ragcli.types import Token

    settings = Chat(base_url=f"http://127.0.0.1:{port}", model="m")
    if port not in _shared:
        _shared[port] = ReliableChat(OpenAIChat(settings), settings, limiter=RateLimiter(1e6))
    await asyncio.sleep(wait)
    while True:
        async for event in sheltered(answer)(
            "How long is the warranty?", retriever=_Sources(), model=_shared[port], settings=settings
        ):
            if isinstance(event, Token):
                arrived(event.text)


class _Sources:
    """Other passages for each answer: what is known of one helps little with the next."""

    async def search(self, query: str, *, mode: str = "hybrid", k: int = 5, rerank: bool = True) -> Any:
        from ragcli.types import Retrieval, Source

        sources = tuple(
            Source(n=n, path=f"{n}.md", title="a", format="md", text=text, score=1.0)
            for n, text in enumerate(random.sample(_texts(), k), start=1)
        )
        return Retrieval(query=query, mode="hybrid", sources=sources, confidence=1.0, relevant=True)


@cache
def _texts() -> list[str]:
    from passages import made

    return [text for document in made(100) for text in document.passages]


def _request(question: str) -> bytes:
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": question}]}).encode()
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    return head % len(body) + body


if __name__ == "__main__":
    _texts()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    sys.stdout.write(json.dumps(asyncio.run(_load(sys.argv[1], int(sys.argv[2]), list(map(int, sys.argv[3:]))))))
