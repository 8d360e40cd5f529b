"""A question and its answer through a shared Redis: real index, real endpoint, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from endpoint import PATIENCE_S, ModelServer
from redis_server import RedisServer
from replies import answer

from ragcli.app.assistants import CollectionAssistant
from ragcli.app.workspace import open_workspace
from ragcli.types import Answer, Done, Event, Notice

HARDWARE = "How many days do customers have to return hardware ordered in 2026?"
OTHERS = ("How many days do customers have to return hardware?", "How long can hardware be returned?")
GROUNDED = "Hardware can be returned within 30 days [1]."


@asynccontextmanager
async def opened_node(
    own_sample_home: Path, endpoint: ModelServer, own_redis: RedisServer, **more: object
) -> AsyncIterator[CollectionAssistant]:
    """One that keeps nothing but in Redis, unless told."""
    chosen = {
        "chat.base_url": endpoint.url,
        "chat.api_key": "sk-secret",
        "chat.requests_per_second": 1e6,
        "redis.url": own_redis.url,
        "redis.timeout": min(10.0, PATIENCE_S),
        "cache.memory_mb": 0,
        "cache.disk_mb": 0,
    }
    async with open_workspace(own_sample_home, settings=chosen | more, environ={}).assistant("default") as opened:
        yield opened


@pytest.fixture
async def node(
    own_sample_home: Path, endpoint: ModelServer, own_redis: RedisServer
) -> AsyncIterator[CollectionAssistant]:
    async with opened_node(own_sample_home, endpoint, own_redis) as opened:
        yield opened


async def heard(node: CollectionAssistant, question: str, **options: object) -> tuple[Answer, list[str]]:
    """The answer, and what was told of the cache's troubles."""
    events: list[Event] = []
    async with aclosing(node.answer(question, **options)) as stream:  # type: ignore[arg-type]
        async for event in stream:
            events.append(event)
    assert isinstance(events[-1], Done)
    return events[-1].answer, [event.message for event in events if isinstance(event, Notice) and event.kind == "cache"]


async def test_an_answer_that_is_made_anew_is_not_the_one_that_was_shared_just_now(
    node: CollectionAssistant, endpoint: ModelServer
) -> None:
    endpoint.enqueue(answer(GROUNDED), answer("It is 30 days [1]."))
    assert (await heard(node, HARDWARE))[0].cache == "miss"
    anew, _ = await heard(node, HARDWARE, caching="renew")
    assert (anew.cache, anew.answer) == ("miss", "It is 30 days [1].")
    again, _ = await heard(node, HARDWARE)
    assert (again.cache, again.answer) == ("redis", "It is 30 days [1].")


async def test_an_answer_that_is_not_borne_out_is_made_again(node: CollectionAssistant, endpoint: ModelServer) -> None:
    endpoint.enqueue(answer("It is 99 days, says nobody."), answer(GROUNDED))
    assert not (await heard(node, HARDWARE))[0].grounded
    assert (await heard(node, HARDWARE))[0].cache == "miss"
    assert len(endpoint.requests()) == 2


async def test_a_redis_that_is_full_is_told_once_in_a_chat(
    node: CollectionAssistant, endpoint: ModelServer, own_redis: RedisServer
) -> None:
    endpoint.enqueue(*[answer(GROUNDED)] * 6)
    assert (await heard(node, HARDWARE))[1] == []
    own_redis.command("CONFIG", "SET", "maxmemory", "1")
    told = []
    for question in (*OTHERS, HARDWARE, *OTHERS):
        given, notices = await heard(node, question)
        assert given.cache == ("redis" if question == HARDWARE else "miss")
        told += notices
    assert len(told) == 1
    assert "maxmemory" in told[0]
    own_redis.command("CONFIG", "SET", "maxmemory", "0")
    assert (await heard(node, OTHERS[0]))[0].cache == "miss"
    assert (await heard(node, OTHERS[0]))[0].cache == "redis"


async def test_what_redis_has_lost_and_a_node_has_on_disk_is_given_to_redis_again(
    own_sample_home: Path, node: CollectionAssistant, endpoint: ModelServer, own_redis: RedisServer
) -> None:
    endpoint.enqueue(answer(GROUNDED))
    async with opened_node(own_sample_home, endpoint, own_redis, **{"cache.disk_mb": 1}) as other:
        assert (await heard(other, HARDWARE))[0].cache == "miss"
        own_redis.command("FLUSHALL")
        assert (await heard(other, HARDWARE))[0].cache == "disk"
    assert (await heard(node, HARDWARE))[0].cache == "redis"
