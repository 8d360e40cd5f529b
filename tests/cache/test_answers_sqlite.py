"""answers.db: many processes, bounds, and every kind of trouble, none of which is more than a miss."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cache_makers import kept, key
from msgspec.structs import replace

from ragcli.answer.semantic import Semantic
from ragcli.answer.tiers import AnswerCache
from ragcli.errors import CacheFailed
from ragcli.store.answers import SQLiteAnswers
from ragcli.store.answers_memory import MemoryAnswers
from ragcli.types import Notice


def disk(path: Path, *, now: float = 1000.0, max_bytes: int = 1 << 20, max_entries: int = 1000) -> SQLiteAnswers:
    return SQLiteAnswers(path, max_bytes=max_bytes, max_entries=max_entries, ttl_s=3600, clock=lambda: now)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "answers.db"


async def test_gives_back_what_another_one_has_put(path: Path) -> None:
    assert await disk(path).get(key()) is None
    assert not path.exists(), "a question alone makes no file"
    writer = disk(path)
    await writer.put(key("保修期多久？"), kept("两年 [1]。", asked="保修期多久？"))
    reader = disk(path)
    assert await reader.get(key("保修期多久？")) == kept("两年 [1]。", asked="保修期多久？")
    assert await reader.get(key("保修期多久？", scope="other")) is None
    await writer.put(key("保修期多久？"), kept("三年 [1]。"))
    found = await reader.get(key("保修期多久？"))
    assert found is not None
    assert found.answer.answer == "三年 [1]。"
    assert await reader.clear() == 1
    assert await writer.get(key("保修期多久？")) is None
    for tier in (reader, writer):
        await tier.aclose()


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
async def test_the_file_is_the_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        await disk(path).put(key(), kept())
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


async def test_old_answers_and_those_of_other_generations_go(path: Path) -> None:
    tier = disk(path)
    await tier.put(key("old"), kept(at=-3000.0))
    assert await tier.get(key("old")) is None
    await tier.put(key("a", generation=3), kept())
    await tier.put(key("b", generation=4), kept())
    assert (await tier.stats()).entries == 1
    assert await tier.get(key("b", generation=4)) is not None


async def test_the_least_recently_used_go_when_it_is_full_in_bytes_or_in_entries(path: Path) -> None:
    moment = 1000.0
    tier = SQLiteAnswers(path, max_bytes=40_000, max_entries=1000, ttl_s=1e9, clock=lambda: moment)
    for number in range(100):
        moment += 1000
        await tier.put(key(f"q{number}"), kept(os.urandom(200).hex()))
        assert await tier.get(key("q0")) is not None, "it is used all the time"
    stats = await tier.stats()
    assert 20 < stats.entries < 100
    assert stats.bytes <= 40_000
    assert await tier.get(key("q1")) is None
    few = disk(path.with_name("few.db"), max_entries=5)
    for number in range(20):
        await few.put(key(f"q{number}"), kept())
    assert (await few.stats()).entries <= 5
    await few.put(key("large"), kept(os.urandom(1 << 18).hex()))
    assert await few.get(key("large")) is None


def _damage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + os.urandom(4000))


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("pragma user_version = 99")
    database.close()


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("ruin", [_damage, _garbage, _newer, _folder])
async def test_a_file_of_no_use_is_a_miss_with_one_notice_and_clear_is_rid_of_it(path: Path, ruin) -> None:  # type: ignore[no-untyped-def]
    path.parent.mkdir()
    ruin(path)
    cache = AnswerCache([MemoryAnswers(1 << 20, max_entries=9, ttl_s=60), disk(path)], semantic=Semantic(disk(path)))
    told: list[Notice] = []
    answer = kept().answer
    for number in range(3):
        assert await cache.find(key(f"q{number}"), None, told.append) is None
        await cache.keep(key(f"q{number}"), answer, None, told.append)
    assert [notice.kind for notice in told] == ["cache"]
    assert "ragcli cache clear" in told[0].message
    hit = await cache.find(key("q0"), None, told.append)
    assert hit is not None
    assert hit.tier == "memory", "the other tiers go on"
    if ruin is not _folder:
        tier = disk(path)
        await tier.clear()
        await tier.put(key(), kept())
        assert await tier.get(key()) == kept()


async def test_what_an_older_version_wrote_is_dropped(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("create table answers (digest text, answer text)")
        database.execute("insert into answers values ('x', 'y')")
    database.close()
    tier = disk(path)
    assert await tier.get(key()) is None
    await tier.put(key(), kept())
    assert await tier.get(key()) == kept()
    await tier.put(key("other schema"), replace(kept(), schema=0))
    assert await tier.get(key("other schema")) is None


async def test_a_locked_file_is_given_up_within_a_quarter_of_a_second_and_read_all_the_same(path: Path) -> None:
    tier = disk(path)
    await tier.put(key(), kept())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(CacheFailed, match="locked"):
        await tier.put(key("b"), kept())
    assert await tier.get(key()) == kept()
    with pytest.raises(CacheFailed):
        await tier.clear()
    other.execute("rollback")
    other.close()
    await tier.put(key("b"), kept())
    assert await tier.clear() == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom modes bind")
async def test_a_read_only_file_is_read(path: Path) -> None:
    tier = disk(path)
    await tier.put(key(), kept())
    await tier.aclose()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert await disk(path, now=3000.0).get(key()) == kept()
        with pytest.raises(CacheFailed):
            await disk(path).put(key("b"), kept())
    finally:
        path.parent.chmod(0o700)


_PUTS = """
import asyncio, sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from cache_makers import kept, key
from ragcli.store.answers import SQLiteAnswers
async def main():
    tier = SQLiteAnswers(Path(sys.argv[2]), max_bytes=1 << 24, max_entries=10_000, ttl_s=3600, clock=lambda: 1000.0)
    for number in range(40):
        while True:
            try:
                await tier.put(key(f"{sys.argv[3]} {number}"), kept(f"answer {sys.argv[3]} {number}"))
                break
            except Exception as error:
                assert "locked" in str(error), error
asyncio.run(main())
"""


async def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    command = [sys.executable, "-c", _PUTS, str(Path(__file__).parent), str(path)]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "二", "three")]
    assert [writer.wait(240) for writer in writers] == [0, 0, 0]
    tier = disk(path)
    for name in ("one", "二", "three"):
        for number in range(40):
            found = await tier.get(key(f"{name} {number}"))
            assert found is not None
            assert found.answer.answer == f"answer {name} {number}"


async def test_threads_may_share_one(path: Path) -> None:
    tier = disk(path)
    failures: list[BaseException] = []

    def write(name: int) -> None:
        try:
            for number in range(10):
                tier._put(key(f"{name} {number}"), kept(), b"", b"")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (await tier.stats()).entries == 40
