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


async def test_processes_together_hold_the_rate(shared_redis: RedisServer, prefix: str) -> None:
    nodes = [node.start(node.take_turns, shared_redis.url, prefix, str(RATE), "10") for _ in range(3)]
    for each in nodes:
        assert each.stdout
        assert await asyncio.to_thread(each.stdout.readline) == "ready\n"
    for each in nodes:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    said = [json.loads((await asyncio.to_thread(each.communicate, timeout=240))[0]) for each in nodes]
    first_asked = min(asked for asked, _ in said)
    for number, start in enumerate(sorted(start for _, times in said for start in times)):
        assert start - first_asked >= 0.99 * number / RATE, number


async def test_who_has_one_request_does_not_wait_behind_all_of_who_has_many(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    many, one = (SharedRateLimiter(open_link(shared_redis), "turns", RATE) for _ in range(2))
    served: list[SharedRateLimiter] = []

    async def ask(limiter: SharedRateLimiter) -> None:
        await limiter.wait()
        served.append(limiter)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(ask(many))
        await ask(many)
        before = len(served)
        await ask(one)
        assert len(served) - before <= 4, "the one, and those of the many whose moment was taken before"


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
    asleep = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    link = open_link(shared_redis)
    limiter = SharedRateLimiter(link, "cancelled", 0.01, sleep=sleep)
    await limiter.wait()
    for _ in range(5):
        waiting = asyncio.create_task(limiter.wait())
        await asleep.wait()
        asleep.clear()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    [key] = await link.ask(lambda client: client.keys(link.key("rate", "*")))
    assert 100 < int(shared_redis.command("TTL", key.decode())[1:]) <= 201, "two moments of 100 seconds are taken"


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
    assert time.monotonic() - begun >= 4 / RATE
