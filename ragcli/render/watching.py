"""A watch on its way: each round that brought something is a line with its time; between rounds there is silence."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING

from rich.text import Text

from ragcli.errors import RagcliError
from ragcli.render.console import print_line, shown_path, silent_keys
from ragcli.render.progress import Course, failure_table, summary
from ragcli.render.summary import STOPPED
from ragcli.text.clean import one_line
from ragcli.types import Failure, IngestProgress, IngestReport, Notice, Postponed, WatchEnded, WatchEvent

if TYPE_CHECKING:
    from rich.console import Console


async def show_watch(
    events: AsyncGenerator[WatchEvent, None],
    *,
    out: Console,
    err: Console,
    quiet: bool = False,
    verbose: bool = False,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], str] = lambda: time.strftime("%H:%M:%S"),
) -> WatchEnded:
    """Shows a watch to its end: notices and bars on `err`, what each round brought on `out`.

    Raises what the generator raises.
    """
    first = True
    course: Course | None = None
    with ExitStack() as shown:
        async with aclosing(events):
            async for event in events:
                match event:
                    case IngestProgress():
                        if course is None:
                            course = Course(err, quiet=quiet, verbose=verbose, clock=clock)
                            shown.enter_context(course)
                            shown.enter_context(silent_keys())
                        course.progress(event)
                    case Notice():
                        _note(err, course, event.message, quiet=quiet)
                    case Failure():
                        if verbose:
                            _note(err, course, f"{shown_path(event.path)}: {event.message}", "warning", quiet=quiet)
                    case Postponed():
                        shown.close()
                        course = None
                        words = f"{event.error}; trying again in {event.wait_s:.0f} s"
                        _note(err, None, words, "warning", quiet=False)
                    case IngestReport():
                        shown.close()
                        course = None
                        if (first or event.brought_anything) and not quiet:
                            _tell(out, event, now())
                        first = False
                    case WatchEnded():
                        if not event.complete:
                            _note(err, None, str(STOPPED), quiet=quiet)
                        return event
    raise RagcliError("the watch ended without a last word")


def _tell(out: Console, report: IngestReport, at: str) -> None:
    if report.failed:
        out.print(failure_table(report.failed))
    print_line(out, Text(f"{at}  ", "note") + summary(report))


def _note(err: Console, course: Course | None, message: str, style: str = "note", *, quiet: bool) -> None:
    text = one_line(message, 300)
    if course is not None:
        course.note(text, style)
    elif not quiet:
        print_line(err, text, style)
