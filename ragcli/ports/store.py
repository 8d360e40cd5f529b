"""What keeps documents and finds their passages again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from ragcli.types import (
        Counts,
        Failure,
        File,
        Notice,
        Passage,
        StoredChunk,
        Vector,
        Version,
    )


class VectorIndex(Protocol):
    """Nearest neighbours by cosine; a throw-away index of the catalog's vectors."""

    def search(self, vector: Vector, k: int, *, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """Up to k (chunk id, cosine), best first; `among` limits the candidates to these ids."""
        ...

    def close(self) -> None: ...


class KeywordEntry(Struct, frozen=True):
    """What the keyword index is told of a chunk."""

    id: int
    title: str
    heading: str
    path: str
    body: str


AnalyzedEntry: TypeAlias = tuple[int, list[tuple[str, str]]]
"""A chunk id, and the terms of each field joined by spaces."""


class KeywordQuery(Struct, frozen=True):
    """A parsed query. `text` is free text; the rest are the operators a user may write."""

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class KeywordIndex(Protocol):
    """BM25 over analyzed terms; a throw-away index of the catalog's texts."""

    def search(self, query: KeywordQuery, k: int) -> list[tuple[int, float]]:
        """Up to k (chunk id, BM25 score), best first."""
        ...

    def __len__(self) -> int:
        """How many chunks it holds."""
        ...

    def rarity(self, terms: Iterable[str]) -> dict[str, float]:
        """The inverse document frequency of each term among the chunks' texts."""
        ...

    def reload(self) -> None:
        """Shows what another process has committed."""
        ...

    def add(self, entries: Iterable[KeywordEntry]) -> None:
        """Adds without committing."""
        ...

    def analyzed(self, entries: Sequence[KeywordEntry]) -> Sequence[AnalyzedEntry]:
        """Half of `add`, which takes most of its time and writes nothing; for one thread at a time, whichever."""
        ...

    def add_analyzed(self, entries: Iterable[AnalyzedEntry]) -> None:
        """The other half."""
        ...

    def delete(self, ids: Iterable[int]) -> None:
        """Deletes without committing."""
        ...

    def commit(self) -> None:
        """Makes adds and deletes durable and visible."""
        ...

    def close(self) -> None: ...


class ChunkReader(Protocol):
    """The readers' view of the catalog: the one place that says which chunks count."""

    @property
    def generation(self) -> int:
        """Grows whenever the searchable state changes."""
        ...

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks that count among these ids; unknown, pending and retired ones are left out."""
        ...

    def neighbours(self, chunk: StoredChunk, before: int, after: int) -> list[StoredChunk]:
        """The chunks of the same document from n - before to n + after, in order, itself included."""
        ...

    def ids_under(self, patterns: Sequence[str]) -> list[int]:
        """Ids of the chunks whose document's path matches one of the patterns (a glob or a part of the path)."""
        ...


class CatalogWriter(ChunkReader, Protocol):
    """The catalog as ingest writes it; every method may raise StoreUnwritable.

    A document is pending until `publish` makes it count, retired when it counts no more, and stale when the run that
    wrote it was cut off. Retired and stale ones stay until the indexes have let go of their chunks and `forget` is
    called.
    """

    @property
    def embedder(self) -> str:
        """Id of the embedder that made the vectors; empty before the first document."""
        ...

    @property
    def dimensions(self) -> int: ...

    def counts(self) -> Counts: ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        ...

    def versions(self) -> dict[str, Version]:
        """By path, of the documents that count."""
        ...

    def ready_ids(self) -> dict[str, int]:
        """Of the documents that count, by path."""
        ...

    def failed_versions(self) -> dict[str, Version]:
        """By path, of the files that could not be indexed as they were."""
        ...

    def touch(self, files: Iterable[tuple[int, File]]) -> None:
        """New size and mtime of documents whose content is the same."""
        ...

    def fail(self, failure: Failure, *, size: int = 0, mtime_ns: int = 0) -> None: ...

    def forget_failures(self, paths: Iterable[str]) -> None: ...

    def adopt(self, embedder: str, dimensions: int) -> None: ...

    def begin(self, path: str, title: str, format: str) -> int:
        """Id of a new pending document."""
        ...

    def append(self, document_id: int, passages: Sequence[Passage]) -> range:
        """Ids of the new chunks."""
        ...

    def publish(self, finished: Iterable[tuple[int, File, str]]) -> None:
        """(document id, file, SHA-256): these count from now on, and older versions of the same paths no more."""
        ...

    def retire(self, document_ids: Iterable[int]) -> None:
        """These do not count any more, or never will."""
        ...

    def abandon(self) -> None:
        """Makes every pending document stale."""
        ...

    def unsettled(self, *, stale: bool) -> list[int]:
        """Ids of the chunks of retired documents, or of stale ones."""
        ...

    def forget(self, *, stale: bool) -> None:
        """Deletes retired documents, or stale ones."""
        ...

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Vectors of texts that the collection holds in whatever state, by hash."""
        ...

    def texts_to_embed(self, embedder: str) -> Iterator[list[tuple[int, tuple[str, ...], str]]]:
        """Pages of (chunk id, heading path, text) that have no vector of this new embedder yet."""
        ...

    def store_next_vectors(self, vectors: Mapping[int, bytes]) -> None: ...

    def switch_vectors(self, embedder: str, dimensions: int) -> None:
        """The new embedder's vectors take the place of the old ones."""
        ...


class Indexes(Protocol):
    """All indexes of one collection, as ingest writes them. They block; all may raise StoreError."""

    @property
    def sound(self) -> bool:
        """Each is there, whole, and holds what the catalog holds; tells it from file sizes and dates."""
        ...

    def open(self) -> list[Notice]:
        """Starts writing; what is not sound is built anew from the catalog, and told."""
        ...

    def expect(self, entries: Sequence[KeywordEntry]) -> None:
        """These chunks will come with one later `add`: what can be done for them before is begun. Never blocks."""
        ...

    def add(self, chunks: Sequence[tuple[int, bytes]]) -> None:
        """(chunk id, vector) of chunks that stand in the catalog; durable in each index when it returns."""
        ...

    def delete(self, ids: Sequence[int]) -> None:
        """Durable with the next `add`, or when closed."""
        ...

    def rebuild_vectors(self) -> None:
        """After the catalog has got other vectors."""
        ...

    def close(self) -> list[Notice]:
        """Ends writing: everything is flushed and sound."""
        ...


class CollectionWriter(Protocol):
    """A collection that may be written by this process alone."""

    @property
    def name(self) -> str: ...

    def known(self) -> tuple[dict[str, Version], dict[str, Version]]:
        """Of each path the version that counts, and the one that failed; before `acquire`, too."""
        ...

    @property
    def catalog(self) -> CatalogWriter: ...

    @property
    def indexes(self) -> Indexes: ...

    def acquire(self, wait: float) -> AsyncGenerator[Notice, None]:
        """Opens it once it is exhausted; tells for whom it waits. Raises IndexLocked after `wait` seconds."""
        ...

    def close(self) -> None: ...
