"""Searching, answering, and the chats that are kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import asyncio

    from ragcli.types import (
        Answer,
        Event,
        Mode,
        Reply,
        Requests,
        Retrieval,
        SessionInfo,
        Source,
        Turn,
    )

Caching = Literal["use", "renew", "off"]


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

    @property
    def requests(self) -> Requests | None:
        """What was counted of the model's requests; None where none are made."""
        ...

    def outline(self) -> Sequence[tuple[str, str]]:
        """(title, heading) of passages of some documents, for examples of what can be asked."""
        ...

    def around(self, source: Source) -> tuple[str, str]:
        """What stands in the document before a passage and behind it, where that is still known. Raises StoreError."""
        ...

    def answer(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        session: str | None = None,
        stop: asyncio.Event | None = None,
        resume: Answer | None = None,
        caching: Caching = "use",
    ) -> AsyncGenerator[Event, Reply | None]:
        """The answer as events, the last one `Done`; takes `Pick` after `SourcesFound` and `Stop` at any event.

        Setting `stop` ends it as `Stop` does, also while it waits for the network. `resume` is an answer to this
        question that broke off: its sources serve again, the tokens are the rest, and `Done` has the whole. `caching`
        may "renew" a kept answer, or turn the cache "off".
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


LEASE_S = 5.0
"""How long an exchange belongs to its writer since that has stored it last."""


class SessionStore(Protocol):
    """Chats that outlive the process, saved as they grow; all may raise StoreError. One store is one writer."""

    def turns(self, name: str) -> list[Turn]:
        """The exchanges of a session that have an answer, oldest first; empty for one that does not exist."""
        ...

    def exchanges(self, name: str) -> list[tuple[int, Answer]]:
        """All exchanges with their numbers, oldest first, also stopped and failed ones (their `finish` says so)."""
        ...

    def append(self, name: str, answer: Answer, *, growing: bool = False) -> int:
        """Stores an exchange, making the session where there is none; its number serves `update`.

        A `growing` one will be updated: nobody else may go on with it until LEASE_S after the last time it was stored.
        """
        ...

    def update(self, number: int, answer: Answer, *, growing: bool = False) -> int:
        """Puts a later state of the same exchange in its place: more of the answer, or all of it.

        The number that it has from then on: another one where somebody has claimed the exchange since, or deleted it;
        then both are kept.
        """
        ...

    def claim(self, number: int) -> Answer:
        """The exchange as it is stored now, to go on with as its only writer.

        Raises ExchangeBusy while it grows by another's hand, StoreError.
        """
        ...

    def busy(self, number: int) -> float:
        """For how many seconds another writer still has the exchange to itself."""
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
