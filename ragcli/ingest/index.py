"""index: the one order in which a collection is written, so that a kill at any point loses nothing.

    pending in the catalog -> all indexes -> ready in the catalog, older versions retired -> retired ones out of the
    indexes -> out of the catalog

Until the third step everybody finds the old version and nobody the new one; after it the other way round. An index that
follows later (Chroma) counts for nobody before `Indexes.close`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import repeat

from msgspec import Struct

from ragcli.errors import ConfigError
from ragcli.ingest.changes import Failed
from ragcli.ingest.embed import Piece
from ragcli.ports import CatalogWriter, Indexes, KeywordEntry
from ragcli.types import File, Notice, Passage

_NOTHING_TO_FIND = ("empty", "no_text")


class Written(Struct, frozen=True):
    """What one batch brought."""

    added: int = 0
    updated: int = 0
    chunks: int = 0
    embedded: int = 0


class Pending(Struct, frozen=True):
    """A batch that stands in the catalog and does not count yet."""

    chunks: tuple[tuple[int, bytes], ...]
    finished: tuple[tuple[int, File, str], ...]
    failed: tuple[Failed, ...]
    embedded: int


class Indexer:
    """Writes one collection, for one run. Its methods block; all may raise StoreError."""

    def __init__(self, catalog: CatalogWriter, indexes: Indexes, *, embedder: str) -> None:
        self._catalog = catalog
        self._indexes = indexes
        self._embedder = embedder
        self._unfinished: dict[str, int] = {}
        """Documents whose last piece has not come yet, by path."""
        self._left = False
        self._known: dict[str, int] | None = None
        self._dimensions = catalog.dimensions if catalog.embedder else 0

    @property
    def unfinished(self) -> bool:
        """Whether a document has begun and not ended, or a batch was left."""
        return self._left or bool(self._unfinished)

    @property
    def _ready(self) -> dict[str, int]:
        """Ids of the documents that count, by path; a run that finds nothing changed never asks."""
        if self._known is None:
            self._known = self._catalog.ready_ids()
        return self._known

    def recover(self) -> list[Notice]:
        """Clears away what a run that was cut off has left; opens no index where there is nothing to mend."""
        self._catalog.abandon()
        leftovers = [*self._catalog.unsettled(stale=False), *self._catalog.unsettled(stale=True)]
        if not leftovers and self._indexes.sound:
            return []
        notices = self._indexes.open()
        self._indexes.delete(leftovers)
        return notices

    def start(self) -> list[Notice]:
        """Opens the indexes ahead of the first batch, since that takes a moment."""
        return self._indexes.open()

    def store(self, batch: Iterable[object]) -> Pending:
        """The first step: pieces with their vectors go to the catalog."""
        chunks: list[tuple[int, bytes]] = []
        entries: list[KeywordEntry] = []
        finished: list[tuple[int, File, str]] = []
        failed: list[Failed] = []
        embedded = 0
        with self._catalog.transaction():
            for item in batch:
                if isinstance(item, Failed):
                    failed.append(item)
                elif isinstance(item, Piece):
                    document_id, ids = self._append(item)
                    chunks += zip(ids, (passage.vector for passage in item.passages), strict=True)
                    entries += map(_entry, ids, repeat(item), item.passages)
                    embedded += item.embedded
                    if item.last:
                        finished.append((document_id, item.file, item.reading.sha256))
        self._indexes.expect(entries)
        return Pending(tuple(chunks), tuple(finished), tuple(failed), embedded)

    def publish(self, batch: Pending) -> Written:
        """All the other steps."""
        if batch.chunks or batch.finished:
            self._indexes.add(batch.chunks)
        elif any(self._retires(item) for item in batch.failed):
            self._indexes.open()  # while they still hold what the catalog holds
        replaced = sum(file.path in self._ready for _, file, _ in batch.finished)
        with self._catalog.transaction():
            if batch.chunks or batch.finished:
                self._catalog.forget(stale=False)  # the indexes have just let go of those of the last batch
            if batch.finished:
                self._catalog.publish(batch.finished)
            self._fail(batch.failed)
        self._release()
        for document_id, file, _ in batch.finished:
            self._ready[file.path] = document_id
        return Written(len(batch.finished) - replaced, replaced, len(batch.chunks), batch.embedded)

    def leave(self, batch: Pending) -> None:
        """Does without the other steps: what it has embedded is there for the next run."""
        self._left = self._left or bool(batch.chunks or batch.finished or batch.failed)

    def remove(self, paths: Sequence[str]) -> int:
        """Takes documents and failures out; the number of documents."""
        document_ids = [self._ready.pop(path) for path in paths if path in self._ready]
        if document_ids:
            self._indexes.open()  # while they still hold what the catalog holds
        with self._catalog.transaction():
            self._catalog.forget_failures(paths)
            if document_ids:
                self._catalog.retire(document_ids)
        self._release()
        return len(document_ids)

    def finish(self, *, complete: bool) -> list[Notice]:
        """Closes the indexes; what an incomplete run has embedded and not published is kept for the next one."""
        self._catalog.abandon()
        if self.unfinished:
            self._indexes.delete(self._catalog.unsettled(stale=True))
        notices = self._indexes.close()
        with self._catalog.transaction():
            self._catalog.forget(stale=False)
            if complete:
                self._catalog.forget(stale=True)
        return notices

    def _append(self, piece: Piece) -> tuple[int, range]:
        path = piece.file.path
        if path in self._unfinished:
            document_id = self._unfinished[path]
        else:
            document_id = self._catalog.begin(path, piece.reading.title, piece.reading.format)
            self._unfinished[path] = document_id
        if piece.passages:
            self._check(len(piece.passages[0].vector) // 4)
        ids = self._catalog.append(document_id, piece.passages)
        if piece.last:
            del self._unfinished[path]
        return document_id, ids

    def _check(self, dimensions: int) -> None:
        """The first vectors ever decide what the collection holds."""
        if not self._dimensions:
            self._dimensions = dimensions
            self._catalog.adopt(self._embedder, dimensions)
        if dimensions != self._dimensions:
            raise ConfigError(
                f"the embedder {self._embedder} gave vectors of {dimensions} dimensions, the collection holds "
                f"{self._dimensions}",
                remedy="embed again with: ragcli ingest --force --embedding MODEL PATH",
            )

    def _fail(self, failed: Sequence[Failed]) -> None:
        """The older version of a file that cannot be read now stays, unless there is nothing left to be found."""
        retired: list[int] = []
        for item in failed:
            path = item.failure.path
            if path in self._unfinished:
                retired.append(self._unfinished.pop(path))
            if self._retires(item):
                retired.append(self._ready.pop(path))
            if item.file is not None and not item.known:
                self._catalog.fail(item.failure, size=item.file.size, mtime_ns=item.file.mtime_ns)
            elif item.file is None and os.path.lexists(path):
                self._catalog.fail(item.failure)
        if retired:
            self._catalog.retire(retired)

    def _retires(self, item: Failed) -> bool:
        return item.failure.kind in _NOTHING_TO_FIND and item.failure.path in self._ready

    def _release(self) -> None:
        """Retired chunks leave the indexes with the next batch, and the catalog after that."""
        retired = self._catalog.unsettled(stale=False)
        if retired:
            self._indexes.delete(retired)


def _entry(id: int, piece: Piece, passage: Passage) -> KeywordEntry:
    chunk = passage.chunk
    return KeywordEntry(id, piece.reading.title, " > ".join(chunk.heading), piece.file.path, chunk.text)
