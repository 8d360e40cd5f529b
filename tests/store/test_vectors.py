"""The exact scan and Chroma: the same answers, also when something is missing, damaged, locked or read-only."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import ConfigError
from ragcli.store.catalog import Catalog
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.chroma import ChromaFailed, ChromaIndex, ChromaWriter
from ragcli.store.chroma_child import COLLECTION, Writer
from ragcli.store.collection import faults, open_vectors
from ragcli.store.exact import ExactIndex
from ragcli.store.indexes import StoredIndexes
from ragcli.store.keywords import TantivyIndex
from ragcli.store.layout import Home, Place
from ragcli.types import Chunk, File, Passage

DIMENSIONS = 24


def vectors_of(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSIONS)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def passages(rows: np.ndarray, first: int = 0) -> list[Passage]:
    return [
        Passage(Chunk(n, f"text 文字 {first + n}", 0, 1), (first + n).to_bytes(16, "big"), row.tobytes())
        for n, row in enumerate(rows)
    ]


def publish(catalog: CatalogWriter, path: str, rows: np.ndarray, first: int = 0) -> list[tuple[int, bytes]]:
    document = catalog.begin(path, path, "md")
    ids = catalog.append(document, passages(rows, first))
    catalog.publish([(document, File(path, 1, 1), "sha")])
    return [(id, row.tobytes()) for id, row in zip(ids, rows, strict=True)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Home(tmp_path).collection("知识库")
    place.create()
    return place


@pytest.fixture
def writer(place: Place) -> Iterator[CatalogWriter]:
    with CatalogWriter.open(place) as catalog:
        catalog.adopt("test:24", DIMENSIONS)
        yield catalog


def build(place: Place, catalog: CatalogWriter, *batches: np.ndarray) -> StoredIndexes:
    """All indexes over documents of these vectors, closed."""
    indexes = StoredIndexes(place, catalog, TantivyIndex)
    indexes.open()
    for number, rows in enumerate(batches):
        indexes.add(publish(catalog, f"{number}.md", rows, first=1000 * number))
    assert indexes.close() == []
    return indexes


@given(count=st.integers(0, 60), k=st.integers(1, 70), seed=st.integers(0, 99), mapped=st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_the_scan_finds_what_sorting_by_cosine_finds(
    tmp_path_factory: pytest.TempPathFactory, count: int, k: int, seed: int, mapped: int
) -> None:
    """Wherever the border between the mapped rows and those that only the catalog has lies."""
    from ragcli.store.matrix import MatrixWriter

    place = Home(tmp_path_factory.mktemp("home")).collection("x")
    place.create()
    rows = vectors_of(count, seed)
    with CatalogWriter.open(place) as catalog:
        catalog.adopt("test:24", DIMENSIONS)
        publish(catalog, "a", rows[:mapped])
        MatrixWriter(place, catalog).catch_up()
        publish(catalog, "b", rows[mapped:])
        query = vectors_of(1, seed + 1000)[0]
        hits = ExactIndex(catalog).search(query, k)
    cosines = rows @ query
    best = sorted(range(count), key=lambda row: -cosines[row])[:k]
    assert [id for id, _ in hits] == [row + 1 for row in best]
    assert np.allclose([score for _, score in hits], cosines[best], atol=1e-5)


def test_chroma_and_the_scan_give_the_same_answers(place: Place, writer: CatalogWriter) -> None:
    rows = vectors_of(1500)
    build(place, writer, rows)
    reasons: list[str] = []
    chroma = ChromaIndex(writer, ExactIndex(writer), explain=reasons.append)
    exact = open_vectors(writer, long_lived=False)
    for query in vectors_of(20, seed=5):
        from_chroma, from_scan = chroma.search(query, 10), exact.search(query, 10)
        assert len({id for id, _ in from_chroma} & {id for id, _ in from_scan}) >= 9
        assert np.allclose(from_chroma[0][1], from_scan[0][1], atol=1e-4)
    assert chroma.search(rows[7], 3, among=[3, 8, 11, 99999])[0][0] == 8
    chroma.close()
    assert reasons == []


def test_vectors_that_repeat_stand_apart_in_chroma_and_are_found_as_they_are(
    place: Place, writer: CatalogWriter
) -> None:
    """Among equal ones its graph is searched from end to end for each that is added."""
    rows = np.concatenate([vectors_of(100), np.tile(vectors_of(1, seed=3), (200, 1))])
    build(place, writer, rows)
    client: Any = chromadb.PersistentClient(str(place.vectors / "1"), Settings(anonymized_telemetry=False))
    kept = client.get_collection(COLLECTION, embedding_function=None).get(include=["embeddings"])["embeddings"]
    client.close()
    assert len(np.unique(kept, axis=0)) == 300

    chroma = ChromaIndex(writer, ExactIndex(writer))
    hits = chroma.search(rows[-1], 30)
    chroma.close()
    assert [cosine for _, cosine in hits] == pytest.approx([1.0] * 30)


@pytest.mark.filterwarnings("ignore:legacy embedding function config")
def test_what_waits_in_the_queue_of_an_older_index_is_in_its_files_after_the_next_write(tmp_path: Path) -> None:
    former: Any = chromadb.PersistentClient(str(tmp_path), Settings(anonymized_telemetry=False))
    hnsw: Any = {"hnsw": {"space": "cosine", "sync_threshold": 1_000}}
    former.create_collection(COLLECTION, configuration=hnsw, embedding_function=None)
    former.close()
    writer = Writer(str(tmp_path))
    assert writer.open() == 0
    assert writer.upsert(np.arange(5, dtype="<i8").tobytes(), vectors_of(5).tobytes()) == 5
    assert writer.flush() == 5
    writer.close()
    [labels] = tmp_path.glob("*/index_metadata.pickle")
    assert labels.stat().st_size > 0


def test_retired_and_pending_chunks_never_crowd_out_those_that_count(place: Place, writer: CatalogWriter) -> None:
    """A hundred nearer neighbours that no longer count, and a hundred that do not count yet."""
    target = vectors_of(1)[0]
    near = np.tile(target, (100, 1))
    far = vectors_of(5, seed=9)
    build(place, writer, near, far)
    writer.retire([1])
    document = writer.begin("pending.md", "p", "md")
    writer.append(document, passages(near, 7000))

    hits = ExactIndex(writer).search(target, 5)

    assert {id for id, _ in hits} == {101, 102, 103, 104, 105}


def test_an_open_index_follows_the_catalog(place: Place, writer: CatalogWriter) -> None:
    """What another connection has published is found without opening anything again."""
    first, second = vectors_of(30), vectors_of(30, seed=2)
    build(place, writer, first)
    with Catalog.read(place) as reader:
        chroma = ChromaIndex(reader, ExactIndex(reader))
        assert chroma.search(first[3], 1)[0][0] == 4

        indexes = StoredIndexes(place, writer, TantivyIndex)
        indexes.open()
        indexes.add(publish(writer, "new.md", second, first=500))
        during = chroma.search(second[4], 1)
        indexes.close()
        after = chroma.search(second[4], 1)
        chroma.close()
    assert during[0][0] == after[0][0] == 35


def test_while_another_process_holds_chroma_the_scan_answers_at_once(place: Place, writer: CatalogWriter) -> None:
    from filelock import FileLock

    rows = vectors_of(20)
    build(place, writer, rows)
    reasons: list[str] = []
    index = ChromaIndex(writer, ExactIndex(writer), explain=reasons.append)
    with FileLock(place.vectors_lock):
        hits = index.search(rows[3], 1)
    index.close()
    assert hits[0][0] == 4
    assert "in use by another process" in reasons[0]


@pytest.mark.parametrize("damage", ["deleted", "database", "vectors"])
def test_a_damaged_chroma_is_noticed_bypassed_and_built_anew(place: Place, writer: CatalogWriter, damage: str) -> None:
    rows = vectors_of(40)
    build(place, writer, rows)
    folder = place.vectors / "1"
    if damage == "deleted":
        shutil.rmtree(place.vectors)
    elif damage == "database":
        (folder / "chroma.sqlite3").write_bytes(b"garbage" * 100)
    else:
        next(folder.glob("*/data_level0.bin")).write_bytes(b"garbage")
    reasons: list[str] = []
    index = ChromaIndex(writer, ExactIndex(writer), explain=reasons.append)
    assert index.search(rows[5], 1)[0][0] == 6
    index.close()
    assert "damaged" in reasons[0]
    assert any("vector index" in fault for fault in faults(writer))

    indexes = StoredIndexes(place, writer, TantivyIndex)
    [notice] = indexes.open()
    assert indexes.close() == []

    assert "vector index" in notice.message
    assert faults(writer) == []
    index = ChromaIndex(writer, ExactIndex(writer), explain=reasons.append)
    assert index.search(rows[5], 1)[0][0] == 6
    index.close()
    assert len(reasons) == 1


def test_a_deleted_or_torn_matrix_is_done_without_and_mended(place: Place, writer: CatalogWriter) -> None:
    rows = vectors_of(40)
    build(place, writer, rows)
    (ids,) = place.matrix.glob("*.ids")
    with ids.open("r+b") as file:
        file.truncate(8 * 7 + 3)
    assert ExactIndex(writer).search(rows[30], 1)[0][0] == 31
    assert faults(writer) == ["the vector matrix is missing, damaged or unfinished"]

    shutil.rmtree(place.matrix)
    assert ExactIndex(writer).search(rows[30], 1)[0][0] == 31
    indexes = StoredIndexes(place, writer, TantivyIndex)
    indexes.open()
    indexes.close()
    assert faults(writer) == []


def test_a_matrix_of_mostly_dead_rows_is_written_anew(place: Place, writer: CatalogWriter) -> None:
    rows = vectors_of(1200)
    build(place, writer, rows[:600], rows[600:])
    with Catalog.read(place) as reader:
        index = ExactIndex(reader)
        assert index.search(rows[700], 1)[0][0] == 701
        writer.retire([1])
        indexes = StoredIndexes(place, writer, TantivyIndex)
        indexes.open()
        indexes.delete(writer.unsettled(stale=False))
        indexes.close()
        assert index.search(rows[700], 1)[0][0] == 701
    assert sum(path.stat().st_size for path in place.matrix.glob("*.ids")) == 8 * 600


def test_many_deletions_make_chroma_new(place: Place, writer: CatalogWriter) -> None:
    """It only marks them; a rebuild takes the space back."""
    rows = vectors_of(1500)
    build(place, writer, rows[:1000], rows[1000:])
    indexes = StoredIndexes(place, writer, TantivyIndex)
    assert indexes.open() == []
    writer.retire([1])
    indexes.delete(writer.unsettled(stale=False))
    assert indexes.close() == []

    assert faults(writer) == []
    assert [path.name for path in place.vectors.iterdir()] == ["2"]


def test_a_chroma_process_that_dies_costs_nothing(place: Place, writer: CatalogWriter) -> None:
    """Killed in the middle of a run: the run goes on, and the index is built again at its end."""
    rows = vectors_of(60)
    indexes = StoredIndexes(place, writer, TantivyIndex)
    indexes.open()
    indexes.add(publish(writer, "a.md", rows[:30]))
    child = indexes._vectors
    assert child is not None
    child._child.kill()
    child._child.wait()
    indexes.add(publish(writer, "b.md", rows[30:], first=500))

    assert indexes.close() == []
    assert faults(writer) == []
    index = ChromaIndex(writer, ExactIndex(writer), explain=pytest.fail)
    assert index.search(rows[45], 1)[0][0] == 46
    index.close()


@pytest.mark.parametrize("times", [1, 2])
def test_a_process_that_cannot_be_started_is_started_once_more(
    place: Place, writer: CatalogWriter, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    refusals = [OSError(errno.EFAULT, "Bad address")] * times
    start = subprocess.Popen

    def refuse(*command: Any, **options: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return start(*command, **options)

    monkeypatch.setattr("ragcli.store.chroma.subprocess.Popen", refuse)
    indexes = StoredIndexes(place, writer, TantivyIndex)
    indexes.open()
    indexes.add(publish(writer, "a.md", vectors_of(50)))
    notices = [notice.message for notice in indexes.close()]
    assert bool(notices) == bool(faults(writer)) == (times == 2)
    assert all("cannot be started (Bad address)" in message for message in notices)


def test_a_dead_child_is_told_by_its_exit_code(place: Place) -> None:
    child = ChromaWriter(place, 1)
    child._child.kill()
    with pytest.raises(ChromaFailed, match="exit code -9" if os.name == "posix" else "died"):
        child.upsert([(1, vectors_of(1)[0].tobytes())])
    child.close()


def test_a_vector_of_another_length_is_refused_with_the_remedy(place: Place, writer: CatalogWriter) -> None:
    build(place, writer, vectors_of(3))
    with pytest.raises(ConfigError, match="--force --embedding"):
        ExactIndex(writer).search(np.ones(7, dtype=np.float32), 1)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_can_read_any_file_whatever_the_umask(tmp_path: Path) -> None:
    """In a process of its own, because the umask belongs to the process."""
    script = f"""
