"""Opening a collection: `open_reader` and `open_vectors` for those who search, `writer` for the one who writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from ragcli.ports import VectorIndex
from ragcli.store.catalog import Catalog
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.indexes import OpenKeywords, StoredIndexes
from ragcli.store.layout import Home, Place
from ragcli.store.lock import WriterLock
from ragcli.store.stamps import faults
from ragcli.types import Notice, Version

__all__ = ["EXACT_IN_A_CHAT", "EXACT_UP_TO", "Writer", "faults", "open_reader", "open_vectors", "writer"]

EXACT_UP_TO = 80_000_000
"""Numbers in the vectors up to which a command compares them all, whether it asks one question or a file of them:
310,000 chunks of 256 dimensions, 52,000 of 1,536.

At 100,000 of 256 the scan takes as long as Chroma does once it is open (medians of a search 19 ms both, on a busy
machine), the process half the memory (234 MB for 461), and the first answer comes after 0.6 s for 2.4. At three times
that a scan takes three times as long and still is nothing to loading Chroma."""

EXACT_IN_A_CHAT = 20_000_000
"""The same for a process that stays: 78,000 chunks of 256 dimensions, 13,000 of 1,536; beyond them it opens Chroma.

Up to there a scan is a millisecond or two of a chat, and both kinds of process give the same answers to the last
place. Chroma's graph, with what the words found, gives the same ten for 99 of 100 questions about 50,000 passages of
real text, and takes three times as long for that."""


def open_reader(home: Home, collection: str) -> Catalog:
    """Raises IndexMissing, IndexDamaged."""
    return Catalog.read(home.collection(collection))


def open_vectors(
    catalog: Catalog, *, long_lived: bool, explain: Callable[[str], None] = lambda reason: None
) -> VectorIndex:
    """The exact scan for a collection of ordinary size, else Chroma with the scan behind it."""
    from ragcli.store.exact import ExactIndex

    exact = ExactIndex(catalog)
    if catalog.counts().chunks * catalog.dimensions <= (EXACT_IN_A_CHAT if long_lived else EXACT_UP_TO):
        return exact
    from ragcli.store.chroma import ChromaIndex

    return ChromaIndex(catalog, exact, explain=explain)


def writer(home: Home, collection: str, *, open_keywords: OpenKeywords) -> Writer:
    """Nothing is made or locked before `acquire`."""
    return Writer(home.collection(collection), open_keywords)


class Writer:
    """Implements `ports.CollectionWriter`."""

    def __init__(self, place: Place, open_keywords: OpenKeywords) -> None:
        self._place = place
        self._open_keywords = open_keywords
        self._lock: WriterLock | None = None
        self._catalog: CatalogWriter | None = None
        self._indexes: StoredIndexes | None = None

    @property
    def name(self) -> str:
        return self._place.name

    def known(self) -> tuple[dict[str, Version], dict[str, Version]]:
        """Raises IndexDamaged."""
        if not self._place.exists:
            return {}, {}
        with Catalog.read(self._place) as catalog:
            return catalog.versions(), catalog.failed_versions()

    @property
    def catalog(self) -> CatalogWriter:
        if self._catalog is None:
            raise RuntimeError("acquire the collection first")
        return self._catalog

    @property
    def indexes(self) -> StoredIndexes:
        if self._indexes is None:
            raise RuntimeError("acquire the collection first")
        return self._indexes

    async def acquire(self, wait: float) -> AsyncGenerator[Notice, None]:
        self._place.create()
        lock = WriterLock(self._place)
        async for notice in lock.acquire(wait):
            yield notice
        self._lock = lock
        try:
            if not self._place.exists:
                self._place.clear()
            self._catalog = CatalogWriter.open(self._place)
            self._indexes = StoredIndexes(self._place, self._catalog, self._open_keywords)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of everything, also in the middle of a write."""
        if self._indexes is not None:
            self._indexes.abort()
        if self._catalog is not None:
            self._catalog.close()
        if self._lock is not None:
            self._lock.release()
        self._indexes = self._catalog = self._lock = None
