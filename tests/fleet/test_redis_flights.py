"""Equal questions of many processes share one answer, whoever dies."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest
from fleet import node
from redis_server import OpenLink, RedisServer

from ragcli.errors import CacheFailed
from ragcli.ports.cache import Piece
from ragcli.store import redis_flights
from ragcli.store.redis_flights import RedisFlight, RedisFlights
from ragcli.types import Answer, Retrieval

pytestmark = pytest.mark.usefixtures("patient")
DIGEST = "ab" * 32
WHOLE = Piece(answer=Answer(question="q", answer="一二三"))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader in this process keeps its lease also where the machine is busy; one of its own has two seconds."""
    monkeypatch.setattr(redis_flights, "LEASE_MS", 60_000)


async def publish_until_refused(flight: RedisFlight) -> None:
    with pytest.raises(CacheFailed):
        await publish_on_and_on(flight)


async def publish_on_and_on(flight: RedisFlight) -> None:
    for _ in range(6000):
        await flight.publish(Piece(text="twice"))
        await asyncio.sleep(0.01)


async def read(flight: RedisFlight, start: int = 0) -> list[Piece]:
    return [piece async for piece in flight.pieces(start)]


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


async def test_a_follower_gets_every_piece_while_it_comes(shared_redis: RedisServer, open_link: OpenLink) -> None:
    leader = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    follower = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    assert (leader.leading, follower.leading) == (True, False)
    found = Piece(retrieval=Retrieval(query="q", mode="hybrid"))
    pieces = follower.pieces()
    for piece in (found, Piece(reasoning="hm"), Piece(text="一"), Piece(text="二")):
        await leader.publish(piece)
        assert await anext(pieces) == piece
    await leader.publish(Piece(text="三"))
    await leader.publish(WHOLE)
    assert [piece async for piece in pieces] == [Piece(text="三"), WHOLE]
    await leader.leave()
    late = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    assert text(await read(late)) == "一二三"


async def test_text_that_comes_fast_is_sent_together(shared_redis: RedisServer, open_link: OpenLink) -> None:
    leader = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    for n in range(1000):
        await leader.publish(Piece(text=f"{n} "))
    await leader.publish(WHOLE)
    pieces = await read(await RedisFlights(open_link(shared_redis)).join(DIGEST))
    assert text(pieces) == "".join(f"{n} " for n in range(1000))
    assert len(pieces) < 100
    await leader.leave()


