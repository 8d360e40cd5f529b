"""Searching, answering, and the chats that are kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from ragcli.types import (
        Answer,
        Event,
        Mode,
        Reply,
        Retrieval,
        SessionInfo,
        Source,
        Turn,
    )


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
