"""document -> extract -> chunk -> embed -> index, as one generator of events.

The stages are generators that pull from each other and run a bounded number of items ahead, so memory does not grow
with the folder, and reading, embedding and writing happen at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Iterator, Sequence
from itertools import islice

from msgspec import Struct, field

from ragcli import config
from ragcli.errors import ConfigError, EndpointError, Interrupted
from ragcli.ingest.changes import Changes, Failed, Looked
from ragcli.ingest.discover import discover
from ragcli.ingest.embed import Item, embed
from ragcli.ingest.index import Indexer, Pending, Written
from ragcli.ingest.read import OpenReader, read
from ragcli.ingest.reembed import reembed
from ragcli.ports import CollectionWriter, Embedder
from ragcli.ports.models import Expecting
from ragcli.streams.operators import batched, buffered, interruptible
from ragcli.streams.threads import in_thread, return_freed_memory, share_heaps
from ragcli.types import Failure, File, IngestEvent, IngestProgress, IngestReport, Notice, Planned

_FILES_AHEAD = 32  # that are being read, or wait for those before them
_LOOKED_AT_ONCE = 500  # files whose size and date are compared in one go
_PIECES_A_BATCH = 192  # at most 1,536 chunks; each one is a segment of the keyword index, and eight of those are merged
_PIECES_AT_FIRST = 48  # the first batch is a small one, each next twice as large: to write begins early
_SECONDS_A_BATCH = 2.0  # with a slow embedder a batch is written after this time, so that little is lost
_SECONDS_TO_STOP = 0.5  # for what is on its way, once it is to stop


async def ingest(
    paths: Sequence[str],
    *,
    collection: CollectionWriter,
    embedder: Embedder,
    open_reader: OpenReader,
    settings: config.Ingest,
    embedding: config.Embedding,
    only: Collection[str] | None = None,
    force: bool = False,
    stop: asyncio.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[IngestEvent, None]:
    """Brings the collection up to date with the files at and below `paths`; the last event is the report.

    With `only`, the same for just what is, or was, at or below these absolute paths. `stop` ends it early: what is in
    hand is finished and reported, and the next run goes on. Raises UsageError, ConfigError, StoreError, EndpointError;
    what was published before stays. Raises Interrupted where it is stopped while it waits for another ingest.
    """
    started = clock()
    stop = stop or asyncio.Event()
    found = _discover(paths, settings, only)
    run: _Run | None = None
    try:
        async for notice in interruptible(collection.acquire(settings.wait), stop):
            yield notice
        if stop.is_set():
            raise Interrupted("stopped while waiting for another ingest")
        catalog, indexes = collection.catalog, collection.indexes
        another = catalog.embedder not in ("", embedder.id) and catalog.counts().documents > 0
        if another and not force:
            raise _another_embedder(collection.name, catalog.embedder, embedding.model)
        indexer = Indexer(catalog, indexes, embedder=embedder.id)
        for notice in await in_thread(indexer.recover):
            yield notice
        if another:
            async for event in reembed(catalog, indexes, embedder, embedding, stop):
                yield event
            indexer = Indexer(catalog, indexes, embedder=embedder.id)
        changes = Changes(catalog.versions(), catalog.failed_versions(), force=force)
        run = _Run(changes, indexer, embedder, stop)
        run.begin()

        files = run.changed(found)
        pieces = read(files, open_reader, ahead=_FILES_AHEAD, stop=stop)
        reuse = catalog.known_vectors if another or not force else _nothing_known
        embedded = embed(pieces, embedder, known=reuse, batch=embedding.batch, concurrency=embedding.concurrency)
        in_time = interruptible(embedded, run.over)
        stored = run.store(batched(in_time, _PIECES_A_BATCH, first=_PIECES_AT_FIRST, seconds=_SECONDS_A_BATCH))
        try:
            async for event in run.publish(buffered(stored, 1)):
                yield event
        except EndpointError:
            async for notice in run.opened():
                yield notice
            await in_thread(indexer.finish, complete=False)
            raise

        async for notice in run.opened():
            yield notice
        complete = not stop.is_set() or (run.all_seen and not run.over.is_set() and not indexer.unfinished)
        if complete and settings.prune:
            below = paths if only is None else sorted(only)
            gone = changes.gone(below, only_missing=bool(settings.include or settings.exclude))
            run.removed = await in_thread(indexer.remove, gone)
        catalog.touch(changes.touched)
        catalog.forget_failures(changes.healed)
        for notice in await in_thread(indexer.finish, complete=complete):
            yield notice
        counts = catalog.counts()
        yield IngestReport(
            collection=collection.name,
            added=run.added,
            updated=run.updated,
            unchanged=run.unchanged,
            removed=run.removed,
            failed=tuple(run.failed),
            documents=counts.documents,
            chunks=counts.chunks,
            embedded_chunks=run.progress.embedded,
            seconds=clock() - started,
            complete=complete,
        )
    finally:
        if run is not None:
            await run.close()
        collection.close()


async def plan(
    paths: Sequence[str],
    *,
    collection: CollectionWriter,
    settings: config.Ingest,
    force: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[IngestEvent, None]:
    """What `ingest` would do, without reading, writing or locking anything; the last event is the report."""
    started = clock()
    ready, failed = collection.known()
    changes = Changes(ready, failed, force=force)
    found = _discover(paths, settings)
    added = updated = unchanged = 0
    failures: list[Failure] = []
    while items := await in_thread(_look, changes, found):
        for item in items:
            if isinstance(item, File):
                new = item.path not in ready
                added, updated = added + new, updated + (not new)
                yield Planned(item.path, "add" if new else "update")
            elif isinstance(item, Failed):
                failures.append(item.failure)
                yield item.failure
            else:
                unchanged += item.unchanged
    gone: list[str] = []
    if settings.prune:
        missing = changes.gone(paths, only_missing=bool(settings.include or settings.exclude))
        gone = [path for path in missing if path in ready]
    for path in gone:
        yield Planned(path, "remove")
    yield IngestReport(
        collection=collection.name,
        added=added,
        updated=updated,
        unchanged=unchanged,
        removed=len(gone),
        failed=tuple(failures),
        documents=len(ready) + added - len(gone),
        seconds=clock() - started,
        dry_run=True,
    )


async def remove(paths: Sequence[str], *, collection: CollectionWriter, wait: float) -> int:
    """Takes the documents with these paths out of the collection; how many there were. Raises StoreError."""
    async for _ in collection.acquire(wait):
        pass
    try:
        indexer = Indexer(collection.catalog, collection.indexes, embedder=collection.catalog.embedder)
        await in_thread(indexer.recover)
        removed = await in_thread(indexer.remove, paths)
        await in_thread(indexer.finish, complete=False)
        return removed
    finally:
        collection.close()


class _Run(Struct):
    """The stages between discovery and the report, and what they have counted."""

    changes: Changes
    indexer: Indexer
    embedder: Embedder
    stop: asyncio.Event
    progress: IngestProgress = field(default_factory=IngestProgress)
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[Failure] = field(default_factory=list)
    all_seen: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set some time after `stop`: what has not come so far waits for the next run."""
    _opening: asyncio.Task[list[Notice]] | None = None
    _stopping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._stopping = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        await self.stop.wait()
        await asyncio.sleep(_SECONDS_TO_STOP)
        self.over.set()

    async def changed(self, found: Iterator[File | Failure]) -> AsyncGenerator[File | Failed | Looked, None]:
        """The files to be read; the indexes are opened as soon as there is one."""
        while not self.stop.is_set():
            items = await in_thread(_look, self.changes, found)
            if not items:
                self.all_seen = True
                return
            if self._opening is None and (files := sum(isinstance(item, File) for item in items)):
                share_heaps()
                self._opening = asyncio.create_task(in_thread(self._open, files))
            for item in items:
                yield item

    def _open(self, files: int) -> list[Notice]:
        if isinstance(self.embedder, Expecting):
            self.embedder.expect(files)
        return self.indexer.start()

    async def store(self, batches: AsyncIterable[list[Item]]) -> AsyncGenerator[tuple[Pending, list[Item]], None]:
        """Batches that stand in the catalog; while one is stored, the one before it is published."""
        async for batch in batches:
            yield await in_thread(self.indexer.store, batch), batch

    async def publish(self, stored: AsyncIterable[tuple[Pending, list[Item]]]) -> AsyncGenerator[IngestEvent, None]:
        async for pending, batch in stored:
            async for notice in self.opened():
                yield notice
            if self.over.is_set():
                self.indexer.leave(pending)
                continue
            written = await in_thread(self._publish, pending)
            self.added += written.added
            self.updated += written.updated
            self.unchanged += sum(item.unchanged for item in batch if isinstance(item, Looked))
            for failed in pending.failed:
                self.failed.append(failed.failure)
                yield failed.failure
            self.progress = IngestProgress(
                files=self.changes.files,
                done=self.added + self.updated + self.unchanged + len(self.failed),
                chunks=self.progress.chunks + written.chunks,
                embedded=self.progress.embedded + written.embedded,
                failed=len(self.failed),
                complete=self.all_seen,
            )
            yield self.progress

    def _publish(self, pending: Pending) -> Written:
        written = self.indexer.publish(pending)
        return_freed_memory()
        return written

    async def opened(self) -> AsyncGenerator[Notice, None]:
        """The indexes are open once it is exhausted, where there is anything to write."""
        opening, self._opening = self._opening, None
        if opening is not None:
            for notice in await opening:
                yield notice

    async def close(self) -> None:
        """Waits for what still runs beside the stages when they have failed."""
        if self._stopping is not None:
            self._stopping.cancel()
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)


def _discover(
    paths: Sequence[str], settings: config.Ingest, only: Collection[str] | None = None
) -> Iterator[File | Failure]:
    return discover(
        paths,
        include=settings.include,
        exclude=settings.exclude,
        max_bytes=settings.max_file_mb << 20,
        follow_symlinks=settings.follow_symlinks,
        only=only,
    )


def _look(changes: Changes, found: Iterator[File | Failure]) -> list[File | Failed | Looked]:
    """The next files, sorted; empty at the end."""
    some = list(islice(found, _LOOKED_AT_ONCE))
    return changes.sort(some) if some else []


def _nothing_known(hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    return {}


def _another_embedder(collection: str, known: str, model: str) -> ConfigError:
    return ConfigError(
        f"collection {collection!r} was made with the embedder {known}, not with {model}",
        remedy=f"embed it again with: ragcli ingest --force --embedding {model} PATH",
    )
