"""Ingest in a hostile world: full disks, read-only folders, readers and writers beside it, indexes that are gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from collection_support import Library

from ragcli.errors import IndexLocked, Interrupted, StoreUnwritable
from ragcli.store.collection import faults
from ragcli.store.layout import Home
from ragcli.types import IngestProgress, IngestReport, Notice


@pytest.fixture
def library(tmp_path: Path) -> Library:
    docs = tmp_path / "docs"
    docs.mkdir()
    return Library(Home(tmp_path / "home"), docs)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own; skips the test where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a file system")
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("lost", ["vectors", "keywords"])
async def test_a_deleted_index_is_built_again_without_embedding(library: Library, lost: str) -> None:
    """Also by a run that finds no changed file."""
    library.write("a.md", "Alpha beta.\n\nGamma delta.\n\n第三段。")
    await library.ingest()
    with library.read() as catalog:
        shutil.rmtree(catalog.place.folder / lost)

    report = await library.ingest()

    assert (report.unchanged, report.embedded_chunks, library.embedder.texts) == (1, 0, [])
    assert library.found_by_keyword("gamma") == ["a.md"]
    assert library.found_by_vector("第三段。", chroma=True) == ["a.md"]
    with library.read() as catalog:
        assert faults(catalog) == []


@pytest.mark.parametrize("victim", ["meta.json", "*.idx"])
async def test_a_damaged_keyword_index_is_built_again_without_embedding(library: Library, victim: str) -> None:
    library.write("a.md", "Alpha beta.\n\nGamma delta.")
    await library.ingest()
    with library.read() as catalog:
        for path in catalog.place.keywords.glob(f"*/{victim}"):
            path.write_bytes(b"\0" * 40)

    report = await library.ingest()

    assert report.embedded_chunks == 0
    assert "keyword index" in next(event for event in library.last_events if isinstance(event, Notice)).message
    assert library.found_by_keyword("gamma") == ["a.md"]


async def test_a_full_disk_is_told_and_the_old_state_stays_searchable(library: Library, tmp_path: Path) -> None:
    """And once there is room again, the next run finishes."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=8m", "tmpfs"):
        library.home = Home(home)
        library.write("a.md", "The first document.")
        await library.ingest()
        ballast = home / "ballast"
        ballast.write_bytes(b"x" * 4_600_000)
        library.write("b.md", "\n\n".join(f"Passage {n} of many, {'long ' * 300}" for n in range(1500)))

        with pytest.raises(StoreUnwritable, match=r"(?i)(no space|full).*free (some )?space"):
            await library.ingest()
        assert library.found_by_keyword("first") == ["a.md"]
        assert library.found_by_vector("The first document.") == ["a.md"]

        ballast.unlink()
        library.write("b.md", "Short now.")
        report = await library.ingest()
        assert report.documents == 2
        assert library.found_by_vector("Short now.") == ["b.md"]
        assert library.found_by_keyword("short") == ["b.md"]


async def test_a_read_only_folder_can_be_searched_and_not_written(library: Library, tmp_path: Path) -> None:
    library.write("a.md", "The first document.")
    await library.ingest()
    frozen = tmp_path / "frozen"
    with mounted(frozen, "--bind", str(library.home.path)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(frozen)], check=True)
        library.home = Home(frozen)
        assert library.found_by_keyword("first") == ["a.md"]
        assert library.found_by_vector("The first document.") == ["a.md"]
        library.write("b.md", "More.")
        with pytest.raises(StoreUnwritable, match="--home DIR"):
            await library.ingest()


async def test_a_second_ingest_waits_for_the_first_and_another_collection_does_not(library: Library) -> None:
    for n in range(30):
        library.write(f"{n}.md", f"Document {n}.")
    first = library.events()
    await anext(first)
    with pytest.raises(IndexLocked, match=f"process {os.getpid()} "):
        await library.ingest(wait=0.0)

    other = Library(library.home, library.docs, collection="other")
    assert (await other.ingest()).documents == 30

    second = library.events(wait=60.0)
    waiting = await anext(second)
    assert isinstance(waiting, Notice)
    assert waiting.kind == "waiting"
    reports = [event async for event in first if isinstance(event, IngestReport)]
    reports += [event async for event in second if isinstance(event, IngestReport)]
    assert [(report.added, report.unchanged) for report in reports] == [(30, 0), (0, 30)]


