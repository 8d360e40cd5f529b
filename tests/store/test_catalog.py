"""The catalog: what counts and what does not, beside a writer, in a read-only folder, and when it is damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ragcli.errors import ConfigError, IndexDamaged, IndexMissing, StoreUnwritable
from ragcli.store.catalog import Catalog
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.layout import Home, Place
from ragcli.types import Chunk, Failure, File, Passage

VECTOR = b"\0\0\x80\x3f" * 4


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Home(tmp_path / "主目录").collection("default")
    place.create()
    return place


@pytest.fixture
def catalog(place: Place) -> Iterator[CatalogWriter]:
    with CatalogWriter.open(place) as catalog:
        catalog.adopt("test:4", 4)
        yield catalog


def passage(n: int, text: str) -> Passage:
    chunk = Chunk(n, text, n * 10, n * 10 + len(text), heading=("第一章", "Intro"), page=n + 1, lines=(n, n + 2))
    return Passage(chunk, text.encode().ljust(16)[:16], VECTOR)


def add(catalog: CatalogWriter, path: str, *texts: str, publish: bool = True) -> tuple[int, range]:
    document = catalog.begin(path, f"Title of {path}", "markdown")
    ids = catalog.append(document, [passage(n, text) for n, text in enumerate(texts)])
    if publish:
        catalog.publish([(document, File(path, 10, 20), "abc")])
    return document, ids


def test_a_published_chunk_is_read_as_it_was_stored(catalog: CatalogWriter) -> None:
    document, ids = add(catalog, "/文件/a.md", "Hello.", "你好。")
    chunk = catalog.chunks([ids[1]])[ids[1]]
    assert (chunk.path, chunk.title, chunk.text, chunk.heading) == (
        "/文件/a.md",
        "Title of /文件/a.md",
        "你好。",
        ("第一章", "Intro"),
    )
    assert (chunk.document_id, chunk.n, chunk.start, chunk.end, chunk.page, chunk.lines) == (
        document,
        1,
        10,
        13,
        2,
        (1, 3),
    )
    assert [c.text for c in catalog.neighbours(chunk, 1, 5)] == ["Hello.", "你好。"]


def test_pending_retired_and_unknown_chunks_do_not_count(catalog: CatalogWriter) -> None:
    old, old_ids = add(catalog, "a", "one", "two")
    _, pending_ids = add(catalog, "b", "three", publish=False)
    _, new_ids = add(catalog, "a", "four")
    every = [*old_ids, *pending_ids, *new_ids, 999]
    assert set(catalog.chunks(every)) == catalog.live(every) == set(new_ids)
    assert catalog.unsettled(stale=False) == list(old_ids)
    counts = catalog.counts()
    assert (counts.documents, counts.chunks, counts.pending) == (1, 1, 1)
    assert [(document.path, document.state) for document in catalog.documents()] == [("a", "ready"), ("b", "pending")]
    assert old not in {chunk.document_id for chunk in catalog.chunks(every).values()}


def test_ids_are_never_used_again(catalog: CatalogWriter) -> None:
    document, ids = add(catalog, "a", "one", "two")
    catalog.retire([document])
    catalog.forget(stale=False)
    _, later = add(catalog, "b", "three")
    assert later[0] == ids[-1] + 1
    assert list(catalog.vectors_after(0)) == [[(later[0], VECTOR)]]


def test_the_generation_grows_with_what_can_be_found(catalog: CatalogWriter) -> None:
    start = catalog.generation
    document, _ = add(catalog, "a", "one", publish=False)
    assert catalog.generation == start
    catalog.publish([(document, File("a", 1, 1), "x")])
    published = catalog.generation
    catalog.retire([document])
    assert start < published < catalog.generation


def test_vectors_of_known_texts_are_found_also_of_a_run_that_was_cut_off(catalog: CatalogWriter) -> None:
    add(catalog, "a", "one", publish=False)
    catalog.abandon()
    assert catalog.known_vectors([passage(0, "one").hash, passage(0, "two").hash]) == {passage(0, "one").hash: VECTOR}
    catalog.forget(stale=True)
    assert catalog.known_vectors([passage(0, "one").hash]) == {}


def test_a_failure_is_told_until_the_file_is_indexed(catalog: CatalogWriter) -> None:
    catalog.fail(Failure("a", "corrupt", "broken"), size=5, mtime_ns=6)
    assert catalog.failures() == [Failure("a", "corrupt", "broken")]
    assert catalog.failed_versions()["a"].failure == "corrupt"
    add(catalog, "a", "one")
    assert catalog.failures() == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("*.md", {1, 2}), ("zh/*", {2}), ("手册", {2}), ("a.MD", {1}), ("nothing", set()), ("sub/[a-c]*.txt", {3})],
)
def test_ids_are_chosen_by_glob_or_by_part_of_the_path(
    catalog: CatalogWriter, pattern: str, expected: set[int]
) -> None:
    for path in ("/docs/a.md", "/docs/zh/手册.md", "/docs/sub/b.txt"):
        add(catalog, path, path)
    assert set(catalog.ids_under([pattern])) == expected


def test_a_reader_sees_each_transaction_whole_while_a_writer_works(catalog: CatalogWriter, place: Place) -> None:
    add(catalog, "a", "one")
    with Catalog.read(place) as reader:
        with catalog.transaction():
            document = catalog.begin("a", "t", "md")
            catalog.append(document, [passage(0, "two")])
            catalog.publish([(document, File("a", 1, 1), "y")])
            assert [chunk.text for chunk in reader.chunks([1, 2]).values()] == ["one"]
        assert [chunk.text for chunk in reader.chunks([1, 2]).values()] == ["two"]


def test_a_failed_transaction_leaves_nothing(catalog: CatalogWriter) -> None:
    def fail_after_adding() -> None:
        with catalog.transaction():
            add(catalog, "a", "one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_adding()
    assert catalog.counts().documents == 0
    add(catalog, "b", "two")
    assert catalog.counts().chunks == 1


def test_a_collection_that_is_not_there_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="ragcli ingest PATH -c '手册'"):
        Catalog.read(Home(tmp_path).collection("手册"))


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 50])
def test_a_file_that_is_no_catalog_is_damage(place: Place, content: bytes) -> None:
    place.catalog.write_bytes(content)
    with pytest.raises(IndexDamaged, match="collections delete"):
        Catalog.read(place)


def test_a_catalog_with_overwritten_pages_is_damage(catalog: CatalogWriter, place: Place) -> None:
    for n in range(50):
        add(catalog, f"{n}", "long text " * 100)
    catalog.close()
    data = bytearray(place.catalog.read_bytes())
    data[4096 : len(data) - 4096] = os.urandom(len(data) - 8192)
    place.catalog.write_bytes(data)
    with Catalog.read(place) as reader, pytest.raises(IndexDamaged):
        reader.chunks(range(60))


def test_a_catalog_of_a_newer_version_asks_for_an_upgrade(catalog: CatalogWriter, place: Place) -> None:
    catalog._run("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="newer"):
        Catalog.read(place)
    with pytest.raises(ConfigError, match="newer"):
        CatalogWriter.open(place)


def test_a_full_database_is_told_and_rolled_back(catalog: CatalogWriter) -> None:
    add(catalog, "a", "one")
    (pages,) = catalog._one("PRAGMA page_count")
    catalog._run(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnwritable, match="full"), catalog.transaction():
        add(catalog, "b", "x" * 1_000_000)
    assert catalog.counts().documents == 1


def test_a_closed_catalog_is_one_file(catalog: CatalogWriter, place: Place) -> None:
    """So that a copy of it is whole."""
    add(catalog, "a", "one")
    catalog.close()
    assert [path.name for path in place.folder.iterdir()] == ["catalog.db"]
    with closing(sqlite3.connect(place.catalog)) as database:
        assert database.execute("SELECT count(*) FROM chunks").fetchone() == (1,)


def test_it_opens_and_answers_in_a_few_milliseconds(catalog: CatalogWriter, place: Place) -> None:
    """Of the processor's time, and the best of several: other processes may be busy."""
    for n in range(200):
        add(catalog, f"{n}", "text " * 100)
    catalog.close()
    times = []
    for _ in range(20):
        start = time.thread_time()
        with Catalog.read(place) as reader:
            assert len(reader.chunks([5, 50, 150])) == 3
        times.append(time.thread_time() - start)
    assert min(times) < 0.05


def test_importing_the_reader_loads_nothing_heavy() -> None:
    script = """
import sys, ragcli.store.collection
print({"numpy", "chromadb", "tantivy", "filelock"} & sys.modules.keys())
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=240)
    assert result.stdout.strip() == "set()"
