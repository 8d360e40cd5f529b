"""`ragcli ingest`: brings the index up to date with files and folders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.cli import documents
from ragcli.cli.loop import run_async
from ragcli.errors import Interrupted, PartialIngest, RagcliError
from ragcli.types import IngestReport, Postponed, WatchEnded

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
        events = workspace.ingest([str(path) for path in paths], collection, force=force, dry_run=dry_run, stop=stop)
        report = await (_last(events) if json else _show(events, context))
        if json:
            documents.emit(documents.ingest(report))
        return exit_code(report.failed, stopped=stop.is_set())

    return run_async(main)


def watch(
    context: Context, paths: Sequence[Path], collection: str, flags: Mapping[str, Any], *, force: bool, json: bool
) -> int:
    workspace = context.workspace(flags)

    async def main(stop: asyncio.Event) -> int:
        events = workspace.watch([str(path) for path in paths], collection, force=force, stop=stop)
        ended = await (_lines(events) if json else _show_watch(events, context))
        return exit_code(ended.failed, stopped=not ended.complete)

    return run_async(main)


async def _lines(events: AsyncGenerator[WatchEvent, None]) -> WatchEnded:
    """One document a round that brought something or failed."""
    first = True
    async with aclosing(events):
        async for event in events:
            if isinstance(event, IngestReport) and (first or event.brought_anything):
                documents.emit(documents.ingest(event))
                first = False
            elif isinstance(event, Postponed):
                documents.emit(documents.failure(event.error))
            elif isinstance(event, WatchEnded):
                return event
    raise RagcliError("the watch ended without a last word")


async def _show_watch(events: AsyncGenerator[WatchEvent, None], context: Context) -> WatchEnded:
    from ragcli.render.watching import show_watch

    return await show_watch(events, out=context.out(), err=context.err(), quiet=context.quiet, verbose=context.verbose)


async def _last(events: AsyncGenerator[IngestEvent, None]) -> IngestReport:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, IngestReport):
                return event
    raise RagcliError("the ingest ended without its report")


async def _show(events: AsyncGenerator[IngestEvent, None], context: Context) -> IngestReport:
    from ragcli.render.progress import show_ingest

    return await show_ingest(events, out=context.out(), err=context.err(), quiet=context.quiet, verbose=context.verbose)


def exit_code(failed: Sequence[Failure], *, stopped: bool) -> int:
    if stopped:
        return Interrupted.exit_code
    if any(failure.named or failure.kind not in HARMLESS for failure in failed):
        return PartialIngest.exit_code
    return 0
