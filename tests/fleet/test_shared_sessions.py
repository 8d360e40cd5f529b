"""Chats go on on another machine, whoever writes, dies, sleeps or is cut off from Redis; SQLite and Redis alike."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fleet import node
from redis_server import OpenLink, RedisServer, hurried

from ragcli.errors import ExchangeBusy, RedisAway
from ragcli.ports import SessionStore
from ragcli.ports.journeys import LEASE_S
from ragcli.store.redis_sessions import RedisSessions
from ragcli.store.sessions import SQLiteSessions
from ragcli.store.shared_sessions import SharedSessions
from ragcli.store.unsent import UnsentFile
from ragcli.streams.breaker import Breaker
from ragcli.types import Answer, Source, Turn

MONTH_S = 2_592_000.0
SOURCES = (Source(n=1, path="/文件/退货.md", title="退货", format="markdown", text="三十天", score=0.5),)


def part(text: str, question: str = "问？") -> Answer:
    return Answer(question=question, answer=text, finish="interrupted", sources=SOURCES)


def whole(text: str, question: str = "问？") -> Answer:
    return Answer(question=question, answer=text, sources=SOURCES)


@pytest.fixture(params=["sqlite", "redis"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path, open_link: OpenLink) -> Callable[[], SessionStore]:
    """Each call opens the same sessions as another node."""
    if request.param == "sqlite":
        return lambda: SQLiteSessions(tmp_path / "home" / "sessions.db")
    server = request.getfixturevalue("shared_redis")
    return lambda: RedisSessions(open_link(server), ttl_s=MONTH_S)


def end_lease(store: SessionStore, number: int) -> None:
    """As if its time were over."""
    if isinstance(store, RedisSessions):
        key = store._keys[1] + store.held(number).session
        store._link.call(lambda client: client.hset(key, f"l{number}", "0"))
    else:
        assert isinstance(store, SQLiteSessions)
        with store._file.writing() as database:
            database.execute("update leases set until = 0")


# --- one writer at a time -------------------------------------------------------------------------------------


def test_what_one_node_wrote_another_reads_lists_and_renames(open_store: Callable[[], SessionStore]) -> None:
    here, there = open_store(), open_store()
    assert there.exchanges("退货") == [] == there.overview()
    number = here.append("退货", whole("三十天"))
    assert there.exchanges("退货") == [(number, whole("三十天"))]
    assert there.turns("退货") == [Turn("问？", "三十天")]
    here.append("b", whole("x"))
    here.update(number, whole("六十天"))
    assert (there.latest(), there.names()) == ("退货", ["退货", "b"])
    info = there.overview()[0]
    assert (info.exchanges, info.created_at <= info.updated_at) == (1, True)
    assert abs(info.updated_at - time.time()) < 60 < info.bytes < 1000
    assert (there.free_name("退货？"), there.free_name("b")) == ("退货 2", "b 2")
    assert not there.rename("退货", "b")
    assert not there.rename("missing", "c")
    assert there.rename("退货", "c")
    assert here.update(number, whole("九十天")) == number
    assert there.turns("c") == [Turn("问？", "九十天")]
    assert there.delete("c")
    assert not there.delete("c")
    assert here.names() == ["b"]


def test_an_answer_that_grows_is_seen_and_not_taken_while_its_writer_lives(
    open_store: Callable[[], SessionStore],
) -> None:
    here, there = open_store(), open_store()
    number = here.append("s", part("三"), growing=True)
    here.update(number, part("三十"), growing=True)
    assert there.exchanges("s") == [(number, part("三十"))]
    assert 0 < there.busy(number) <= LEASE_S
    assert here.busy(number) == 0
    with pytest.raises(ExchangeBusy) as busy:
        there.claim(number)
    assert 0 < busy.value.seconds <= LEASE_S
    here.update(number, whole("三十天"))
    assert there.busy(number) == 0
    assert there.claim(number) == whole("三十天")


def test_a_writer_that_was_only_asleep_loses_nothing_and_overwrites_nothing(
    open_store: Callable[[], SessionStore],
) -> None:
    """Its text becomes an exchange of its own, which it goes on with."""
    sleeper, heir = open_store(), open_store()
    number = sleeper.append("s", part("三"), growing=True)
    end_lease(sleeper, number)
    heir.exchanges("s")
    assert heir.claim(number) == part("三")
    assert heir.update(number, part("三十"), growing=True) == number
    own = sleeper.update(number, part("三个"), growing=True)
    assert own != number
    assert sleeper.update(own, whole("三个月")) == own
    assert heir.update(number, whole("三十天")) == number
    assert open_store().exchanges("s") == [(number, whole("三十天")), (own, whole("三个月"))]


def test_a_session_that_is_deleted_under_a_writer_begins_anew_with_its_text(
    open_store: Callable[[], SessionStore],
) -> None:
    here, there = open_store(), open_store()
    number = here.append("s", part("三"), growing=True)
    assert there.delete("s")
    again = here.update(number, whole("三十天"))
    assert here.update(again, whole("三十天。")) == again
    assert there.turns("s") == [Turn("问？", "三十天。")]


async def test_writers_in_many_processes_lose_no_turn_also_when_they_are_killed(
    shared_redis: RedisServer, prefix: str, open_link: OpenLink, tmp_path: Path
) -> None:
    """Each says what it has stored; some are killed while they write. Whatever was said stands there, in one piece."""
    chance = random.Random(7)
    path = tmp_path / "home" / "sessions.db"
    stores: dict[str, SessionStore] = {
        "redis": RedisSessions(open_link(shared_redis), ttl_s=MONTH_S),
        str(path): SQLiteSessions(path),
    }
    for place, store in stores.items():
        writers = [node.start(node.write_turns, shared_redis.url, prefix, place, f"w{n}-", "25") for n in range(2)]
        doomed = writers[0]
        assert doomed.stdout
        said = [doomed.stdout.readline() for _ in range(chance.randint(3, 8))]
        doomed.send_signal(signal.SIGKILL)
        for writer in writers:
            said += (await asyncio.to_thread(writer.communicate, timeout=240))[0].splitlines()
        stored = {turn.question: turn.answer for turn in store.turns("shared")}
        complete = {line.strip() for line in said if line.strip()}
        assert len(complete) >= 28
        assert {question for question in complete if stored.get(question) != f"answer to {question}"} == set()
        assert len(store.exchanges("shared")) == len(stored)


# --- Redis and its troubles -----------------------------------------------------------------------------------


def shared(link: object, folder: Path) -> SharedSessions:
    return SharedSessions(RedisSessions(link, ttl_s=MONTH_S), UnsentFile(folder / "unsent.db"))  # type: ignore[arg-type]


async def test_every_key_is_in_the_namespace_and_has_a_time_to_live(
    shared_redis: RedisServer, open_link: OpenLink, prefix: str
) -> None:
    link = open_link(shared_redis)
    RedisSessions(link, ttl_s=100).append("s", whole("x"))
    keys = await link.ask(lambda client: client.keys(f"ragcli:{prefix}:*"))
    assert len(keys) == 2
    assert all(0 < int(shared_redis.command("TTL", key.decode())[1:]) <= 100 for key in keys)


def test_sessions_that_have_ended_are_not_listed(shared_redis: RedisServer, open_link: OpenLink) -> None:
    store = RedisSessions(open_link(shared_redis), ttl_s=MONTH_S)
    number = store.append("s", whole("x"))
    shared_redis.command("DEL", store._keys[1] + store.held(number).session)
    assert store.names() == []
    assert store.exchanges("s") == []
    store.append("s", whole("y"))
    assert store.turns("s") == [Turn("问？", "y")]


def test_what_another_version_has_written_is_left_out_left_alone_and_told_once(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    link = open_link(shared_redis)
    store = RedisSessions(link, ttl_s=MONTH_S)
    strange, known = store.append("s", whole("x")), store.append("s", whole("y"))
    key = store._keys[1] + store.held(strange).session
    shared_redis.command("HSET", key, f"a{strange}", "\x02of the future")
    for _ in range(2):
        assert store.exchanges("s") == [(known, whole("y"))]
    assert (link.news(), link.news()) == ("1 exchanges of s come from another version of ragcli: left out", "")
    assert shared_redis.command("HSTRLEN", key, f"a{strange}") == ":14"


def test_an_exchange_with_huge_sources_is_stored_with_shorter_ones(
    shared_redis: RedisServer, open_link: OpenLink
) -> None:
    store = RedisSessions(open_link(shared_redis), ttl_s=MONTH_S)
    source = Source(n=1, path="<stdin>", title="", format="text", text="长" * 1_000_000, score=1.0)
    store.append("s", Answer(question="q", answer="a", sources=(source, source)))
    ((_, stored),) = store.exchanges("s")
    assert (stored.answer, [source.text[:2] for source in stored.sources]) == ("a", ["长长", "长长"])


def test_what_is_said_while_redis_is_away_follows_when_it_is_back(
    own_redis: RedisServer, open_link: OpenLink, tmp_path: Path
) -> None:
    here = shared(open_link(own_redis, breaker=Breaker(first_s=0)), tmp_path)
    first = here.append("s", whole("before", "1"))
    with own_redis.stopped():
        shut_off = shared(open_link(own_redis, breaker=Breaker(first_s=100), timeout=0.2), tmp_path)
        growing = shut_off.append("s", part("wh"), growing=True)
        assert shut_off.update(growing, whole("while", "2")) == growing
        assert shut_off.exchanges("s") == [(growing, whole("while", "2"))]
        assert (shut_off.names(), shut_off.overview()[0].exchanges) == (["s"], 1)
        assert shut_off.busy(growing) == 0
        with pytest.raises(RedisAway):
            shut_off.rename("s", "t")
    later = here.append("s", whole("after", "3"))
    assert [turn.answer for turn in here.turns("s")] == ["before", "while", "after"]
    assert [number for number, _ in here.exchanges("s")][::2] == [first, later]
    assert UnsentFile(tmp_path / "unsent.db").all() == []


def test_an_answer_that_grows_while_redis_dies_and_comes_back_is_one_exchange(
    own_redis: RedisServer, open_link: OpenLink, tmp_path: Path
) -> None:
    """Also for the chat that writes it: the number that it was given stays good."""
    now = 0.0
    link = open_link(own_redis, breaker=Breaker(first_s=10, clock=lambda: now))
    here = shared(link, tmp_path)
    number = here.append("s", part("一"), growing=True)
    with own_redis.stopped(), hurried(link, 0.2):
        assert here.update(number, part("一二"), growing=True) == number
        assert here.exchanges("s") == [(number, part("一二"))]
        assert here.claim(number) == part("一二")
        other = here.append("s", part("甲", "?"), growing=True)
        assert here.claim(other) == part("甲", "?")
        assert here.update(other, part("甲乙", "?"), growing=True) == other
    now = 20.0
    assert here.update(number, whole("一二三")) == number
    assert here.update(other, whole("甲乙丙", "?")) == other
    assert here.exchanges("s") == [(number, whole("一二三")), (other, whole("甲乙丙", "?"))]
    elsewhere = shared(open_link(own_redis), tmp_path / "elsewhere")
    assert elsewhere.turns("s") == [Turn("问？", "一二三"), Turn("?", "甲乙丙")]


def test_a_write_whose_acknowledgement_was_lost_is_stored_once(
    own_redis: RedisServer, open_link: OpenLink, tmp_path: Path
) -> None:
    """The command stands in the connection's buffer: Redis obeys it when it wakes, after the caller has given up."""
    now = 0.0
    link = open_link(own_redis, breaker=Breaker(first_s=10, clock=lambda: now))
    here = shared(link, tmp_path)
    here.append("s", whole("a", "1"))
    with own_redis.stopped(), hurried(link, 0.2):
        number = here.append("s", part("b", "2"), growing=True)
    now = 20.0
    here.update(number, whole("b", "2"))
    assert here.turns("s") == [Turn("1", "a"), Turn("2", "b")]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_nobody_else_may_read_what_waits(own_redis: RedisServer, open_link: OpenLink, tmp_path: Path) -> None:
    own_redis.kill()
    shared(open_link(own_redis), tmp_path / "home").append("s", whole("x"))
    for path in [tmp_path / "home", *(tmp_path / "home").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