async def test_stopping_ends_the_wait_for_another_ingest(library: Library) -> None:
    library.write("a.md", "One 一.")
    first = library.events()
    await anext(first)
    stop = asyncio.Event()
    second = library.events(wait=60.0, stop=stop)
    assert isinstance(await anext(second), Notice)
    stop.set()
    with pytest.raises(Interrupted):
        await anext(second)
    assert [event.added for event in [event async for event in first] if isinstance(event, IngestReport)] == [1]


async def test_readers_find_whole_documents_at_every_moment_of_a_run(library: Library) -> None:
    """Old versions or new ones, never both, never none; open readers see the end without opening anything again."""
    for n in range(40):
        library.write(f"{n}.md", f"Price {n} is low.\n\nSecond part {n}.")
    await library.ingest()
    for n in range(40):
        library.write(f"{n}.md", f"Price {n} is high.\n\nSecond part {n}.")

    with library.read() as catalog:
        moments = 0
        async for event in library.events(batch=4):
            if isinstance(event, IngestProgress):
                moments += 1
                texts = [chunk.text for document in catalog.documents() for chunk in catalog.chunks_of(document.id)]
                assert len(texts) == 80
                assert {f"Second part {n}." for n in range(40)} < set(texts)
                assert library.found_by_vector("Second part 7.", k=2)[0] == "7.md"
        assert moments
        texts = [chunk.text for document in catalog.documents() for chunk in catalog.chunks_of(document.id)]
        assert sum("high" in text for text in texts) == 40


async def test_a_run_that_is_closed_half_way_lets_go_of_everything(library: Library) -> None:
    """The next one finds no lock, no half document, and the vectors that were made."""
    for n in range(300):
        library.write(f"{n:03d}.md", f"Document {n}.\n\nPart two {n}.")
    run = library.events(batch=8)
    async for event in run:
        if isinstance(event, IngestProgress) and event.done > 100:
            break
    await run.aclose()
    made = len(library.embedder.texts)

    report = await library.ingest(wait=0.0)

    assert (report.documents, report.chunks) == (300, 600)
    assert made + report.embedded_chunks <= 600 + 8 * 8 * 2
    assert library.found_by_vector("Part two 299.", chroma=True) == ["299.md"]


async def test_a_cancelled_run_lets_go_of_everything(library: Library) -> None:
    for n in range(100):
        library.write(f"{n:03d}.md", f"Document {n}.")
    begun = asyncio.Event()
    library.embedder.after = (1, begun.set)
    task = asyncio.create_task(library.ingest(batch=8))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await library.ingest(wait=0.0)).documents == 100


async def test_an_unchanged_folder_starts_no_process_and_imports_no_chroma(library: Library) -> None:
    """In a fresh interpreter, as from cron."""
    library.write("a.md", "Alpha.")
    await library.ingest()
    script = f"""
import asyncio, subprocess, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from ragcli.ingest.pipeline import ingest
from ragcli.store.collection import writer
from ragcli.store.layout import Home
from ragcli import config

class Never:
    id = "hash:32"
    def __getattr__(self, name):
        raise AssertionError(name)

def never(*arguments, **options):
    raise AssertionError("started")

subprocess.Popen.__init__ = never

async def main():
    async for event in ingest([{str(library.docs)!r}], collection=writer(Home(Path({str(library.home.path)!r})),
            "手册", open_keywords=never), embedder=Never(), open_reader=never,
            settings=config.Ingest(), embedding=config.Embedding()):
        last = event
    assert (last.unchanged, last.documents) == (1, 1), last
    assert not {{"chromadb", "numpy", "tantivy", "ragcli.ingest.workers"}} & sys.modules.keys()

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
