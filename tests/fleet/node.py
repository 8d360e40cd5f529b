"""A node of a fleet as a process of its own: `start(work, ...)` runs one of the functions below in it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ragcli.config import Redis
from ragcli.ports import SessionStore
from ragcli.ports.cache import Piece
from ragcli.store import redis_flights
from ragcli.store.redis_flights import RedisFlights
from ragcli.store.redis_limit import SharedRateLimiter
from ragcli.store.redis_link import RedisLink
from ragcli.store.redis_sessions import RedisSessions
from ragcli.store.sessions import SQLiteSessions
from ragcli.streams.limit import rate_limit
from ragcli.types import Answer, Done, Token

PATIENT_MS = 60_000
"""A lease where nobody dies: a busy machine may silence a leader for longer than the two seconds that it has else."""


class Node(subprocess.Popen[str]):
    """A process that does not outlive its `with` block."""

    def __exit__(self, *error: Any) -> None:
        self.kill()
        super().__exit__(*error)


def start(work: Callable[..., Awaitable[None]], url: str, prefix: str, *arguments: str) -> Node:
    """Runs it with its link and these arguments; lines of its stdout are what it says."""
    command = [sys.executable, __file__, work.__name__, url, prefix, *arguments]
    return Node(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask_at_once(home: Path, question: str, env: Mapping[str, str], count: int, *, lease_ms: int) -> Node:
    """So many tasks of one process ask the same; who leads may be silent for so long.

    It says when the first token has come, and at the end the texts that came and how each came by its answer.
    """
    from conftest import clean_environment

    command = [sys.executable, __file__, asking.__name__, question, str(count), str(lease_ms)]
    return Node(command, stdout=subprocess.PIPE, text=True, env=clean_environment(home, **env))


async def asking(question: str, count: int, lease_ms: int) -> None:
    from ragcli.app.workspace import open_workspace

    redis_flights.LEASE_MS = lease_ms
    began = False
    texts, tiers = set(), []

    async def one() -> None:
        nonlocal began
        said = ""
        async with aclosing(assistant.answer(question)) as events:
            async for event in events:
                if isinstance(event, Token):
                    said += event.text
                    if not began:
                        began = True
                        say("began")
                elif isinstance(event, Done):
                    assert event.answer.answer == said, "what was streamed is the answer"
                    texts.add(said)
                    tiers.append(event.answer.cache)

    async with open_workspace().assistant("default") as assistant:
        await asyncio.gather(*(one() for _ in range(count)))
    say(json.dumps([sorted(texts), tiers]))


async def lead_and_hang(link: RedisLink, digest: str, *words: str) -> None:
    """Leads, publishes the words, says so when others can read them, and then is alive without end."""
    flight = await RedisFlights(link).join(digest)
    assert flight.leading
    seen = (await RedisFlights(link).join(digest)).pieces()
    for word in words:
        await flight.publish(Piece(text=word))
        await anext(seen)
    say("published")
    await asyncio.Event().wait()


async def ask_many(link: RedisLink, digest: str, count: str) -> None:
    """So many tasks want the same answer; says how often a model was asked, and the texts that came."""
    redis_flights.LEASE_MS = PATIENT_MS
    flights = RedisFlights(link)
    calls = 0

    async def one() -> str:
        nonlocal calls
        text = ""
        seen = 0
        while True:
            flight = await flights.join(digest)
            try:
                async for piece in flight.pieces(seen):
                    seen += 1
                    text += piece.text
                    if piece.answer:
                        return text
                if flight.leading:
                    calls += 1
                    for word in (f"{n}。" for n in range(20)):
                        await flight.publish(Piece(text=word))
                        await asyncio.sleep(0.01)
                        text += word
                    await flight.publish(Piece(answer=Answer(question="q", answer=text)))
                    return text
            finally:
                await flight.leave()

    texts = await asyncio.gather(*(one() for _ in range(int(count))))
    say(json.dumps([calls, sorted(set(texts))]))


async def take_turns(link: RedisLink, rate: str, count: str) -> None:
    """Waits for a line of stdin; then lets so many streams start, and says when it asked and when they started."""
    starts: list[float] = []

    @rate_limit(limiter=SharedRateLimiter(link, "model", float(rate)))
    async def stream() -> AsyncGenerator[None, None]:
        starts.append(time.monotonic())
        yield

    async def consume() -> None:
        async for _ in stream():
            pass

    await link.ask(lambda client: client.ping())
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    asked = time.monotonic()
    await asyncio.gather(*(consume() for _ in range(int(count))))
    say(json.dumps([asked, starts]))


async def write_turns(link: RedisLink, place: str, label: str, count: str) -> None:
    """Writes growing answers into the session "shared", and says when each is stored. `place`: redis, or a file."""
    redis = RedisSessions(link, ttl_s=1000.0)
    store: SessionStore = redis if place == "redis" else SQLiteSessions(Path(place))
    for question in (f"{label}{n}" for n in range(int(count))):
        number = store.append("shared", Answer(question=question, answer="ans", finish="interrupted"), growing=True)
        number = store.update(number, Answer(question=question, answer=f"answer to {question}"))
        say(question)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == asking.__name__:
        asyncio.run(asking(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        _, name, url, prefix, *rest = sys.argv
        asyncio.run(globals()[name](RedisLink(Redis(url=url, prefix=prefix, timeout=60)), *rest))
