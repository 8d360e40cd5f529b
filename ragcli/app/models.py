"""Builds the models that the settings name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ragcli.app.sharing import Sharing
from ragcli.errors import ConfigError
from ragcli.ports.models import LocalModel, Shortening

if TYPE_CHECKING:
    from ragcli.config import Settings
    from ragcli.ports import Embedder, Reranker, ResumableModel
    from ragcli.retrieve.rerank import Ranker
    from ragcli.types import IngestEvent, Notice

STATIC = "static"
RERANKER_READS, CHAT_READS = 30, 20
"""Candidates that a reranking model looks at."""


class Models(Struct, frozen=True):
    """What embeds, reranks and answers; `home` is where downloaded weights are kept unless the settings say another."""

    home: Path
    settings: Settings
    sharing: Sharing = field(default_factory=Sharing)

    def embedder_of(self, remembered: str) -> Embedder:
        """The embedder whose id a collection remembers, `PROVIDER:MODEL:DIMENSIONS`. Raises ConfigError."""
        kind, _, rest = remembered.partition(":")
        name, _, dimensions = rest.rpartition(":")
        if kind in ("", STATIC):
            return self.embedder(STATIC)
        return self.embedder(f"{kind}:{name}", int(dimensions) if dimensions.isdecimal() else 0)

    def embedder(self, model: str, dimensions: int = 0, remembered: str = "") -> Embedder:
        """The embedder that `static`, `openai:MODEL` or `fastembed:MODEL` names. Raises ConfigError.

        `dimensions` shortens its vectors; `remembered` is the id that the collection knows its own embedder by.
        """
        kind, _, name = model.partition(":")
        if kind == STATIC:
            from ragcli.providers.static import StaticEmbedder

            return StaticEmbedder()
        if kind == "openai" and name:
            from msgspec.structs import replace

            from ragcli.providers.openai_embeddings import OpenAIEmbedder

            settings = replace(self.settings.embedding, model=model, dimensions=dimensions)
            return self._remembering(OpenAIEmbedder(settings), settings.base_url)
        if kind == "fastembed" and name:
            from ragcli.providers.fastembed_embedder import FastembedEmbedder

            device = self.settings.embedding.device
            local = FastembedEmbedder(name, models=self.models_folder, device=device, dimensions=dimensions)
            local.recall(remembered)
            if not self._remembers:
                return local
            from ragcli.app.caching import vectors
            from ragcli.store.embeddings_remembering import RememberingLocalEmbedder

            return RememberingLocalEmbedder(local, vectors(self.home, self.settings), space=lambda: local.weights)
        raise ConfigError(f"unknown embedder {model!r}", remedy="use static, openai:MODEL or fastembed:MODEL")

    def _remembering(self, embedder: Embedder, endpoint: str) -> Embedder:
        """A paid embedder is asked once for a text, by whatever collection."""
        if not self._remembers:
            return embedder
        from ragcli.app.caching import vectors
        from ragcli.store.embeddings_remembering import RememberingEmbedder

        space = f"{endpoint} {embedder.id}"
        return RememberingEmbedder(embedder, vectors(self.home, self.settings), space=lambda: space)

    @property
    def _remembers(self) -> bool:
        return self.settings.cache.enabled and self.settings.cache.embeddings_mb > 0

    @property
    def models_folder(self) -> Path:
        """Where downloaded weights are kept."""
        chosen = self.settings.embedding.models
        return Path(chosen).expanduser().absolute() if chosen else self.home / "models"

    @asynccontextmanager
    async def ranker(self) -> AsyncIterator[Ranker]:
        """What looks at the fused candidates again, as `rerank.model` says. Raises ConfigError."""
        from ragcli.retrieve.rerank import BuiltinRanker, FusedOrder, ModelRanker

        settings = self.settings.rerank
        async with self.reranker() as reranker:
            if reranker is None:
                yield FusedOrder() if settings.model == "none" else BuiltinRanker()
            else:
                depth = CHAT_READS if settings.model == "chat" else RERANKER_READS
                yield ModelRanker(reranker, timeout=settings.timeout, depth=depth, load=reranker.load)

    @asynccontextmanager
    async def reranker(self) -> AsyncIterator[Reranker | None]:
        """The model that `rerank.model` names; None where none reads the candidates. Raises ConfigError."""
        settings = self.settings.rerank
        kind, _, name = settings.model.partition(":")
        if settings.model in ("none", "builtin") or (settings.model == "chat" and self.settings.chat.extractive):
            yield None
        elif settings.model == "chat":
            async with self._chat_reranker() as chat:
                yield chat
        elif kind == "http" and name:
            from ragcli.providers.rerank_http import HttpReranker

            endpoint = HttpReranker(settings)
            try:
                yield endpoint
            finally:
                await endpoint.aclose()
        elif kind == "fastembed" and name:
            from ragcli.providers.fastembed_reranker import FastembedReranker

            yield FastembedReranker(name, models=self.models_folder, device=settings.device)
        else:
            remedy = "use builtin, none, chat, http:MODEL or fastembed:MODEL"
            raise ConfigError(f"unknown reranker {settings.model!r}", remedy=remedy)

    @asynccontextmanager
    async def _chat_reranker(self) -> AsyncIterator[Reranker]:
        """Asked once: a reranker that is late or fails is done without."""
        from ragcli.providers.openai_chat import OpenAIChat
        from ragcli.retrieve.listwise import ChatReranker
        from ragcli.text.tokens import estimator

        chat = self.settings.chat
        if not (chat.api_key or chat.base_url):
            raise ConfigError("rerank.model = chat needs a chat model", remedy="set OPENAI_API_KEY or OPENAI_BASE_URL")
        provider = OpenAIChat(chat)
        try:
            yield ChatReranker(provider, budget=chat.context_tokens, count=estimator(chat.model))
        finally:
            await provider.aclose()

    @asynccontextmanager
    async def chat(self) -> AsyncIterator[ResumableModel]:
        """The endpoint's model where one is configured, else the extractive one."""
        chat = self.settings.chat
        if chat.extractive or not (chat.api_key or chat.base_url):
            from ragcli.answer.extractive import select
            from ragcli.providers.extractive import ExtractiveModel

            yield ExtractiveModel(select)
            return
        from ragcli.providers.openai_chat import OpenAIChat
        from ragcli.streams.reliable import ReliableChat

        provider = OpenAIChat(chat)
        try:
            yield ReliableChat(provider, chat, limiter=self.sharing.limiter(self.settings))
        finally:
            await provider.aclose()

    async def served(self) -> tuple[str, ...]:
        """Names of the models that the endpoint serves, where it says. Raises EndpointError."""
        from ragcli.providers.http import Endpoint

        chat = self.settings.chat
        timeouts = {"connect_timeout": chat.connect_timeout, "idle_timeout": chat.idle_timeout}
        endpoint = Endpoint(chat.base_url, chat.api_key, **timeouts)
        try:
            return await endpoint.models()
        finally:
            await endpoint.aclose()


async def telling_of_cuts(
    events: AsyncGenerator[IngestEvent, None], embedder: Embedder
) -> AsyncGenerator[IngestEvent, None]:
    """The events of an ingest; before its report, how many passages were too long for the model."""
    from ragcli.text.clean import one_line
    from ragcli.text.figures import counted
    from ragcli.types import IngestReport, Notice

    async with aclosing(events):
        async for event in events:
            cut = embedder.shortened() if isinstance(event, IngestReport) and isinstance(embedder, Shortening) else []
            if cut:
                told = f"cut to what the embedding model takes: {counted(len(cut), 'passage')}, such as "
                yield Notice("shortened", f'{told}"{one_line(cut[0], 60)}"; the whole text is found by its words')
            yield event


async def loading(embedder: Embedder) -> AsyncIterator[Notice]:
    """Gets a model of this machine ready whose id is only known then. Raises ConfigError, EndpointError."""
    if isinstance(embedder, LocalModel) and not embedder.known:
        from ragcli.types import Notice

        yield Notice("loading", f"loading {embedder.label}; the first time its weights are downloaded")
        await embedder.load()
