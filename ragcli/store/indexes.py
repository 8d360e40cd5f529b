"""The three indexes of a collection behind one writer; what is not sound is built anew, from the catalog alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage
from typing import Protocol

from ragcli.errors import IndexDamaged, StoreUnwritable
from ragcli.ports import KeywordEntry, KeywordIndex
from ragcli.ports.store import AnalyzedEntry
from ragcli.store.catalog import Catalog
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.chroma import ChromaFailed, ChromaWriter
from ragcli.store.layout import Place, drop_others, keep_all_private, make_private, numbered, writing
from ragcli.store.matrix import MatrixWriter
from ragcli.store.stamps import KEYWORDS, VECTORS, faults, sound_keywords, sound_vectors, stamp_of
from ragcli.types import Notice

_MOST_DELETED = 0.4
"""Share of deleted vectors above which Chroma, which only marks them, is built anew."""
_FEW_VECTORS = 1_000
_FULL = 1 << 20
"""Free bytes below which a failure to write is one of space, whatever the reason given."""


def keywords_folder(place: Place, catalog: Catalog) -> Path:
    """The keyword index that counts now; another one after a rebuild, which shows in the catalog's generation."""
    return place.keywords / (catalog.meta("keywords") or "1")


class OpenKeywords(Protocol):
    """Opens the keyword index in a folder; raises IndexDamaged unless it is there and whole, or may be created."""

    def __call__(self, path: Path, *, create: bool) -> KeywordIndex: ...


