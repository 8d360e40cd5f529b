"""An ingest on its way: a bar on a terminal, some lines with --verbose, nothing in a pipe; then the summary."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ragcli.errors import RagcliError
from ragcli.render.console import is_live, print_line, shown_path, silent_keys
from ragcli.render.summary import parts
from ragcli.text.clean import one_line
from ragcli.types import Failure, IngestEvent, IngestProgress, IngestReport, Notice, Planned

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_EVERY_S = 5.0
"""Between two lines of --verbose where no bar can be drawn."""
SPEED_OVER_S = 30.0
"""What the last half minute took tells best what the rest will take."""
LISTED = 50
"""Failed files that the table names; the rest are counted."""


async def show_ingest(
    events: AsyncGenerator[IngestEvent, None],
    *,
    out: Console,
    err: Console,
    quiet: bool = False,
    verbose: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> IngestReport:
    """Shows an ingest to its end: its course on `err`, its summary and the failed files on `out`.

    Raises what the generator raises.
    """
    report: IngestReport | None = None
    course = Course(err, quiet=quiet, verbose=verbose, clock=clock)
    with course, silent_keys():
        async with aclosing(events):
            async for event in events:
                match event:
                    case IngestProgress():
                        course.progress(event)
                    case Notice():
                        course.note(one_line(event.message, 300))
                    case Failure():
                        if verbose:
                            course.note(f"{shown_path(event.path)}: {one_line(event.message, 200)}", "warning")
                    case Planned():
                        print_line(out, f"{event.action}  {shown_path(event.path)}")
                    case IngestReport():
                        report = event
    if report is None:
        raise RagcliError("the ingest ended without its report")
    if not quiet:
        if report.failed:
            out.print(failure_table(report.failed))
        print_line(out, summary(report))
    return report


class Course:
    """The course of an ingest on stderr."""

    def __init__(self, console: Console, *, quiet: bool, verbose: bool, clock: Callable[[], float]) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._clock = clock
        self._due = clock() + LINE_EVERY_S
        self._bar: Progress | None = None
        self._past: deque[tuple[float, IngestProgress]] = deque()

    def __enter__(self) -> None:
        if is_live(self._console) and not self._quiet:
            self._bar = _bar(self._console)
            self._task = self._bar.add_task("looking for files", total=None, detail="")
            self._bar.start()

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def progress(self, state: IngestProgress) -> None:
        now = self._clock()
        detail = f"{state.done} of {state.files}{'' if state.complete else '+'} files, {state.chunks} passages"
        if state.failed:
            detail += f", {state.failed} failed"
        detail += self._speed(now, state)
        if self._bar:
            total = max(state.files, 1) if state.complete else None
            self._bar.update(self._task, description="", completed=state.done, total=total, detail=detail)
        elif self._verbose and not self._quiet and now >= self._due:
            self._due = now + LINE_EVERY_S
            print_line(self._console, detail, "note")

    def _speed(self, now: float, state: IngestProgress) -> str:
        """Passages a second, and how long the files that are left will take, by what came of late."""
        self._past.append((now, state))
        while len(self._past) > 2 and self._past[1][0] <= now - SPEED_OVER_S:
            self._past.popleft()
        since, former = self._past[0]
        seconds, files = now - since, state.done - former.done
        if seconds < 1 or not files:
            return ""
        rate = f", {(state.chunks - former.chunks) / seconds:.0f}/s"
        left = round((state.files - state.done) * seconds / files)
        return f"{rate}, {timedelta(seconds=left)} left" if state.complete and left else rate

    def note(self, text: str, style: str = "note") -> None:
        if not self._quiet:
            print_line(self._bar.console if self._bar else self._console, text, style)


def _bar(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(style="status"),
        BarColumn(bar_width=10),
        TextColumn("{task.description}{task.fields[detail]}", style="note"),
    )
    return Progress(*columns, console=console, transient=True, refresh_per_second=8)


def summary(report: IngestReport) -> Text:
    """One line: what changed, and what the collection holds now."""
    return Text.assemble(*parts(report))


def failure_table(failures: Sequence[Failure]) -> Table:
    """The files that could not be indexed, each with its kind and why."""
    table = Table(box=None, pad_edge=False, header_style="note")
    table.add_column("not indexed", overflow="fold", ratio=3)
    table.add_column("kind", style="warning", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=4)
    for failure in failures[:LISTED]:
        table.add_row(Text(shown_path(failure.path)), failure.kind, Text(one_line(failure.message, 300)))
    if len(failures) > LISTED:
        table.add_row(Text(f"and {len(failures) - LISTED} more", "note"), "", Text("ragcli status --json", "note"))
    return table
