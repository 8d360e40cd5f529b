"""The seams: one small Protocol each, one adapter file each in `store/` or `providers/`; only `app.py` joins them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from ragcli.types import (
        Answer,
        Delta,
        Event,
        Mode,
        Prompt,
        Reply,
        Retrieval,
        StoredChunk,
        Turn,
        Vector,
        Vectors,
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


class Reranker(Protocol):
    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One relevance score a text, higher is better. Raises EndpointError."""
        ...


class ChatModel(Protocol):
    """Writes the answer; the extractive provider is one too."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    def stream(self, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """Pieces of the answer as they come; closing it closes the connection. Raises EndpointError."""
        ...


# --- the store ---------------------------------------------------------------------------------------------


class VectorIndex(Protocol):
    """Nearest neighbours by cosine; a throw-away index of the catalog's vectors."""

    def search(self, vector: Vector, k: int, *, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """Up to k (chunk id, cosine), best first; `among` limits the candidates to these ids."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeywordEntry:
    """What the keyword index is told of a chunk."""

    id: int
    title: str
    heading: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class KeywordQuery:
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
    def context_tokens(self) -> int:
        """The budget of a prompt."""
        ...

    def answer(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        session: str | None = None,
        stop: asyncio.Event | None = None,
    ) -> AsyncGenerator[Event, Reply | None]:
        """The answer as events, the last one `Done`; takes `Pick` after `SourcesFound` and `Stop` at any event.

        Setting `stop` ends it as `Stop` does, also while it waits for the network.
        """
        ...


class SessionStore(Protocol):
    """Chats that outlive the process, saved as they grow."""

    def turns(self, name: str) -> list[Turn]:
        """The finished exchanges of a session, oldest first; empty for one that does not exist."""
        ...

    def append(self, name: str, answer: Answer) -> None:
        """Stores an exchange, also a stopped or failed one (its `finish` says so). Raises StoreError."""
        ...

    def latest(self) -> str | None:
        """Name of the session that was written last."""
        ...

    def names(self) -> list[str]: ...

    def delete(self, name: str) -> bool: ...
