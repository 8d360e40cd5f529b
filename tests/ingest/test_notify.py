"""What the system tells of real files: nothing is missed, whatever becomes of the folder that is watched."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from ragcli.ingest.notify import changes

BOUND_S = 200.0


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "资料 docs"
    folder.mkdir()
    return folder


@pytest.fixture
async def told(docs: Path) -> AsyncIterator[AsyncGenerator[frozenset[str], None]]:
    stop = asyncio.Event()
    async with aclosing(changes([str(docs), str(docs.parent / "单.md")], stop)) as stream:
        assert await anext(stream) == frozenset()
        yield stream
        stop.set()


async def until(stream: AsyncGenerator[frozenset[str], None], *paths: Path) -> None:
    """All of the paths are told."""
    missing = {str(path) for path in paths}
    async with asyncio.timeout(BOUND_S):
        while missing:
            missing -= await anext(stream)


async def test_files_that_are_made_changed_renamed_and_deleted_are_told(
    docs: Path, told: AsyncGenerator[frozenset[str], None]
) -> None:
    (docs / "a.md").write_text("one", encoding="utf-8")
    (docs / "章节").mkdir()
    await until(told, docs / "a.md", docs / "章节")
    (docs / "章节" / "b.md").write_text("two", encoding="utf-8")
    (docs / "a.md").rename(docs / "中文.md")
    await until(told, docs / "章节" / "b.md", docs / "a.md", docs / "中文.md")
    (docs / "中文.md").unlink()
    await until(told, docs / "中文.md")


async def test_where_nothing_changes_that_is_told_too(told: AsyncGenerator[frozenset[str], None]) -> None:
    async with asyncio.timeout(BOUND_S):
        assert await anext(told) == frozenset()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps a watched folder")
async def test_a_folder_may_go_and_come_back_and_be_another_one(
    docs: Path, told: AsyncGenerator[frozenset[str], None]
) -> None:
    """Deleted and made anew at once, moved away and back, replaced by a link."""
    shutil.rmtree(docs)
    docs.mkdir()
    await until(told, docs)
    (docs / "a.md").write_text("one", encoding="utf-8")
    await until(told, docs / "a.md")

    away = docs.parent / "away"
    docs.rename(away)
    await until(told, docs)
    away.rename(docs)
    await until(told, docs)
    (docs / "b.md").write_text("two", encoding="utf-8")
    await until(told, docs / "b.md")

    docs.rename(away)
    docs.symlink_to(away, target_is_directory=True)
    await until(told, docs)
    (away / "c.md").write_text("three", encoding="utf-8")
    await until(told, docs / "c.md")


async def test_a_given_file_is_followed_through_an_atomic_save(
    docs: Path, told: AsyncGenerator[frozenset[str], None]
) -> None:
    """It need not be there in the beginning."""
    file = docs.parent / "单.md"
    for text in ("one", "二"):
        other = docs.parent / "new"
        other.write_text(text, encoding="utf-8")
        other.replace(file)
        await until(told, file)
    file.unlink()
    await until(told, file)


async def test_a_stop_cuts_the_wait_short(docs: Path) -> None:
    stop = asyncio.Event()
    async with aclosing(changes([str(docs)], stop)) as stream:
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        stop.set()
        async with asyncio.timeout(BOUND_S):
            assert await waiting == frozenset()
