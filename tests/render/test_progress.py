"""What a person sees of an ingest, and what a pipe does."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator

import pytest
from chat.double import terminal

from ragcli.errors import RagcliError
from ragcli.render.console import make_console
from ragcli.render.progress import failure_table, show_ingest
from ragcli.render.summary import plain
from ragcli.text.figures import size_text
from ragcli.types import Failure, IngestEvent, IngestProgress, IngestReport, Notice, Planned

BROKEN = Failure("/docs/坏文件.pdf", "corrupt", "no PDF\x1b[2J at all")
REPORT = IngestReport(
    collection="work",
    added=2,
    updated=1,
    unchanged=3,
    removed=1,
    failed=(BROKEN,),
    documents=6,
    chunks=90,
    seconds=1.25,
)


async def events(*extra: IngestEvent) -> AsyncGenerator[IngestEvent, None]:
    yield IngestProgress(files=3)
    yield Notice("rebuilt", "the keyword index was rebuilt")
    for event in extra:
        yield event
    yield BROKEN
    yield IngestProgress(files=7, done=7, chunks=90, failed=1, complete=True)
    yield REPORT


async def test_a_pipe_gets_the_summary_and_the_failed_files_and_stderr_no_animation() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert await show_ingest(events(), out=make_console(out), err=make_console(err)) is REPORT
    assert out.getvalue().endswith(
        "2 added, 1 updated, 3 unchanged, 1 removed, 1 not indexed; work holds 6 documents, 90 passages (1.2 s)\n"
    )
    assert "/docs/坏文件.pdf" in out.getvalue()
    assert "no PDF at all" in out.getvalue()
    assert err.getvalue() == "the keyword index was rebuilt\n"


async def test_verbose_says_how_far_it_is_every_few_seconds() -> None:
    err, moments = io.StringIO(), iter([0.0, 6.0, 12.0])
    console = make_console(err)
    await show_ingest(events(), out=make_console(io.StringIO()), err=console, verbose=True, clock=lambda: next(moments))
    assert "0 of 3+ files, 0 passages\n" in err.getvalue()
    assert "7 of 7 files, 90 passages, 1 failed, 15/s\n" in err.getvalue()
    assert "/docs/坏文件.pdf: no PDF at all\n" in err.getvalue()


async def test_the_course_tells_the_rate_and_the_time_that_is_left() -> None:
    """By the last half minute: what was slow, or skipped at once, an hour ago says nothing of the rest."""
    moments = iter([0.0, 0.0, 10.0, 3_610.0, 3_640.0, 3_650.0])
    err = io.StringIO()

    async def course() -> AsyncGenerator[IngestEvent, None]:
        yield IngestProgress(files=500)
        yield IngestProgress(files=900, done=10, chunks=20)
        yield IngestProgress(files=1_000, done=370, chunks=920, complete=True)
        yield IngestProgress(files=1_000, done=400, chunks=1_000, complete=True)
        yield IngestProgress(files=1_000, done=1_000, chunks=4_000, complete=True)
        yield REPORT

    console = make_console(err)
    await show_ingest(course(), out=make_console(io.StringIO()), err=console, verbose=True, clock=lambda: next(moments))
    assert err.getvalue().splitlines() == [
        "10 of 900+ files, 20 passages, 2/s",
        "370 of 1000 files, 920 passages, 0/s, 1:45:00 left",
        "400 of 1000 files, 1000 passages, 3/s, 0:10:00 left",
        "1000 of 1000 files, 4000 passages, 77/s",
    ]


async def test_quiet_says_nothing() -> None:
    out, err = io.StringIO(), io.StringIO()
    await show_ingest(events(), out=make_console(out), err=make_console(err), quiet=True)
    assert out.getvalue() + err.getvalue() == ""


async def test_a_dry_run_lists_what_would_happen_and_says_that_nothing_has() -> None:
    async def planned() -> AsyncGenerator[IngestEvent, None]:
        yield Planned("/docs/a.md", "add")
        yield Planned("/docs/b.md", "remove")
        yield IngestReport(collection="work", added=1, removed=1, documents=6, dry_run=True)

    out = io.StringIO()
    await show_ingest(planned(), out=make_console(out), err=make_console(io.StringIO()))
    assert out.getvalue() == (
        "add  /docs/a.md\nremove  /docs/b.md\n"
        "1 added, 1 removed; work would hold 6 documents; nothing was done, as this is a dry run (0.0 s)\n"
    )


def test_a_run_that_was_stopped_says_that_the_next_one_goes_on() -> None:
    stopped = IngestReport(collection="work", added=3, documents=3, chunks=9, complete=False)
    assert plain(stopped).endswith("holds 3 documents, 9 passages (0.0 s); stopped; the next ingest goes on from here")


async def test_a_terminal_gets_a_bar_that_is_gone_afterwards() -> None:
    console = terminal()
    await show_ingest(events(), out=make_console(io.StringIO()), err=console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "━" in shown
    assert shown.rstrip().endswith("\x1b[2K")


async def test_an_ingest_that_ends_without_a_report_is_an_error() -> None:
    async def nothing() -> AsyncGenerator[IngestEvent, None]:
        yield IngestProgress()

    with pytest.raises(RagcliError, match="without its report"):
        await show_ingest(nothing(), out=make_console(io.StringIO()), err=make_console(io.StringIO()))


def test_a_long_list_of_failures_is_cut_and_counted() -> None:
    out = io.StringIO()
    make_console(out, width=120).print(failure_table([Failure(f"/d/{n}.pdf", "corrupt", "bad") for n in range(60)]))
    assert "/d/49.pdf" in out.getvalue()
    assert "/d/50.pdf" not in out.getvalue()
    assert "and 10 more" in out.getvalue()


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (12_345, "12 kB"), (5_300_000, "5.3 MB"), (2 * 10**12, "2000.0 GB")]
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert size_text(count) == text
