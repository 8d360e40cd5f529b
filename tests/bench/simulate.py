"""How many nodes and Redis shards carry so many questions a second, and what breaks first; `make simulate`.

    python tests/bench/simulate.py --rate 1000000 --zipf 0.9 --ingest-every 600

First a small fleet runs with the real cache (memory of each node, a real Redis, a clock of its own) and is held against
the arithmetic of capacity.py; then that is asked about the large one. Costs are of one process on the machine that
`make bench tiers` measured; give those of yours.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from bisect import bisect
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import accumulate
from pathlib import Path

from capacity import Fleet, Load, load, nodes_needed, popularity, shards_needed
from measure import say

sys.path.insert(0, str(Path(__file__).parents[1]))

from redis_server import PROGRAM, RedisServer

from ragcli.answer.tiers import AnswerCache
from ragcli.config import Redis
from ragcli.ports import CacheKey
from ragcli.store.answers_memory import MemoryAnswers
from ragcli.store.redis_answers import RedisAnswers
from ragcli.store.redis_link import RedisLink
from ragcli.types import Answer

TOLERANCE = 0.02
"""By how much the share of a tier may differ between the real cache and the arithmetic."""
SMALL = Fleet(
    rate=50.0, distinct=600, zipf=1.0, nodes=4, ttl=3600.0, ingest_every=30.0, memory_mb=0.06, memory_bytes=1000
)
REQUESTS = 9000
LARGEST_FLEET = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """0; 1 where the small run does not bear out the arithmetic."""
    fleet, check = _options(arguments)
    if check and PROGRAM is None:
        say("no redis-server here: the arithmetic is not checked")
    elif check:
        measured, expected = asyncio.run(replayed(SMALL, REQUESTS)), shares(load(SMALL))
        say(f"{REQUESTS} questions through the real cache of {SMALL.nodes} nodes, and as computed:")
        for tier, share in measured.items():
            say(f"  {tier:<7} {share:6.1%}  {expected[tier]:6.1%}")
        if any(abs(share - expected[tier]) > TOLERANCE for tier, share in measured.items()):
            say(f"  they differ by more than {TOLERANCE:.0%}")
            return 1
    say(f"\nnodes of {fleet.cores} cores, epochs of {fleet.epoch:g} s, {fleet.distinct} questions, Zipf {fleet.zipf:g}")
    say("\n                                   answered from                      first second after an ingest")
    say(" questions/s   nodes  shards   memory   redis    model   calls/s      calls/s  commands/s of a shard")
    for rate in (fleet.rate / 100, fleet.rate / 10, fleet.rate, fleet.rate * 10):
        sized = size(replace(fleet, rate=rate))
        work = load(sized)
        share = f"{work.memory:>8.2%} {work.redis:>7.2%} {work.model:>8.3%}"
        burst = f"{work.first_second_calls:>12,.0f} {work.first_second_ops / sized.shards:>22,.0f}"
        say(f"{rate:>12,.0f} {sized.nodes:>7,} {sized.shards:>7,} {share} {work.model_calls:>9,.0f} {burst}")
    sized = size(fleet)
    say(f"\nof {sized.nodes} nodes and {sized.shards} shards, what carries how many questions a second:")
    for name, rate in limits(sized):
        say(f"  {name:<44} {rate:>14,.0f}" + ("  <- too little" if rate < fleet.rate else ""))
    return 0


def shares(work: Load) -> dict[str, float]:
    return {"memory": work.memory, "redis": work.redis, "model": work.model}


def size(fleet: Fleet) -> Fleet:
    """The fleet with as few nodes and shards as carry its rate, day by day; the burst after an ingest apart."""
    nodes = shards = 1
    for _ in range(40):  # more nodes see less of the stream each, and find less in memory
        work = load(replace(fleet, nodes=nodes, shards=shards))
        wanted = max(1, min(LARGEST_FLEET, -int(-nodes_needed(fleet, work) // 1)))
        needed = max(1, -int(-max(shards_needed(fleet, work).values()) // 1))
        if (wanted, needed) == (nodes, shards):
            break
        nodes, shards = wanted, needed
    return replace(fleet, nodes=nodes, shards=shards)


def limits(fleet: Fleet) -> list[tuple[str, float]]:
    """The rate at which each part of the fleet is at its limit, the lowest first."""
    commands = fleet.shard_ops * fleet.used
    within: dict[str, Callable[[Load], bool]] = {
        "CPU of the nodes": lambda work: nodes_needed(fleet, work) <= fleet.nodes,
        "commands of the shards": lambda work: work.redis_ops <= commands * fleet.shards,
        "commands of the shards, after an ingest": lambda work: work.first_second_ops <= commands * fleet.shards,
        "commands for the hottest question": lambda work: work.hottest_ops <= fleet.shard_ops,
        "calls of the model": lambda work: work.model_calls <= fleet.model_calls,
        "calls of the model, after an ingest": lambda work: work.first_second_calls <= fleet.model_calls,
    }
    return sorted(((name, _highest(fleet, bears)) for name, bears in within.items()), key=lambda limit: limit[1])


def _highest(fleet: Fleet, bears: Callable[[Load], bool]) -> float:
    low, high = 1.0, 1e10
    while high / low > 1.02:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if bears(load(replace(fleet, rate=middle))) else (low, middle)
    return low


# --- the real cache, on a small scale -------------------------------------------------------------------------


async def replayed(fleet: Fleet, requests: int, *, seed: int = 1) -> dict[str, float]:
    """The share of each tier in a stream of questions that real memories and a real Redis answer."""
    chance = random.Random(seed)
    counts, probability = popularity(fleet.distinct, fleet.zipf)
    assert counts.max() == 1, "a small fleet has few questions"
    steps = list(accumulate(probability))
    now = 0.0
    found = {"memory": 0, "redis": 0, "model": 0}
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        link = RedisLink(Redis(url=server.url, timeout=10))
        room = int(fleet.memory_mb * 1e6 / fleet.memory_bytes)
        nodes = [
            AnswerCache(
                [
                    MemoryAnswers(1 << 30, max_entries=room, ttl_s=fleet.ttl, clock=lambda: now),
                    RedisAnswers(link, ttl_s=fleet.ttl, clock=lambda: now),
                ],
                clock=lambda: now,
            )
            for _ in range(fleet.nodes)
        ]
        for _ in range(requests):
            now += chance.expovariate(fleet.rate)
            question = f"question {min(bisect(steps, chance.random()), fleet.distinct - 1)}"
            generation = int(now // fleet.ingest_every)
            key = CacheKey(collection="c", generation=generation, scope=f"{generation:064x}", question=question)
            cache = chance.choice(nodes)
            hit = await cache.find(key, None, lambda _: None)
            if hit is None:
                answer = Answer(question=question, answer="yes", grounded=True)
                await cache.keep(key, answer, None, lambda _: None)
            found["model" if hit is None else hit.tier] += 1
        link.close()
    return {tier: count / requests for tier, count in found.items()}


MEANINGS = {
    "rate": "questions a second of the whole fleet",
    "distinct": "different questions that are ever asked",
    "zipf": "exponent: the n-th question is asked n to the power of -s times as often as the first",
    "ttl": "seconds that an answer is good for",
    "ingest_every": "seconds between ingests that change the collection and make all answers void; 0: never",
    "cores": "of a node, one process on each",
    "answer_bytes": "of an answer in Redis",
    "memory_mb": "that a node has for answers",
    "memory_bytes": "of an answer in memory",
    "shard_gb": "memory of a shard",
    "memory_us": "CPU of a hit in memory",
    "redis_us": "CPU of a hit in Redis, at the node",
    "miss_us": "CPU of a node for an answer that is made",
    "answer_s": "seconds that a model takes for an answer",
    "reads_per_s": "looks at a stream that a follower takes",
    "miss_ops": "commands that an answer costs that is made",
    "shard_ops": "commands a second of one shard",
    "shard_mb_s": "megabytes a second that one shard sends",
    "model_calls": "calls a second that the endpoint takes",
    "used": "share of a machine that may be used",
}


def _options(arguments: list[str] | None) -> tuple[Fleet, bool]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Fleet):
        if field.name in MEANINGS:
            option, meaning = "--" + field.name.replace("_", "-"), MEANINGS[field.name]
            kind = type(field.default)
            parser.add_argument(
                option, type=kind, default=field.default, metavar="N", help=f"{meaning} [{field.default:g}]"
            )
    parser.add_argument("--no-check", action="store_true", help="do not run the small fleet")
    options = vars(parser.parse_args(arguments))
    check = not options.pop("no_check")
    return Fleet(**options), check


if __name__ == "__main__":
    sys.exit(main())
