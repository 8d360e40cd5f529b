"""Stamps tell a sound index from one to throw away, without opening it.

A stamp is what the catalog remembers of an index's files since it was last closed cleanly. It is taken away before the
first write, so whatever cuts a run off, the next one finds no stamp that fits and builds the index anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from ragcli.store.catalog import Catalog
from ragcli.store.layout import fingerprint
from ragcli.store.matrix import matrix_files

VECTORS = "vectors_stamp"
KEYWORDS = "keywords_stamp"
CHROMA_DATABASE = "chroma.sqlite3"
_MAGIC = b"SQLite format 3\0"


class Stamp(Struct, frozen=True):
    """Of the index in folder `number`: how many chunks it holds, how many deleted ones besides, and what files."""

    number: int
    count: int
    deleted: int
    files: str

    def dump(self) -> str:
        return json.dumps(asdict(self))


def stamp_of(folder: Path, *, count: int, deleted: int = 0) -> Stamp:
    """Of an index that was closed cleanly. Chroma's database is left out, it changes whenever it is opened."""
    return Stamp(int(folder.name), count, deleted, fingerprint(folder, ignore=CHROMA_DATABASE))


def sound_vectors(catalog: Catalog, *, chunks: int | None = None) -> Stamp | None:
    """The stamp of Chroma's folder, where that is there, whole and holds what the catalog holds.

    `chunks` is how many that are, where it was asked already.
    """
    stamp = _fitting(catalog, VECTORS, catalog.place.vectors, chunks)
    if stamp is None:
        return None
    try:
        with (catalog.place.vectors / str(stamp.number) / CHROMA_DATABASE).open("rb") as file:
            return stamp if file.read(len(_MAGIC)) == _MAGIC else None
    except OSError:
        return None


def sound_keywords(catalog: Catalog, *, chunks: int | None = None) -> Stamp | None:
    return _fitting(catalog, KEYWORDS, catalog.place.keywords, chunks)


def sound_matrix(catalog: Catalog) -> bool:
    """The matrix holds every chunk of the catalog."""
    return next(catalog.vectors_after(matrix_files(catalog.place, catalog).last_id()), None) is None


def faults(catalog: Catalog) -> list[str]:
    """What the next ingest would build anew, in words; empty where all is well."""
    chunks = catalog.counts().chunks
    if not chunks:
        return []
    found = {
        "vector index": sound_vectors(catalog, chunks=chunks) is not None,
        "keyword index": sound_keywords(catalog, chunks=chunks) is not None,
        "vector matrix": sound_matrix(catalog),
    }
    return [f"the {name} is missing, damaged or unfinished" for name, sound in found.items() if not sound]


def _fitting(catalog: Catalog, key: str, folder: Path, chunks: int | None) -> Stamp | None:
    text = catalog.meta(key)
    if not text:
        return None
    stamp = Stamp(**json.loads(text))
    if stamp.count != (catalog.counts().chunks if chunks is None else chunks):
        return None
    files = fingerprint(folder / str(stamp.number), ignore=CHROMA_DATABASE)
    return stamp if stamp.files == files else None
