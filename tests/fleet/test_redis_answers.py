"""Answers in Redis: what one node put, the others get, and nothing else."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence

import msgspec
import pytest
from msgspec.structs import replace
from redis_server import OpenLink, RedisServer

from ragcli.errors import CacheFailed
from ragcli.ports.cache import CachedAnswer, CacheKey, Piece
from ragcli.store.redis_answers import RedisAnswers
from ragcli.store.redis_flights import RedisFlights
from ragcli.types import Answer, Source

DAY_S = 86_400.0
KEY = CacheKey(collection="c1", generation=3, scope="ab" * 32, question="退货期限是多长？")
KEPT = CachedAnswer(
    answer=Answer(
        question="退货期限是多长？", answer="三十天内 [1]。", grounded=True, cache="miss",
        sources=(Source(n=1, path="/文件/退货.md", title="退货", format="markdown", text="三十天", score=0.5),),
    ),
    asked="退货期限是多长？",
    created_at=time.time(),
)  # fmt: skip


async def test_what_one_node_put_another_gets(shared_redis: RedisServer, open_link: OpenLink) -> None:
    here, there = (RedisAnswers(open_link(shared_redis), ttl_s=DAY_S) for _ in range(2))
    assert await there.get(KEY) is None
    await here.put(KEY, KEPT)
    assert await there.get(KEY) == KEPT
    assert await there.get(replace(KEY, question="退货期限是多长")) is None
    assert await there.get(replace(KEY, scope="cd" * 32)) is None


async def test_each_key_is_in_the_namespace_and_has_a_time_to_live(
    shared_redis: RedisServer, open_link: OpenLink, prefix: str
) -> None:
    tier = RedisAnswers(open_link(shared_redis), ttl_s=DAY_S)
    await tier.put(KEY, replace(KEPT, created_at=KEPT.created_at - DAY_S / 2))
    name = f"ragcli:{prefix}:answer:{KEY.digest}"
    assert 0 < int(shared_redis.command("TTL", name)[1:]) <= DAY_S / 2 + 1


async def test_an_answer_that_is_too_old_is_neither_kept_nor_given(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    link = open_link(shared_redis)
    await RedisAnswers(link, ttl_s=10 * DAY_S).put(KEY, replace(KEPT, created_at=KEPT.created_at - 2 * DAY_S))
    short = RedisAnswers(link, ttl_s=DAY_S)
    assert await short.get(KEY) is None
    await short.put(KEY, replace(KEPT, created_at=KEPT.created_at - 2 * DAY_S))
    assert await short.get(KEY) is None


@pytest.mark.parametrize(
    "stored",
    [
        zlib.compress(msgspec.msgpack.encode(replace(KEPT, schema=0))),
        zlib.compress(msgspec.msgpack.encode(replace(KEPT, schema=99))),
        zlib.compress(msgspec.msgpack.encode({"answer": "of another shape"})),
        zlib.compress(msgspec.msgpack.encode(KEPT))[:-5],
        zlib.compress(b"x" * 100_000_000),
        msgspec.msgpack.encode(KEPT),
        b"",
        b"\xff\xfe nonsense",
    ],
    ids=["older", "newer", "another shape", "cut off", "too large", "uncompressed", "empty", "nonsense"],
)
async def test_data_of_another_version_is_a_miss_and_overwritten(
    shared_redis: RedisServer, open_link: OpenLink, stored: bytes
) -> None:
    link = open_link(shared_redis)
    tier = RedisAnswers(link, ttl_s=DAY_S)
    await link.ask(lambda client: client.set(link.key("answer", KEY.digest), stored))
    assert await tier.get(KEY) is None
    await tier.put(KEY, KEPT)
    assert await tier.get(KEY) == KEPT


async def test_what_is_too_large_is_left_out_in_silence(shared_redis: RedisServer, open_link: OpenLink) -> None:
    tier = RedisAnswers(open_link(shared_redis), ttl_s=DAY_S)
    await tier.put(KEY, replace(KEPT, answer=replace(KEPT.answer, answer="x" * 1_000_000)))
    assert await tier.get(KEY) is None


async def test_answers_are_counted_and_forgotten_and_nothing_of_others_with_them(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    link = open_link(shared_redis)
    tier = RedisAnswers(link, ttl_s=DAY_S)
    assert (await tier.stats()).entries == 0
    for n in range(30):
        await tier.put(replace(KEY, generation=n, question=str(n)), KEPT)
    await link.ask(lambda client: client.set("another's:answer", "x", ex=60))
    flight = await RedisFlights(link).join(KEY.digest)
    await flight.publish(Piece(answer=KEPT.answer))
    stats = await tier.stats()
    assert (stats.tier, stats.entries) == ("redis", 30)
    assert 30 * 200 < stats.bytes < 30 * 1000
    assert await tier.clear() == 30
    assert (await RedisFlights(link).join(KEY.digest)).leading, "what was just shared is forgotten, too"
    assert (await tier.stats()).entries == await tier.clear() == 0
    assert shared_redis.command("EXISTS", "another's:answer") == ":1"


async def test_a_redis_that_dies_is_a_failure_of_the_cache_and_recovers(
    own_redis: RedisServer, open_link: OpenLink
) -> None:
    from ragcli.streams.breaker import Breaker

    tier = RedisAnswers(open_link(own_redis, breaker=Breaker(first_s=0)), ttl_s=DAY_S)
    await tier.put(KEY, KEPT)
    own_redis.kill()
    assert "away" in (await tier.stats()).trouble
    calls: Sequence[object] = (tier.get(KEY), tier.put(KEY, KEPT), tier.clear())
    for call in calls:
        with pytest.raises(CacheFailed):
            await call  # type: ignore[misc]
    own_redis.start()
    assert await tier.get(KEY) is None
    await tier.put(KEY, KEPT)
    assert await tier.get(KEY) == KEPT
