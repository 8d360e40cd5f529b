"""Ingest end to end: real SQLite, real Chroma, real tantivy, real files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from collection_support import HashEmbedder, Library

from ragcli.errors import ConfigError, EndpointError, UsageError
from ragcli.ingest.pipeline import remove
from ragcli.store.collection import writer
from ragcli.store.keywords import TantivyIndex
from ragcli.store.layout import Home
from ragcli.types import Notice


@pytest.fixture
def library(tmp_path: Path) -> Library:
    docs = tmp_path / "docs"
    docs.mkdir()
    return Library(Home(tmp_path / "home"), docs)


async def test_ingested_files_are_found_in_every_index(library: Library) -> None:
    """English and Chinese, by keyword, by exact scan and by Chroma."""
    library.write("returns.md", "Goods may be returned within thirty days.\n\nRefunds take a week.")
    library.write("zh/退货.md", "商品可以在三十天内退货。\n\n退款需要一周。")

    report = await library.ingest()

    assert (report.added, report.documents, report.chunks, report.embedded_chunks) == (2, 2, 4, 4)
    assert library.found_by_keyword("refunds")[0] == "returns.md"
    assert library.found_by_keyword("退款")[0] == "退货.md"
    for chroma in (False, True):
        assert library.found_by_vector("Refunds take a week.", chroma=chroma) == ["returns.md"]
        assert library.found_by_vector("退款需要一周。", chroma=chroma) == ["退货.md"]


async def test_a_second_run_reads_and_embeds_nothing(library: Library) -> None:
    library.write("a.md", "One.\n\nTwo.")
    await library.ingest()
    library.found_by_vector("One.", chroma=True)  # a reader that had Chroma open leaves it sound

    report = await library.ingest()

    assert (report.unchanged, report.added, report.chunks, report.embedded_chunks) == (1, 0, 2, 0)
    assert library.embedder.texts == []
    assert library.reader.read_paths == []
    assert not [event for event in library.last_events if isinstance(event, Notice)]


async def test_an_edit_a_deletion_and_a_rename_leave_chroma_where_it_is(library: Library) -> None:
    """Building it anew is for damage, not for daily work."""
    library.write("a.md", "The fee is ten euros.")
    library.write("b.md", "锅炉的压力。")
    gone = library.write("c.md", "Parking is free.")
    await library.ingest()
    [before] = library.home.collection(library.collection).vectors.iterdir()

    library.write("a.md", "The fee is twelve euros.")
    (library.docs / "b.md").rename(library.docs / "锅炉.md")
    gone.unlink()
    await library.ingest()

    assert [*library.home.collection(library.collection).vectors.iterdir()] == [before]
    assert library.found_by_vector("The fee is twelve euros.", chroma=True) == ["a.md"]
    assert library.found_by_vector("锅炉的压力。", chroma=True, k=2) == ["锅炉.md", "a.md"]


async def test_an_edited_file_keeps_the_vectors_of_its_unchanged_passages(library: Library) -> None:
    """And only its new version is found."""
    path = library.write("a.md", "The fee is ten euros.\n\nThe office is in Berlin.\n\n办公室在北京。")
    await library.ingest()
    path.write_text("The fee is twelve euros.\n\nThe office is in Berlin.\n\n办公室在北京。", encoding="utf-8")

    report = await library.ingest()

    assert (report.updated, report.added, report.documents, report.chunks, report.embedded_chunks) == (1, 0, 1, 3, 1)
    assert library.embedder.texts == ["Kapitel > 部分\nThe fee is twelve euros."]
    assert library.found_by_keyword("ten") == []
    assert library.found_by_keyword("twelve") == ["a.md"]
    for chroma in (False, True):
        assert library.found_by_vector("办公室在北京。", chroma=chroma, k=10).count("a.md") == 3


async def test_a_renamed_or_moved_file_is_followed_and_not_embedded_again(library: Library) -> None:
    path = library.write("old.md", "Alpha beta.\n\nGamma delta.")
    await library.ingest()
    (library.docs / "sub").mkdir()
    path.rename(library.docs / "sub" / "新.md")

    report = await library.ingest()

    assert (report.added, report.removed, report.documents, report.embedded_chunks) == (1, 1, 1, 0)
    assert library.found_by_keyword("gamma") == ["新.md"]
    assert library.found_by_vector("Gamma delta.", chroma=True, k=5) == ["新.md", "新.md"]


async def test_a_file_with_a_new_date_and_the_same_content_is_unchanged(library: Library) -> None:
    path = library.write("a.md", "Same.")
    await library.ingest()
    os.utime(path, ns=(1, 1))

    report = await library.ingest()
    again = await library.ingest()

    assert (report.unchanged, report.embedded_chunks, library.reader.read_paths) == (1, 0, [])
    assert again.unchanged == 1


async def test_a_deleted_file_is_taken_out_below_the_given_folder_only(library: Library) -> None:
    library.write("one/a.md", "Kept elsewhere.")
    library.write("two/b.md", "Deleted text.")
    library.write("two/c.md", "Stays.")
    await library.ingest()
    (library.docs / "one/a.md").unlink()
    (library.docs / "two/b.md").unlink()

    kept = await library.ingest(library.docs / "two", prune=False)
    report = await library.ingest(library.docs / "two")

    assert kept.removed == 0
    assert (report.removed, report.documents) == (1, 2)
    assert not [event for event in library.last_events if isinstance(event, Notice)]
    assert library.found_by_keyword("deleted") == []
    assert library.found_by_keyword("elsewhere") == ["a.md"]


async def test_a_missing_folder_is_an_error_and_removes_nothing(library: Library) -> None:
    """A disk that is not mounted must not empty the index."""
    library.write("a.md", "Text.")
    await library.ingest()
    library.docs.rename(library.docs.with_name("unmounted"))

    with pytest.raises(UsageError, match="does not exist"):
        await library.ingest()

    with library.read() as catalog:
        assert catalog.counts().documents == 1


async def test_files_left_out_by_a_filter_of_one_run_stay(library: Library) -> None:
    library.write("a.md", "Alpha.")
    library.write("b.txt", "Beta.")
    await library.ingest()

    report = await library.ingest(include=("*.md",))

    assert (report.removed, report.documents) == (0, 2)


async def test_a_broken_file_does_not_stop_the_others_and_is_tried_again(library: Library) -> None:
    library.write("bad.md", "BROKEN\n\nrest")
    library.write("good.md", "Fine.")
    library.write("empty.md", "")

    first = await library.ingest()
    second = await library.ingest()
    library.write("bad.md", "Mended.")
    third = await library.ingest()

    assert [(Path(failure.path).name, failure.kind) for failure in first.failed] == [
        ("bad.md", "corrupt"),
        ("empty.md", "empty"),
    ]
    assert first.failed == second.failed
    assert [Path(path).name for path in library.reader.read_paths] == ["bad.md"]
    assert (first.added, third.added, len(third.failed), third.documents) == (1, 1, 1, 2)
    assert library.found_by_keyword("mended") == ["bad.md"]


async def test_a_file_that_cannot_be_read_any_more_keeps_its_old_version(library: Library) -> None:
    """Unless it is empty: then there is nothing left to be found."""
    path = library.write("a.md", "The old text.")
    await library.ingest()
    path.write_text("BROKEN", encoding="utf-8")
    broken = await library.ingest()
    assert library.found_by_keyword("old") == ["a.md"]

    path.write_text("", encoding="utf-8")
    empty = await library.ingest()

    assert ([failure.kind for failure in broken.failed], broken.documents) == (["corrupt"], 1)
    assert ([failure.kind for failure in empty.failed], empty.documents) == (["empty"], 0)
    assert library.found_by_keyword("old") == []


async def test_a_document_that_fails_half_way_leaves_nothing_behind(library: Library) -> None:
    """Its first readings were stored already; none of them is found, and no index holds them."""
    parts = [f"Part number {n}." for n in range(300)]
    library.write("long.md", "\n\n".join([*parts, "BROKEN"]))
    library.write("zz.md", "Other.")

    report = await library.ingest()

    assert (report.documents, report.chunks, len(report.failed)) == (1, 1, 1)
    assert library.found_by_vector("Part number 7.", chroma=True, k=50) == ["zz.md"]
    assert (await library.ingest()).documents == 1


async def test_force_reads_and_embeds_again(library: Library) -> None:
    library.write("a.md", "One.\n\nTwo.")
    await library.ingest()

    report = await library.ingest(force=True)

    assert (report.updated, report.chunks, report.embedded_chunks) == (1, 2, 2)
    assert library.found_by_vector("Two.", chroma=True, k=9) == ["a.md", "a.md"]


async def test_another_embedder_is_refused_and_force_embeds_the_whole_collection_again(library: Library) -> None:
    """Also the documents outside of the given folder, from the texts that the catalog holds."""
    library.write("one/a.md", "Alpha.\n\nBeta.")
    library.write("two/b.md", "Gamma.\n\n德尔塔。")
    await library.ingest()
    other = HashEmbedder(dimensions=48, id="hash:48")

    with pytest.raises(ConfigError, match="--force --embedding"):
        await library.ingest(embedder=other)
    report = await library.ingest(library.docs / "one", embedder=other, force=True)

    library.embedder = other
    assert (report.documents, report.chunks) == (2, 4)
    with library.read() as catalog:
        assert (catalog.embedder, catalog.dimensions) == ("hash:48", 48)
    for chroma in (False, True):
        assert library.found_by_vector("德尔塔。", chroma=chroma) == ["b.md"]
        assert library.found_by_vector("Alpha.", chroma=chroma, k=9).count("a.md") == 2


async def test_a_dry_run_tells_what_would_happen_and_makes_nothing(library: Library) -> None:
    library.write("a.md", "Alpha.")
    library.write("b.md", "Beta.")

    planned = await library.plan()
    assert [(event.action, Path(event.path).name) for event in planned[:-1]] == [("add", "a.md"), ("add", "b.md")]
    assert not library.home.path.exists()

    await library.ingest()
    library.write("a.md", "Alpha, changed.")
    (library.docs / "b.md").unlink()
    library.write("c.md", "Gamma.")
    planned = await library.plan()
    assert [(event.action, Path(event.path).name) for event in planned[:-1]] == [
        ("update", "a.md"),
        ("add", "c.md"),
        ("remove", "b.md"),
    ]
    with library.read() as catalog:
        assert catalog.counts().documents == 2


async def test_stopping_finishes_what_is_in_hand_and_the_next_run_goes_on(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragcli.ingest.pipeline._SECONDS_TO_STOP", 60)
    for n in range(60):
        library.write(f"{n:03d}.md", f"Document number {n}.\n\nIts second part {n}.")
    stop = asyncio.Event()
    library.embedder.after = 20, stop.set

    stopped = await library.ingest(stop=stop)
    found = [name for n in range(60) for name in library.found_by_vector(f"Document number {n}.")[:1]]
    embedded = len(library.embedder.texts)
    rest = await library.ingest()

    assert 0 < stopped.documents <= 60
    assert stopped.removed == 0
    assert len(set(found)) == stopped.documents
    assert (rest.documents, rest.chunks) == (60, 120)
    assert embedded + len(library.embedder.texts) == 120
    assert library.found_by_vector("Document number 59.", chroma=True) == ["059.md"]


async def test_what_takes_longer_than_a_moment_to_finish_is_left_to_the_next_run(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file in several readings some are in the indexes by then; what has a vector is not embedded again."""
    monkeypatch.setattr("ragcli.ingest.pipeline._SECONDS_TO_STOP", 0)
    monkeypatch.setattr("ragcli.ingest.pipeline._PIECES_A_BATCH", 2)
    library.write("kept.md", "The valve is blue.")
    await library.ingest()
    library.write("long.md", "\n\n".join(f"Paragraph number {n} of many." for n in range(400)))
    stop = asyncio.Event()
    library.embedder.after = 100, stop.set

    stopped = await library.ingest(stop=stop)
    known = library.read()
    with known:
        reused = known.counts().pending

    assert not stopped.complete
    assert (stopped.documents, stopped.chunks, reused) == (1, 1, 1)
    assert library.found_by_vector("The valve is blue.", chroma=True, k=5) == ["kept.md"]
    library.embedder.after = None
    rest = await library.ingest()
    assert (rest.documents, rest.chunks) == (2, 401)
    assert 0 < rest.embedded_chunks < 400
    assert not [event for event in library.last_events if isinstance(event, Notice)]
    assert library.found_by_vector("Paragraph number 399 of many.", chroma=True, k=1) == ["long.md"]


async def test_an_endpoint_that_fails_leaves_what_was_published_and_a_sound_collection(library: Library) -> None:
    for n in range(40):
        library.write(f"{n:03d}.md", f"Document number {n}.")

    def fail() -> None:
        raise EndpointError("the endpoint is down", remedy="try later")

    library.embedder.after = 20, fail
    with pytest.raises(EndpointError, match="down"):
        await library.ingest(batch=8, concurrency=1)  # one in flight: what came before it is complete
    library.embedder.after = None
    report = await library.ingest(batch=8)

    assert (report.documents, report.chunks) == (40, 40)
    assert report.embedded_chunks < 40
    assert not [event for event in library.last_events if isinstance(event, Notice)]


async def test_documents_are_removed_by_path(library: Library) -> None:
    library.write("a.md", "Alpha.")
    kept = library.write("b.md", "Beta.")
    await library.ingest()

    target = writer(library.home, library.collection, open_keywords=TantivyIndex)
    removed = await remove([str(library.docs / "a.md"), "/no/such.md"], collection=target, wait=0)

    assert removed == 1
    assert library.found_by_keyword("alpha") == []
    assert library.found_by_vector("Beta.", chroma=True, k=3) == [kept.name]