class StoredIndexes:
    """Implements `ports.Indexes`. Chroma's failures are told, not raised: the exact scan does without it."""

    def __init__(
        self,
        place: Place,
        catalog: CatalogWriter,
        open_keywords: OpenKeywords,
        *,
        lock_wait: float = 10,
    ) -> None:
        self._place = place
        self._catalog = catalog
        self._open_keywords = open_keywords
        self._lock_wait = lock_wait
        self._matrix = MatrixWriter(place, catalog)
        self._keywords: KeywordIndex | None = None
        self._vectors: ChromaWriter | None = None
        self._expected: int | None = None
        self._deleted = 0
        self._deletions: dict[int, None] = {}  # a set with an order: Chroma refuses an id that is named twice
        self._is_open = False
        self._vectors_failed = ""
        self._aside: ThreadPoolExecutor | None = None
        self._behind: Future[None] | None = None
        self._ahead: ThreadPoolExecutor | None = None
        self._expected_entries: dict[int, Future[Sequence[AnalyzedEntry]]] = {}  # by the first chunk id

    @property
    def sound(self) -> bool:
        return not faults(self._catalog)

    def open(self) -> list[Notice]:
        if self._is_open:
            return []
        self._is_open = True
        stamp, keywords_sound = sound_vectors(self._catalog), sound_keywords(self._catalog) is not None
        mended: list[str] = []
        with self._catalog.transaction():
            self._catalog.remember(VECTORS, "")
            self._catalog.remember(KEYWORDS, "")
        had_any = self._catalog.counts().chunks > 0
        if stamp is None:
            self._safely(lambda: self._start_vectors(self._next_number()))
            mended += ["vector index"] if had_any else []
        else:
            self._safely(lambda: self._start_vectors(stamp.number))
            self._expected, self._deleted = stamp.count, stamp.deleted
        if not keywords_sound or not self._try_keywords():
            self._rebuild_keywords()
            mended += ["keyword index"] if had_any else []
        if self._catalog.dimensions:
            self._matrix.catch_up()
        if stamp is None and had_any:
            self._safely(self._fill_vectors)
        self._ahead = ThreadPoolExecutor(1)
        if not mended:
            return []
        return [
            Notice("rebuilt", f"the {' and the '.join(mended)} did not fit the catalog: built anew, without embedding")
        ]

    def expect(self, entries: Sequence[KeywordEntry]) -> None:
        if self._ahead is not None and self._keywords is not None and entries:
            self._expected_entries[entries[0].id] = self._ahead.submit(self._keywords.analyzed, entries)

    def add(self, chunks: Sequence[tuple[int, bytes]]) -> None:
        """Chroma follows one call behind, so that nobody who searches waits for its process to start.

        Its stamp is away until `close`: until then readers compare all vectors, and a kill means a rebuild anyway.
        """
        deletions, self._deletions = list(self._deletions), {}
        self._settle()
        self._follow(lambda: self._write_vectors(chunks, deletions))
        with self._writing_keywords() as keywords:
            keywords.delete(deletions)
            keywords.add_analyzed(self._analyzed([id for id, _ in chunks], keywords))
            keywords.commit()
        self._matrix.catch_up()

    def delete(self, ids: Sequence[int]) -> None:
        self._deletions.update(dict.fromkeys(ids))

    def rebuild_vectors(self) -> None:
        self._settle()
        if self._catalog.counts().chunks:
            self._matrix.rebuild()
        if self._vectors is not None:
            self._safely(self._vectors.close)
        self._safely(lambda: self._start_vectors(self._next_number()))
        self._safely(self._fill_vectors)

    def close(self) -> list[Notice]:
        if not self._is_open:
            return []
        if self._deletions:
            self.add([])
        self._matrix.compact()
        self._settle()
        self._follow(self._finish_vectors)
        self._stop_expecting()
        with self._writing_keywords() as keywords:
            keywords.close()
        self._keywords = None
        folder = keywords_folder(self._place, self._catalog)
        keep_all_private(self._place.keywords)
        self._settle()
        if self._vectors_failed:  # once more, from the start
            reason, self._vectors_failed = self._vectors_failed, ""
            self._safely(lambda: self._start_vectors(self._next_number()))
            self._safely(self._fill_vectors)
            self._safely(self._finish_vectors)
            self._vectors_failed = self._vectors_failed and reason
        stamp = stamp_of(folder, count=self._catalog.counts().chunks)
        self._catalog.remember(KEYWORDS, stamp.dump())
        self._is_open = False
        if self._vectors_failed:
            return [Notice("vectors", f"{self._vectors_failed}; searches compare all vectors until the next ingest")]
        return []

    def abort(self) -> None:
        """Lets go of everything; stamps stay away, so the next ingest builds anew what it must."""
        self._stop_expecting()
        if self._keywords is not None:
            with suppress(Exception):  # an earlier error is on its way out
                self._keywords.close()
            self._keywords = None
        if self._vectors is not None:
            self._vectors.close()
        with suppress(Exception):  # it fails because its process is gone
            self._settle()
        self._vectors = None
        self._is_open = False

    # --- keywords

    @contextmanager
    def _writing_keywords(self) -> Iterator[KeywordIndex]:
        """An index that was sound when it was opened and fails now has met a full or failing disk."""
        if self._keywords is None:
            raise RuntimeError("the indexes are not open")
        try:
            yield self._keywords
        except IndexDamaged as error:
            full = disk_usage(self._place.folder).free < _FULL
            raise StoreUnwritable(
                f"no space left below {self._place.folder}" if full else error.message,
                remedy="free space or mend the folder's permissions; the next ingest builds it again",
            ) from error

    def _analyzed(self, ids: Sequence[int], keywords: KeywordIndex) -> Sequence[AnalyzedEntry]:
        """In turn with what is expected: the analyzer's processes serve one thread at a time."""
        if not ids:
            return []
        expected = self._expected_entries.pop(ids[0], None)
        found = expected.result() if expected is not None else []
        if [id for id, _ in found] == list(ids):
            return found
        if self._ahead is None:
            raise RuntimeError("the indexes are not open")
        return self._ahead.submit(keywords.analyzed, self._catalog.entries(ids)).result()

    def _stop_expecting(self) -> None:
        ahead, self._ahead = self._ahead, None
        self._expected_entries.clear()
        if ahead is not None:
            ahead.shutdown(cancel_futures=True)

    def _try_keywords(self) -> bool:
        try:
            self._keywords = self._open_keywords(keywords_folder(self._place, self._catalog), create=False)
        except IndexDamaged:
            return False
        return True

    def _rebuild_keywords(self) -> None:
        """In a folder of its own; readers go over to it when the catalog names it."""
        drop_others(self._place.keywords, int(keywords_folder(self._place, self._catalog).name))  # begun, never ended
        number = max(numbered(self._place.keywords), default=0) + 1
        folder = self._place.keywords / str(number)
        make_private(self._place.keywords)
        make_private(folder)
        keywords = self._open_keywords(folder, create=True)
        self._keywords = keywords
        with self._writing_keywords():
            for entries in self._catalog.entries_after(0):
                keywords.add(entries)
            keywords.commit()
        with self._catalog.transaction():
            self._catalog.remember("keywords", str(number))
            self._catalog.bump()
        drop_others(self._place.keywords, number)

    # --- vectors

    def _follow(self, step: Callable[[], object]) -> None:
        """Does a step of Chroma's beside all others; `_settle` waits for it."""
        self._aside = self._aside or ThreadPoolExecutor(1)
        self._behind = self._aside.submit(self._safely, step)

    def _settle(self) -> None:
        """Waits for the write to Chroma that is under way."""
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.result()

    def _safely(self, step: Callable[[], object]) -> None:
        """Once Chroma has failed it is left alone until `close`."""
        if self._vectors_failed:
            return
        try:
            step()
        except ChromaFailed as error:
            self._vectors_failed = str(error)
            if self._vectors is not None:
                self._vectors.close()
                self._vectors = None

    def _next_number(self) -> int:
        return max(numbered(self._place.vectors), default=0) + 1

    def _start_vectors(self, number: int) -> None:
        self._expected, self._deleted = None, 0
        with writing(self._place.vectors):
            self._vectors = ChromaWriter(self._place, number, wait=self._lock_wait)

    def _fill_vectors(self) -> None:
        if self._vectors is not None:
            for page in self._catalog.vectors_after(0, live=True):
                self._vectors.upsert(page)

    def _write_vectors(self, chunks: Sequence[tuple[int, bytes]], deletions: Sequence[int]) -> None:
        if self._vectors is None:
            return
        if self._expected is not None and self._vectors.count() != self._expected:
            raise ChromaFailed("the vector index does not hold what it should")
        self._expected = None
        self._vectors.upsert(chunks)
        self._vectors.delete(deletions)
        self._deleted += len(deletions)

    def _finish_vectors(self) -> None:
        """Flushes, takes the stamp, and starts over where too much of the index is deleted or it does not add up."""
        if self._vectors is None:
            return
        live = self._catalog.counts().chunks
        total = live + self._deleted
        if total > _FEW_VECTORS and self._deleted > _MOST_DELETED * total:
            self._vectors.close()
            self._start_vectors(self._next_number())
            self._fill_vectors()
        count = self._vectors.flush()
        if count != live:
            raise ChromaFailed(f"the vector index holds {count} vectors, the catalog {live}")
        folder = self._vectors.folder
        self._vectors.close()
        self._vectors = None
        self._catalog.remember(VECTORS, stamp_of(folder, count=count, deleted=self._deleted).dump())
        drop_others(self._place.vectors, int(folder.name))
