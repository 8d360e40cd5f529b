"""How many answers a second one process gives again from each tier, and how long one takes; `make bench` runs a part.

    python tests/bench/tiers.py --cached 100000

Answers of the size that a model with three sources makes, found through the cache as a question finds them, warm. What
is measured is one process; a machine has one for each core.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from measure import Row, percentile, say, table

sys.path.insert(0, str(Path(__file__).parents[1]))

from redis_server import PROGRAM, RedisServer

from ragcli.answer.cached import Scope
from ragcli.answer.cached import cached as cached_answer
from ragcli.answer.rewrite import by_rule
from ragcli.answer.semantic import Semantic, digest
from ragcli.answer.tiers import AnswerCache
from ragcli.app.caching import answer_cache
from ragcli.config import Redis, Settings
from ragcli.ports import AnswerTier, CachedAnswer, CacheKey
from ragcli.providers.static import StaticEmbedder
from ragcli.store.answers import SQLiteAnswers
from ragcli.store.answers_memory import MemoryAnswers
from ragcli.store.redis_answers import RedisAnswers
from ragcli.store.redis_link import RedisLink
from ragcli.types import Answer, Done, Event, Reply, Retrieval, Source, SourcesFound, Token

CACHED = 5_000
ONE_BY_ONE, AT_ONCE, TASKS = 1_000, 4_000, 32
MISSES, MISS_MS, PIECE = 300, 5.0, 60
PAUSE_S = 0.01
"""Between two questions whose answers have to be made: nobody asks the next one before an answer is shown."""
LIMITS_US = {"memory": 1000.0, "disk": 5000.0, "redis": 5000.0, "semantic": 15_000.0}
DAY_S, GIGABYTE = 86_400.0, 1 << 30

Find = Callable[[int], Awaitable[bool]]
"""Whether the n-th answer was found."""


def measure_tiers(cached: int = CACHED) -> list[Row]:
    return asyncio.run(_measured(cached))


async def _measured(cached: int) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        async with _tiers(Path(folder), cached) as tiers:
            for name, find in tiers.items():
                rows += await _timed(name, find, cached)
    with tempfile.TemporaryDirectory() as folder:
        rows += await _missed(Path(folder))
    return rows


async def _missed(folder: Path) -> list[Row]:
    """What looking in all tiers, and keeping the answer in them, adds to a question whose answer has to be made."""
    rows = await _added("a miss", folder, None)
    if PROGRAM is not None:
        with RedisServer(folder) as server:
            link = RedisLink(Redis(url=server.url, timeout=5))
            rows += await _added("a miss, with Redis", folder, link)
            link.close()
    return rows


async def _added(name: str, folder: Path, link: RedisLink | None) -> list[Row]:
    embedder = StaticEmbedder()
    cache = answer_cache(folder, Settings(), link)
    scope = Scope(collection="c", generation=1, settled=name.encode())
    took: dict[bool, list[float]] = {True: [], False: []}
    first, cpu = [], []
    for n in range(MISSES):
        question = _question(n)
        answer = _answer(question).answer

        async def make(
            standalone: str, resume: Answer | None, stop: asyncio.Event, answer: Answer = answer
        ) -> AsyncGenerator[Event, Reply | None]:
            found = Retrieval(query=standalone, mode="hybrid", sources=answer.sources, confidence=1.0, relevant=True)
            yield SourcesFound(found)
            for start in range(0, len(answer.answer), PIECE):  # of an answer that takes its time, few wait to be told
                yield Token(answer.answer[start : start + PIECE])
            yield Done(answer)

        through = cached_answer(
            question,
            cache=cache,
            scope=scope,
            make=make,
            provider=("openai", "m"),
            rewriter=by_rule,
            embed=embedder.embed_query,
        )
        for with_cache, events in ((False, make(question, None, asyncio.Event())), (True, through)):
            begun, used = time.perf_counter(), time.process_time()
            seen = 0.0
            async for event in events:
                assert not isinstance(event, Done) or event.answer.cache == "miss"
                if isinstance(event, SourcesFound):
                    seen = 1000 * (time.perf_counter() - begun)
            took[with_cache].append(1000 * (time.perf_counter() - begun))
            if with_cache:
                await asyncio.sleep(PAUSE_S)
                first.append(seen)
                cpu.append(1000 * (time.process_time() - used))
    await cache.aclose()
    return [
        Row(
            f"{name}: what it adds, p50", percentile(took[True], 50) - percentile(took[False], 50), "ms", limit=MISS_MS
        ),
        Row(f"{name}: of it before the model is asked", percentile(first, 50), "ms"),
        Row(f"{name}: CPU, with what is kept behind", percentile(cpu, 50) - percentile(took[False], 50), "ms"),
    ]


async def _timed(name: str, find: Find, cached: int) -> list[Row]:
    chance = random.Random(1)
    for _ in range(100):
        assert await find(chance.randrange(cached)), name
    took = []
    for _ in range(ONE_BY_ONE):
        begun = time.perf_counter()
        await find(chance.randrange(cached))
        took.append(1e6 * (time.perf_counter() - begun))

    async def many() -> None:
        for _ in range(AT_ONCE // TASKS):
            await find(chance.randrange(cached))

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(many() for _ in range(TASKS)))
    elapsed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return [
        Row(f"{name}: p50", percentile(took, 50), "us", limit=LIMITS_US[name]),
        Row(f"{name}: p99", percentile(took, 99), "us"),
        Row(f"{name}: hits a second", AT_ONCE / elapsed, "/s"),
        Row(f"{name}: CPU a hit", 1e6 * cpu / AT_ONCE, "us"),
    ]


@asynccontextmanager
async def _tiers(folder: Path, cached: int) -> AsyncIterator[dict[str, Find]]:
    say(f"tiers: {cached} answers in each")
    memory = MemoryAnswers(GIGABYTE, max_entries=cached, ttl_s=DAY_S)
    disk = SQLiteAnswers(folder / "answers.db", max_bytes=GIGABYTE, max_entries=2 * cached, ttl_s=DAY_S)
    embedder = StaticEmbedder()
    semantic = Semantic(disk)
    for n in range(cached):
        key, answer = _key(_question(n)), _answer(_question(n))
        await memory.put(key, answer)
        await semantic.keep(key, answer, embedder.embed_query)
    found = {"memory": _exact(memory), "disk": _exact(disk)}
    assert digest(_question(0)) == digest(_other_words(0)), "the semantic tier finds the other words"
    cache = AnswerCache([], semantic=semantic)

    async def other_words(n: int) -> bool:
        return await cache.find(_key(_other_words(n)), embedder.embed_query, lambda _: None) is not None

    found["semantic"] = other_words
    if PROGRAM is None:
        say("tiers: no redis-server here")
        yield found
    else:
        with RedisServer(folder) as server:
            link = RedisLink(Redis(url=server.url, timeout=5))
            redis = RedisAnswers(link, ttl_s=DAY_S)
            for n in range(cached):
                await redis.put(_key(_question(n)), _answer(_question(n)))
            found["redis"] = _exact(redis)
            yield found
            link.close()
    await disk.aclose()


def _exact(tier: AnswerTier) -> Find:
    cache = AnswerCache([tier])

    async def find(n: int) -> bool:
        return await cache.find(_key(_question(n)), None, lambda _: None) is not None

    return find


def _question(n: int) -> str:
    return f"How long is the warranty of the gateway GW-{n} in {2000 + n % 30}?"


def _other_words(n: int) -> str:
    return f"Please tell me how long the warranty of the gateway GW-{n} is in {2000 + n % 30}"


def _key(question: str) -> CacheKey:
    return CacheKey(collection="c", generation=1, scope="ab" * 32, question=question)


def _answer(question: str) -> CachedAnswer:
    chance = random.Random(question)
    words = " ".join(chance.choices(WORDS, k=130))
    sources = tuple(
        Source(
            n=n, path=f"/docs/handbook/{n}.md", title="Handbook", format="markdown", score=0.5, lines=(1, 40),
            text=" ".join(chance.choices(WORDS, k=250)), heading=("Warranty", "Gateways"),
        )
        for n in (1, 2, 3)
    )  # fmt: skip
    answer = Answer(question=question, answer=words, grounded=True, sources=sources, provider="openai", model="m")
    return CachedAnswer(answer=answer, asked=question, created_at=time.time())


WORDS = Path(__file__).read_text(encoding="utf-8").split()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cached", type=int, default=CACHED, metavar="N", help=f"answers in each tier [{CACHED}]")
    say(f"\ntiers\n{table(measure_tiers(parser.parse_args().cached))}")
