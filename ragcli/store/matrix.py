"""The vectors of a collection as one flat file that the exact scan maps into memory.

`matrix/N.f32` holds rows of float32, `matrix/N.ids` the int64 chunk id of each, ascending; N is in the catalog. They
hold every chunk up to the last id that counts, and some that do not: rows are only appended, by the writer, after the
catalog's transaction. So a reader at any moment maps what is there, takes the chunks above the last id from the
catalog, and leaves it to the catalog which of them count. Rows that were cut off by a crash are ignored, and mended by
the next writer. Nothing here needs NumPy.
"""

from __future__ import annotations

import os
import sys
from array import array
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ragcli.store.catalog import Catalog
from ragcli.store.catalog_writer import CatalogWriter
from ragcli.store.layout import Place, drop_others, keep_private, make_private, numbered, writing

ID_BYTES = 8
MOST_DEAD = 0.3
"""Share of rows that no longer count above which the file is written anew."""
_FEW_ROWS = 1_000


class MatrixFiles(Struct, frozen=True):
    """One numbered pair of files."""

    rows: Path
    ids: Path
    dimensions: int

    def count(self) -> int:
        """Whole rows that have an id; 0 where a file is missing."""
        try:
            return min(self.rows.stat().st_size // (4 * self.dimensions), self.ids.stat().st_size // ID_BYTES)
        except (OSError, ZeroDivisionError):
            return 0

    def last_id(self) -> int:
        """Id of the last whole row; 0 where there is none."""
        count = self.count()
        if not count:
            return 0
        with self.ids.open("rb") as file:
            file.seek((count - 1) * ID_BYTES)
            return int.from_bytes(file.read(ID_BYTES), "little")


def matrix_files(place: Place, catalog: Catalog) -> MatrixFiles:
    number = catalog.meta("matrix") or "0"
    return MatrixFiles(place.matrix / f"{number}.f32", place.matrix / f"{number}.ids", catalog.dimensions)


class MatrixWriter:
    """Keeps the files in step with the catalog; the caller holds the writer's lock. Raises StoreUnwritable."""

    def __init__(self, place: Place, catalog: CatalogWriter) -> None:
        self._place = place
        self._catalog = catalog
        self._last: int | None = None

    def catch_up(self, *, live: bool = False) -> None:
        """Appends the chunks that the catalog has beyond the last row; all of them, or only those that count."""
        if not self._catalog.dimensions:
            return
        make_private(self._place.matrix)
        files = matrix_files(self._place, self._catalog)
        with writing(self._place.matrix), ExitStack() as stack:
            if self._last is None:
                self._last = _mend(files)
            rows_file = stack.enter_context(_appending(files.rows))
            ids_file = stack.enter_context(_appending(files.ids))
            for page in self._catalog.vectors_after(self._last, live=live):
                rows_file.write(b"".join(vector for _, vector in page))
                rows_file.flush()
                ids_file.write(_packed([id for id, _ in page]))
                self._last = page[-1][0]

    def compact(self) -> None:
        """Writes the files anew where too many of their rows no longer count."""
        files = matrix_files(self._place, self._catalog)
        rows, live = files.count(), self._catalog.counts().chunks
        if rows > _FEW_ROWS and rows - live > MOST_DEAD * rows:
            self.rebuild()

    def rebuild(self) -> None:
        """A fresh pair of files beside the old one, which readers may have mapped, while nothing is pending.

        The catalog names it first: until it is there, readers take the vectors from the catalog.
        """
        number = max(numbered(self._place.matrix), default=0) + 1
        self._catalog.remember("matrix", str(number))
        self._last = None
        self.catch_up(live=True)
        self._catalog.bump()
        drop_others(self._place.matrix, number)


def _mend(files: MatrixFiles) -> int:
    """Cuts both files to their whole rows; the last id."""
    count = files.count()
    for path, width in ((files.rows, 4 * files.dimensions), (files.ids, ID_BYTES)):
        if path.exists() and path.stat().st_size != count * width:
            os.truncate(path, count * width)
    return files.last_id()


def _appending(path: Path) -> BinaryIO:
    file = path.open("ab")
    keep_private(path)
    return file


def _packed(ids: list[int]) -> bytes:
    packed = array("q", ids)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