async def test_an_answer_that_is_not_kept_is_for_those_who_follow_already(
    shared_redis: RedisServer, open_link: OpenLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes later makes it for itself, until the log is gone and there is a new one to follow."""
    monkeypatch.setattr(redis_flights, "PASSING_MS", 60_000)
    leader = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    follower = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    await leader.publish(WHOLE, lasting=False)
    assert await read(follower) == [WHOLE]
    await leader.leave()
    late = RedisFlights(open_link(shared_redis))
    with pytest.raises(CacheFailed, match="not kept"):
        await late.join(DIGEST)
    shared_redis.command("FLUSHALL")
    anew = await late.join(DIGEST)
    assert anew.leading
    await anew.leave()


async def test_a_leader_that_leaves_is_followed_by_another_at_the_same_word(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    """The next one reads what there is and publishes the rest; whoever reads on has every word once."""
    flights = [RedisFlights(open_link(shared_redis)) for _ in range(3)]
    first = await flights[0].join(DIGEST)
    await first.publish(Piece(text="一"))
    await first.leave()
    second, other = await flights[1].join(DIGEST), await flights[2].join(DIGEST)
    assert (second.leading, other.leading) == (True, False)
    assert text(await read(second)) == "一"
    await second.publish(Piece(text="二三"))
    await second.publish(WHOLE)
    assert text(await read(other)) == "一二三"
    await second.leave()


async def test_a_leader_that_is_killed_is_replaced_when_its_lease_is_over(
    shared_redis: RedisServer, open_link: OpenLink, prefix: str
) -> None:
    with node.start(node.lead_and_hang, shared_redis.url, prefix, DIGEST, "一", "二") as leader:
        assert leader.stdout
        assert await asyncio.to_thread(leader.stdout.readline) == "published\n"
        flights = RedisFlights(open_link(shared_redis))
        follower = await flights.join(DIGEST)
        assert not follower.leading
        pieces = follower.pieces()
        first = await anext(pieces)
        leader.send_signal(signal.SIGKILL)
        seen = [first, *[piece async for piece in pieces]]
        assert text(seen) == "一二"
        heir = await flights.join(DIGEST)
        assert heir.leading
        assert await read(heir, len(seen)) == []
        await heir.leave()


async def test_one_that_was_only_asleep_is_refused_when_it_wakes(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    link = open_link(shared_redis)
    sleeper = await RedisFlights(link).join(DIGEST)
    await sleeper.publish(Piece(text="一"))
    lease = link.key("flight", "v1", "{" + DIGEST + "}", "lease")
    await anext((await RedisFlights(link).join(DIGEST)).pieces())
    await link.ask(lambda client: client.hset(lease, "until", "0"))
    heir = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    assert heir.leading
    await publish_until_refused(sleeper)
    await sleeper.leave()
    await heir.publish(WHOLE)
    await heir.leave()
    assert text(await read(await RedisFlights(open_link(shared_redis)).join(DIGEST))) == "一"


async def test_a_log_that_redis_has_lost_is_not_mistaken_for_a_new_one(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    """Going on in it would lose words or repeat them: who has read a part goes on alone."""
    flights = RedisFlights(open_link(shared_redis))
    leader = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    await leader.publish(Piece(text="一"))
    follower = await flights.join(DIGEST)
    pieces = follower.pieces()
    assert await anext(pieces) == Piece(text="一")
    shared_redis.command("FLUSHALL")
    with pytest.raises(CacheFailed, match="lost"):
        await anext(pieces)
    again = await flights.join(DIGEST)
    with pytest.raises(CacheFailed, match="lost"):
        await read(again, 1)
    await asyncio.gather(leader.leave(), again.leave())


async def test_keys_of_a_flight_are_in_the_namespace_and_do_not_stay(
    shared_redis: RedisServer, open_link: OpenLink, prefix: str
) -> None:
    leader = await RedisFlights(open_link(shared_redis)).join(DIGEST)
    await leader.publish(Piece(text="一"))
    await leader.publish(WHOLE)
    await leader.leave()
    for part in ("lease", "log"):
        name = f"ragcli:{prefix}:flight:v1:{{{DIGEST}}}:{part}"
        assert 0 < int(shared_redis.command("TTL", name)[1:]) <= 15


async def test_equal_questions_in_three_processes_cost_one_model_call(shared_redis: RedisServer, prefix: str) -> None:
    nodes = [node.start(node.ask_many, shared_redis.url, prefix, DIGEST, "5") for _ in range(3)]
    said = [json.loads((await asyncio.to_thread(each.communicate, timeout=240))[0]) for each in nodes]
    assert [each.returncode for each in nodes] == [0] * 3
    assert sum(calls for calls, _ in said) == 1
    assert {word for _, texts in said for word in texts} == {"".join(f"{n}。" for n in range(20))}


async def test_a_redis_that_dies_in_mid_answer_ends_the_sharing_at_once(
    own_redis: RedisServer, open_link: OpenLink
) -> None:
    leader = await RedisFlights(open_link(own_redis)).join(DIGEST)
    await leader.publish(Piece(text="一"))
    follower = await RedisFlights(open_link(own_redis)).join(DIGEST)
    pieces = follower.pieces()
    assert await anext(pieces) == Piece(text="一")
    own_redis.kill()
    with pytest.raises(CacheFailed):
        await anext(pieces)
    await publish_until_refused(leader)
    await leader.leave()
    with pytest.raises(CacheFailed):
        await RedisFlights(open_link(own_redis)).join(DIGEST)
