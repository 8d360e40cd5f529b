"""Plain texts: many are read by other processes, with the same outcome as here, whatever becomes of those."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ragcli.errors import FileFailure
from ragcli.ingest.look import look
from ragcli.ingest.texts import WARM, Texts
from ragcli.streams.helper import Helper
from ragcli.types import Reading

MANY = WARM + 30


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
    texts = Texts(max_tokens=100, processes=2)
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
    texts = Texts(max_tokens=100, processes=1)
    assert await found(texts, paths) == [here(path) for path in paths]
    assert len(asked) > 2
    await texts.close()


async def test_closing_ends_what_still_waits(paths: list[str]) -> None:
    texts = Texts(max_tokens=100, processes=1)
    await asyncio.gather(*(texts.look(path, small=True) for path in paths[:WARM]))
    waiting = [asyncio.create_task(texts.look(path, small=True)) for path in paths[WARM:]]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await texts.close()
    assert all(task.done() for task in waiting)