import os, sys
os.umask(0)
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import test_vectors as t
place = t.Home(Path({str(tmp_path / "new" / "home")!r})).collection("x")
place.create()
with t.CatalogWriter.open(place) as catalog:
    catalog.adopt("test:24", t.DIMENSIONS)
    t.build(place, catalog, t.vectors_of(30))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
    paths = list((tmp_path / "new").rglob("*"))
    assert len(paths) > 12
    loose = {str(path): oct(path.stat().st_mode) for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert loose == {}


def test_the_answer_needs_no_chroma_below_the_border(place: Place, writer: CatalogWriter) -> None:
    build(place, writer, vectors_of(3))
    script = f"""
import sys
from pathlib import Path
from ragcli.store.layout import Home
from ragcli.store.collection import open_reader, open_vectors
catalog = open_reader(Home(Path({str(place.folder.parent.parent)!r})), "知识库")
import numpy as np
assert len(open_vectors(catalog, long_lived=False).search(np.ones({DIMENSIONS}, dtype=np.float32), 2)) == 2
assert not {{"chromadb", "tantivy", "filelock"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)


def test_a_link_file_of_absurd_size_is_never_loaded(place: Place, writer: CatalogWriter) -> None:
    """A torn write can leave a sparse file of terabytes; loading it would take the machine down."""
    from ragcli.store.stamps import VECTORS, stamp_of

    rows = vectors_of(20)
    build(place, writer, rows)
    with next((place.vectors / "1").glob("*/link_lists.bin")).open("r+b") as file:
        file.truncate(1 << 32)
    writer.remember(VECTORS, stamp_of(place.vectors / "1", count=20).dump())
    reasons: list[str] = []
    index = ChromaIndex(writer, ExactIndex(writer), explain=reasons.append)
    assert index.search(rows[2], 1)[0][0] == 3
    assert "damaged" in reasons[0]
    index.close()
