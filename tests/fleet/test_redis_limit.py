"""Several machines together hold one rate, take turns, and hold it alone where Redis is away."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from fleet import node
from redis_server import OpenLink, RedisServer

from ragcli.store.redis_limit import SharedRateLimiter

RATE = 40


async def test_processes_together_hold_the_rate_and_take_turns(shared_redis: RedisServer, prefix: str) -> None:
    nodes = [node.start(node.take_turns, shared_redis.url, prefix, str(RATE), "10") for _ in range(3)]
    for each in nodes:
        assert each.stdout
        assert await asyncio.to_thread(each.stdout.readline) == "ready\n"
    for each in nodes:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    said = [json.loads((await asyncio.to_thread(each.communicate, timeout=60))[0]) for each in nodes]
    starts = sorted((start, n) for n, (_, times) in enumerate(said) for start in times)
    first_asked = min(asked for asked, _ in said)
    assert starts[-1][0] - first_asked >= 29 / RATE
    for sooner, later in zip(starts, starts[20:], strict=False):
        assert later[0] - sooner[0] > 10 / RATE  # 20 / RATE, if the machine were never late
    served = [[n for _, n in starts[:15]].count(each) for each in range(3)]
    assert min(served) >= 3, "each process has had its share of the first half"


async def test_a_pause_saves_nothing_up(shared_redis: RedisServer, open_link: OpenLink) -> None:
    limiter = SharedRateLimiter(open_link(shared_redis), "pausing", RATE)
    await limiter.wait()
    await asyncio.sleep(3 / RATE)
    begun = time.monotonic()
    for _ in range(3):
        await limiter.wait()
    assert time.monotonic() - begun >= 1.9 / RATE


async def test_who_is_cancelled_while_waiting_leaves_the_turn_to_the_next(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    limiter = SharedRateLimiter(open_link(shared_redis), "cancelled", 2)
    await limiter.wait()
    begun = time.monotonic()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(limiter.wait(), 0.02)
    await limiter.wait()
    assert time.monotonic() - begun < 1.0  # six moments would be three seconds


async def test_other_names_have_limits_of_their_own_and_every_key_ends(
    shared_redis: RedisServer, open_link: OpenLink, prefix: str
) -> None:
    link = open_link(shared_redis)
    begun = time.monotonic()
    for name in ("a", "b", "c"):
        await SharedRateLimiter(link, name, 0.01).wait()
    assert time.monotonic() - begun < 50
    keys = await link.ask(lambda client: client.keys(f"ragcli:{prefix}:rate:*"))
    assert len(keys) == 3
    assert all(0 < int(shared_redis.command("TTL", key.decode())[1:]) <= 102 for key in keys)


async def test_while_redis_is_away_the_process_holds_the_rate_by_itself(
    own_redis: RedisServer, open_link: OpenLink
) -> None:
    limiter = SharedRateLimiter(open_link(own_redis), "model", RATE)
    await limiter.wait()
    own_redis.kill()
    begun = time.monotonic()
    for _ in range(5):
        await limiter.wait()
    assert 4 / RATE <= time.monotonic() - begun < 5
