"""What embeds, reranks and answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ragcli.types import (
        Delta,
        Notice,
        Prompt,
        Vector,
        Vectors,
    )


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


@runtime_checkable
class Shortening(Protocol):
    """What an embedder has besides whose model takes texts of a certain length only."""

    def shortened(self) -> list[str]:
        """The texts that were cut since this was last asked."""
        ...


@runtime_checkable
class LocalModel(Protocol):
    """What an embedder of this machine has besides, where its dimensions may be unknown before it is loaded."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        ...

    @property
    def known(self) -> bool:
        """Whether `id` and `dimensions` can be asked for."""
        ...

    async def load(self) -> None:
        """Gets ready, from the network where it is not on this machine. Raises ConfigError, EndpointError."""
        ...


class LocalEmbedder(Embedder, LocalModel, Protocol): ...


@runtime_checkable
class Expecting(Protocol):
    """What an embedder has besides that does better when it is told ahead how much there is to do."""

    def expect(self, texts: int) -> None:
        """At least so many texts are about to be embedded; may block for a moment."""
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
