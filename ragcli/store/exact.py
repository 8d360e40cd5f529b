"""Nearest neighbours by a scan of all vectors: recall 1.0, nothing to load, 3 ms at 100,000 x 384.

Whoever asks again and again is answered in half the time: by then most rows are ruled out by a short form of them.
Import it when it is used: NumPy costs a tenth of a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

from ragcli.errors import ConfigError, IndexDamaged
from ragcli.store.catalog import Catalog
from ragcli.store.coarse import CoarseRows, highest
from ragcli.store.living import Living
from ragcli.store.matrix import matrix_files

if TYPE_CHECKING:
    import numpy.typing as npt

    from ragcli.types import Vector, Vectors

_Number = TypeVar("_Number", np.int64, np.float32)
_Nearest: TypeAlias = "Callable[[int], tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]"
"""Ids, ascending, and cosines: the k nearest are among them."""

_SLICE = 12_500
"""Rows that one thread compares at a time."""
_THREADS = 4
_FEW = 16
"""Of so many rows one is compared as fast alone as all of them together, each in its place."""
_REPEATED = 16
"""Searches of one block after which it is worth shortening: that costs the time of some twenty."""


class _Block:
    """Rows with their chunk ids, ascending; where they are asked for often, also in short."""

    def __init__(self, ids: npt.NDArray[np.int64], rows: Vectors) -> None:
        self.ids = ids
        self.rows = rows
        self.searches = 0
        self.coarse: Future[CoarseRows] | None = None


class ExactIndex:
    """Implements `VectorIndex` over the mapped matrix and what the catalog has beyond it; follows the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._generation = -1
        self._blocks: tuple[_Block, ...] = ()
        self._lock = threading.Lock()
        self._living = Living(catalog)
        self._pool: ThreadPoolExecutor | None = None

    def search(self, vector: Vector, k: int, *, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """Raises ConfigError for a vector of another embedder, IndexDamaged."""
        blocks, generation = self._current(len(vector))
        held = sum(len(block.ids) for block in blocks)
        if among is not None:
            blocks = tuple(_only(block, among) for block in blocks)
        total = sum(len(block.ids) for block in blocks)
        if not total or k < 1:
            return []
        compared = [self._compared(block, vector) for block in blocks]
        wanted = k
        while True:  # rows that no longer count may crowd the first places
            parts = [nearest(wanted) for nearest in compared]
            ids, scores = _joined([part[0] for part in parts]), _joined([part[1] for part in parts])
            best = _best(scores, wanted)
            found = ids[best].tolist()
            live = self._living.among(found, held, generation)
            cosines = np.minimum(scores[best], 1.0).tolist()
            hits = [(id, cosine) for id, cosine in zip(found, cosines, strict=True) if id in live]
            if len(hits) >= k or wanted >= total:
                return hits[:k]
            wanted *= 4

    def close(self) -> None:
        self._blocks = ()
        self._generation = -1
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _compared(self, block: _Block, vector: Vector) -> _Nearest:
        coarse = self._coarse(block)
        if coarse is None:
            cosines = self._cosines(block.rows, vector)
            return lambda _k: (block.ids, cosines)
        rough = coarse.compare(vector, self._each_slice)

        def nearest(k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
            rows = rough.candidates(k)
            if len(rows) > len(block.rows) // _FEW:
                return block.ids, self._cosines(block.rows, vector)
            return block.ids[rows], np.vecdot(block.rows[rows], vector)

        return nearest

    def _coarse(self, block: _Block) -> CoarseRows | None:
        """Made beside the searches once there were some; None where it is not there or not worth it."""
        if len(block.rows) <= _SLICE:
            return None
        with self._lock:
            block.searches += 1
            if block.coarse is None and block.searches > _REPEATED:
                block.coarse = self._threads.submit(CoarseRows, block.rows)
            made = block.coarse
        return made.result() if made is not None and made.done() and made.exception() is None else None

    def _cosines(self, rows: Vectors, vector: Vector) -> npt.NDArray[np.float32]:
        """Row by row, so that a cosine is the same to the last bit whichever other rows are asked for.

        Slices go to threads of our own: those of BLAS wait for each other in a loop, which on a busy machine doubles
        the time of a scan (100,000 x 256 at a load of 20 on 4 cores: medians 28 ms and 13 ms).
        """
        cosines = np.empty(len(rows), dtype=np.float32)
        self._each_slice(lambda some: np.vecdot(rows[some], vector, out=cosines[some]), len(rows))
        return cosines

    def _each_slice(self, call: Callable[[slice], object], rows: int) -> None:
        """By this thread and others: who is free takes the next, so that one that wakes late holds nobody up."""
        slices = iter([slice(start, start + _SLICE) for start in range(0, rows, _SLICE)])

        def work() -> None:
            for some in slices:
                call(some)

        helpers = [self._threads.submit(work) for _ in range(min(_THREADS, rows // _SLICE) - 1)]
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()

    @property
    def _threads(self) -> ThreadPoolExecutor:
        self._pool = self._pool or ThreadPoolExecutor(_THREADS)
        return self._pool

    def _current(self, dimensions: int) -> tuple[tuple[_Block, ...], int]:
        """What the catalog holds now, the mapped rows and those beyond them; its generation."""
        with self._lock:
            generation = self._catalog.generation
            if generation != self._generation:
                self._blocks = self._load()
                self._generation = generation
            blocks = self._blocks
        if any(block.rows.shape[1] != dimensions for block in blocks):
            raise ConfigError(
                f"the collection holds vectors of {self._catalog.embedder!r}, not of {dimensions} dimensions",
                remedy="choose that embedder, or embed again with: ragcli ingest --force --embedding MODEL PATH",
            )
        return blocks, generation

    def _load(self) -> tuple[_Block, ...]:
        dimensions = self._catalog.dimensions
        files = matrix_files(self._catalog.place, self._catalog)
        count = files.count()
        blocks: list[_Block] = []
        last = 0
        if count:
            ids = np.fromfile(files.ids, dtype="<i8", count=count).astype(np.int64, copy=False)
            rows = np.memmap(files.rows, dtype="<f4", mode="r", shape=(count, dimensions))
            blocks.append(_Block(ids, np.asarray(rows)))
            last = int(ids[-1])
        pages = list(self._catalog.vectors_after(last))
        if pages:
            data = b"".join(vector for page in pages for _, vector in page)
            ids = np.array([id for page in pages for id, _ in page], dtype=np.int64)
            if len(data) != len(ids) * dimensions * 4:
                raise IndexDamaged(
                    "the catalog holds vectors of different lengths",
                    remedy="embed again with: ragcli ingest --force PATH",
                )
            blocks.append(_Block(ids, np.frombuffer(data, dtype="<f4").reshape(len(ids), dimensions)))
        return tuple(blocks)


def _joined(parts: Sequence[npt.NDArray[_Number]]) -> npt.NDArray[_Number]:
    """Without a copy where there is but one, which is most of the time."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _only(block: _Block, among: Sequence[int]) -> _Block:
    """The rows of these ids."""
    wanted = np.unique(np.asarray(among, dtype=np.int64))
    places = np.searchsorted(block.ids, wanted)
    there = places < len(block.ids)
    places, wanted = places[there], wanted[there]
    places = places[block.ids[places] == wanted]
    return _Block(block.ids[places], block.rows[places])


def _best(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Rows of the k highest scores, best first, equal ones in order of row."""
    rows = highest(scores, k)
    return rows[np.lexsort((rows, -scores[rows]))][:k]
