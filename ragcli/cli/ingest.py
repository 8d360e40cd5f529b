"""`ragcli ingest`: brings the index up to date with files and folders."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.cli import journal
from ragcli.cli.loop import run_async
from ragcli.errors import Interrupted, PartialIngest, RagcliError
from ragcli.types import IngestProgress, IngestReport, Notice, Postponed, WatchEnded

if TYPE_CHECKING:
    from ragcli.cli.context import Context
    from ragcli.types import Failure, IngestEvent, WatchEvent

HARMLESS = frozenset({"empty", "no_text", "unsupported"})
"""Kinds of failure that every folder of real files holds; they count only for files named on the command line."""


def run(
    context: Context,
    paths: Sequence[Path],
    collection: str,
    flags: Mapping[str, Any],
    *,
    force: bool,
    dry_run: bool,
    json: bool,
) -> int:
    workspace = context.workspace(flags)

    async def main(stop: asyncio.Event) -> int:
        found = workspace.ingest([str(path) for path in paths], collection, force=force, dry_run=dry_run, stop=stop)
        events = journal.heard(found)
        report = await (_last(events, context) if json else _show(events, context))
        if json:
            from ragcli.cli import documents
            from ragcli.render.summary import STOPPED

            documents.emit(documents.ingest(report, None if report.complete else STOPPED))
        return exit_code(report.failed, stopped=stop.is_set())

    with _private():
        return run_async(main)


def watch(
    context: Context, paths: Sequence[Path], collection: str, flags: Mapping[str, Any], *, force: bool, json: bool
) -> int:
    workspace = context.workspace(flags)

    async def main(stop: asyncio.Event) -> int:
        events = journal.heard(workspace.watch([str(path) for path in paths], collection, force=force, stop=stop))
        ended = await (_lines(events, context) if json else _show_watch(events, context))
        return exit_code(ended.failed, stopped=not ended.complete)

    with _private():
        return run_async(main)


@contextmanager
def _private() -> Iterator[None]:
    """What libraries write is closed to others at once, not only when the ingest has come to its end."""
    former = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(former)


async def _lines(events: AsyncGenerator[WatchEvent, None], context: Context) -> WatchEnded:
    """One document a round that brought something or failed; notices go to stderr."""
    from ragcli.cli import documents

    first = True
    async with aclosing(events):
        async for event in events:
            if isinstance(event, IngestReport) and (first or event.brought_anything):
                documents.emit(documents.ingest(event))
                first = False
            elif isinstance(event, Notice):
                context.tell(event.message)
            elif isinstance(event, Postponed):
                documents.emit(documents.failure(event.error))
            elif isinstance(event, WatchEnded):
                return event
    raise RagcliError("the watch ended without a last word")


async def _show_watch(events: AsyncGenerator[WatchEvent, None], context: Context) -> WatchEnded:
    from ragcli.render.watching import show_watch

    return await show_watch(events, out=context.out(), err=context.err(), quiet=context.quiet, verbose=context.verbose)


async def _last(events: AsyncGenerator[IngestEvent, None], context: Context) -> IngestReport:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Notice):
                context.tell(event.message)
            elif isinstance(event, IngestReport):
                return event
    raise RagcliError("the ingest ended without its report")


async def _show(events: AsyncGenerator[IngestEvent, None], context: Context) -> IngestReport:
    """In a pipe the summary alone where there is nothing else to show: most runs find little to do."""
    async with aclosing(events):
        shown = events
        if not (context.verbose or sys.stdout.isatty() or sys.stderr.isatty()):
            event = await _first_shown(events)
            if isinstance(event, IngestReport) and not event.failed:
                if not context.quiet:
                    from ragcli.render.summary import plain

                    sys.stdout.write(plain(event) + "\n")
                return event
            shown = _from(event, events)
        from ragcli.render.progress import show_ingest

        return await show_ingest(
            shown, out=context.out(), err=context.err(), quiet=context.quiet, verbose=context.verbose
        )


async def _first_shown(events: AsyncGenerator[IngestEvent, None]) -> IngestEvent:
    async for event in events:
        if not isinstance(event, IngestProgress):
            return event
    raise RagcliError("the ingest ended without its report")


async def _from(first: IngestEvent, rest: AsyncGenerator[IngestEvent, None]) -> AsyncGenerator[IngestEvent, None]:
    yield first
    async for event in rest:
        yield event


def exit_code(failed: Sequence[Failure], *, stopped: bool) -> int:
    if stopped:
        return Interrupted.exit_code
    if any(failure.named or failure.kind not in HARMLESS for failure in failed):
        return PartialIngest.exit_code
    return 0
