"""Plain texts: many are read by other processes, with the same outcome as here, whatever becomes of those."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from ragcli.config import Ingest
from ragcli.errors import FileFailure
from ragcli.ingest.look import Request, look
from ragcli.ingest.texts import WARM, Texts
from ragcli.streams.helper import Helper
from ragcli.types import Reading

MANY = WARM + 30
SETTINGS = Ingest(chunk_tokens=100)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Mostly Markdown in English and Chinese; an empty file, an office file and one that is gone are among the last."""
    for n in range(MANY):
        text = f"# Note {n}\n\nThe pump {n} is green.\x1b[2J\n\n## 说明 {n}\n\n锅炉压力为{n}巴。\n"
        (tmp_path / f"{n:03d}.md").write_text(text, encoding="utf-8")
    (tmp_path / f"{MANY - 2:03d}.md").write_bytes(b"")
    (tmp_path / f"{MANY - 4:03d}.md").write_bytes(b"%PDF-1.7\n")
    (tmp_path / f"{MANY - 6:03d}.md").unlink()
    return [str(tmp_path / f"{n:03d}.md") for n in range(MANY)]


def here(path: str) -> Reading | str:
    try:
        return look(path, max_tokens=100)
    except FileFailure as failure:
        return str(failure)


async def found(texts: Texts, paths: list[str]) -> list[Reading | str]:
    outcomes = await asyncio.gather(*(texts.look(path, small=True) for path in paths), return_exceptions=True)
    return [str(outcome) if isinstance(outcome, FileFailure) else outcome for outcome in outcomes]  # type: ignore[misc]


async def test_other_processes_find_what_would_be_found_here(paths: list[str]) -> None:
    texts = Texts(SETTINGS, processes=2)
    assert await found(texts, paths) == [here(path) for path in paths]
    await texts.close()


async def test_a_process_that_dies_costs_no_file(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its share is read here."""
    asked: list[Helper] = []
    ask = Helper.ask

    def die_at_the_second(helper: Helper, request: bytes) -> bytes | None:
        asked.append(helper)
        if asked.count(helper) == 2:
            helper._process.kill()
        return ask(helper, request)

    monkeypatch.setattr(Helper, "ask", die_at_the_second)
    texts = Texts(SETTINGS, processes=1)
    assert await found(texts, paths) == [here(path) for path in paths]
    assert len(asked) > 2
    await texts.close()


async def test_closing_ends_what_still_waits(paths: list[str]) -> None:
    texts = Texts(SETTINGS, processes=1)
    await asyncio.gather(*(texts.look(path, small=True) for path in paths[:WARM]))
    waiting = [asyncio.create_task(texts.look(path, small=True)) for path in paths[WARM:]]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await texts.close()
    assert all(task.done() for task in waiting)


async def test_what_takes_too_long_is_ended_and_told(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file has the time for itself, whichever it was sent with."""
    slow = set(paths[-12:-8])
    ask = Helper.ask

    def too_long(helper: Helper, request: bytes) -> bytes | None:
        if slow & set(msgspec.msgpack.decode(request, type=Request).paths):
            raise TimeoutError
        return ask(helper, request)

    monkeypatch.setattr(Helper, "ask", too_long)
    texts = Texts(SETTINGS, processes=1)
    message = "took longer than ingest.timeout allows (60 s)"
    assert await found(texts, paths) == [message if path in slow else here(path) for path in paths]
    await texts.close()


async def test_a_large_text_has_its_limits_and_no_process_is_left(tmp_path: Path) -> None:
    """A file of four gigabytes, of which the first page is written; no process answers within a microsecond."""
    path = tmp_path / "large.log"
    path.write_text("A line of the log.\n" * 100, encoding="utf-8")
    os.truncate(path, 4 << 30)
    texts = Texts(Ingest(timeout=1e-6))
    with pytest.raises(FileFailure, match="longer than"):
        _ = [reading async for reading in texts.stream(str(path))]
    await texts.close()


async def test_a_stream_is_the_same_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("Ein Satz für sich. 锅炉压力为三巴。\n\n" * 40_000, encoding="utf-8")
    away, here = Texts(SETTINGS, processes=1), Texts(SETTINGS, processes=0)
    assert [each async for each in away.stream(str(path))] == [each async for each in here.stream(str(path))]
    path.write_bytes(b" \n" * 3_000_000)
    with pytest.raises(FileFailure, match="white space"):
        _ = [reading async for reading in away.stream(str(path))]
