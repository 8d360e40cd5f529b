"""The seams: one small Protocol each, one adapter file each in `store/` or `providers/`; only `app.py` joins them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import asyncio

    from ragcli.types import (
        Answer,
        Counts,
        Delta,
        Event,
        Failure,
        File,
        Mode,
        Notice,
        Passage,
        Prompt,
        Reply,
        Retrieval,
        SessionInfo,
        StoredChunk,
        Turn,
        Vector,
        Vectors,
        Version,
    )


# --- models ------------------------------------------------------------------------------------------------


class Embedder(Protocol):
    """Turns text into vectors of unit length."""

    @property
    def id(self) -> str:
        """Names provider, model and dimensions; a collection remembers it and refuses another."""
        ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions). Raises EndpointError."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """Shape (dimensions,). Raises EndpointError."""
        ...

    async def aclose(self) -> None:
        """Lets go of connections and models."""
        ...


class Reranker(Protocol):
    async def load(self) -> None:
        """Gets ready, where that may take longer than reranking. Raises ConfigError, EndpointError."""
        ...

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One relevance score a text, higher is better. Raises EndpointError."""
        ...


class ChatModel(Protocol):
    """Writes the answer; the extractive provider is one too."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Notice, None]:
        """Pieces of the answer as they come, and a notice for each wait; closing it closes the connection.

        Raises EndpointError.
        """
        ...


class ResumableModel(ChatModel, Protocol):
    """A chat model that can also go on with an answer."""

    def stream(self, prompt: Prompt, so_far: str = "") -> AsyncGenerator[Delta | Notice, None]:
        """As above; with `so_far` the rest of an answer that broke off there, without a repeated word."""
        ...


# --- the store ---------------------------------------------------------------------------------------------


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


# --- the journeys ------------------------------------------------------------------------------------------


class Retriever(Protocol):
    async def search(self, query: str, *, mode: Mode = "hybrid", k: int = 5, rerank: bool = True) -> Retrieval:
        """At most k sources, best first. Raises StoreError, EndpointError."""
        ...


class Assistant(Protocol):
    """One open collection with a model behind it: what the chat talks to."""

    @property
    def collection(self) -> str: ...

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def documents(self) -> int:
        """How many documents the collection holds now."""
        ...

    @property
    def generation(self) -> int:
        """Counts the changes of the collection, by whatever process."""
        ...

    @property
    def context_tokens(self) -> int:
        """The budget of a prompt."""
        ...

    def outline(self) -> Sequence[tuple[str, str]]:
        """(title, heading) of passages of some documents, for examples of what can be asked."""
        ...

    def answer(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        session: str | None = None,
        stop: asyncio.Event | None = None,
        resume: Answer | None = None,
    ) -> AsyncGenerator[Event, Reply | None]:
        """The answer as events, the last one `Done`; takes `Pick` after `SourcesFound` and `Stop` at any event.

        Setting `stop` ends it as `Stop` does, also while it waits for the network. `resume` is an answer to this
        question that broke off: its sources serve again, the tokens are the rest, and `Done` has the whole.
        """
        ...


class Assistants(Protocol):
    """Opens the assistant of a chat anew with what the person has switched, for this chat alone."""

    async def reopen(
        self, *, collection: str | None = None, model: str | None = None, top_k: int | None = None
    ) -> Assistant:
        """In place of the former one, which stays open where this fails; None leaves a choice as it was.

        Raises StoreError, ConfigError, EndpointError.
        """
        ...

    def collections(self) -> Sequence[str]: ...

    async def models(self) -> Sequence[str]:
        """What the endpoint serves, where it says. Raises EndpointError."""
        ...


class SessionStore(Protocol):
    """Chats that outlive the process, saved as they grow; all may raise StoreError."""

    def turns(self, name: str) -> list[Turn]:
        """The exchanges of a session that have an answer, oldest first; empty for one that does not exist."""
        ...

    def exchanges(self, name: str) -> list[tuple[int, Answer]]:
        """All exchanges with their numbers, oldest first, also stopped and failed ones (their `finish` says so)."""
        ...

    def append(self, name: str, answer: Answer) -> int:
        """Stores an exchange, making the session where there is none; its number serves `update`."""
        ...

    def update(self, number: int, answer: Answer) -> None:
        """Puts a later state of the same exchange in its place: more of the answer, or all of it."""
        ...

    def latest(self) -> str | None:
        """Name of the session that was written last."""
        ...

    def names(self) -> list[str]:
        """Those written last come first."""
        ...

    def overview(self) -> list[SessionInfo]:
        """All sessions, those written last first."""
        ...

    def free_name(self, question: str) -> str:
        """A name for a session that begins with this question, not taken yet."""
        ...

    def rename(self, name: str, new: str) -> bool:
        """False where the new name is taken or there is no such session."""
        ...

    def delete(self, name: str) -> bool:
        """False where there is no such session."""
        ...
