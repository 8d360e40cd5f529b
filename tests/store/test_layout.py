"""Where collections lie, and that one process writes one at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import IndexLocked, UsageError
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.layout import Home, Place
from ragcli.store.lock import WriterLock
from ragcli.types import Notice

HOLD = """
import asyncio, sys
from pathlib import Path
from ragcli.store.layout import Home
from ragcli.store.lock import WriterLock

async def hold():
    place = Home(Path(sys.argv[1])).collection("x")
    place.create()
    lock = WriterLock(place)
    async for _ in lock.acquire(0):
        pass
    print("held", flush=True)
    sys.stdin.readline()
    lock.release()

asyncio.run(hold())
"""


@given(st.text(min_size=1, max_size=80))
@settings(deadline=None)
def test_any_name_gives_an_ascii_folder_and_equal_names_the_same_one(name: str) -> None:
    if not name.strip():
        with pytest.raises(UsageError):
            Home(Path("home")).collection(name)
        return
    folder = Home(Path("home")).collection(name).folder
    assert folder.name.isascii()
    assert len(folder.name) <= 45
    assert not set(folder.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert Home(Path("home")).collection(f"  {name} ").folder == folder


def test_names_that_look_alike_in_ascii_stay_apart(tmp_path: Path) -> None:
    home = Home(tmp_path)
    names = ["手册", "文档", "a b", "a-b", "A-B", "é", "e"]
    for name in names:
        place = home.collection(name)
        place.create()
        CatalogWriter.open(place).close()
    assert [place.name for place in home.collections()] == sorted(names)
    home.collection("手册").delete()
    assert "手册" not in [place.name for place in home.collections()]
    assert Home(tmp_path / "nothing").collections() == []


def test_a_collection_with_a_damaged_catalog_is_still_listed(tmp_path: Path) -> None:
    place = Home(tmp_path).collection("x")
    place.create()
    place.catalog.write_bytes(b"garbage" * 500)
    assert [found.folder for found in Home(tmp_path).collections()] == [place.folder]


async def acquired(lock: WriterLock, wait: float, clock: list[float] | None = None) -> list[Notice]:
    times = clock or [0.0]

    async def sleep(seconds: float) -> None:
        times[0] += seconds

    return [notice async for notice in lock.acquire(wait, sleep=sleep, clock=lambda: times[0])]


async def test_a_second_writer_waits_says_for_whom_and_gives_up(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = WriterLock(Home(tmp_path).collection("x"))
        notices: list[Notice] = []
        with pytest.raises(IndexLocked, match=f"process {holder.pid} "):
            notices += await acquired(lock, 3.0)
        assert f"process {holder.pid} " in lock.holder()

        other = WriterLock(make(tmp_path, "another"))
        assert await acquired(other, 0) == []
        other.release()

        holder.stdin.write("\n")
        holder.stdin.close()
        holder.wait()
        assert await acquired(lock, 0) == []
        lock.release()


async def test_the_wait_is_told_once_before_it_begins(tmp_path: Path) -> None:
    place = make(tmp_path, "x")
    first, second = WriterLock(place), WriterLock(place)
    await acquired(first, 0)
    stream = second.acquire(60.0)
    notice = await anext(stream)
    assert (notice.kind, notice.wait_s) == ("waiting", pytest.approx(60.0, abs=30.0))
    assert "waiting for process" in notice.message
    first.release()
    assert [each async for each in stream] == []
    second.release()


async def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        holder.wait()
        lock = WriterLock(Home(tmp_path).collection("x"))
        assert await acquired(lock, 0) == []
        lock.release()


def make(home: Path, name: str) -> Place:
    place = Home(home).collection(name)
    place.create()
    return place
