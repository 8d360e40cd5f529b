"""What a chat and a question talk to: an open collection with a model behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ragcli.app.context import around
from ragcli.errors import ConfigError, RagcliError
from ragcli.streams.shelter import sheltered
from ragcli.streams.trace import as_span

if TYPE_CHECKING:
    from ragcli.answer.cached import Scope
    from ragcli.answer.semantic import Embed
    from ragcli.answer.tiers import AnswerCache
    from ragcli.app.workspace import Workspace
    from ragcli.config import Settings
    from ragcli.ports import Caching, Embedder, ResumableModel, Retriever
    from ragcli.ports.tracing import Tracer
    from ragcli.store.catalog import Catalog
    from ragcli.types import Answer, Event, Reply, Requests, Source, Turn

OUTLINED = 24
"""Documents whose headings make examples, and passages of each that are looked at."""


class Opened(Struct, frozen=True):
    """A collection that is open for searching."""

    catalog: Catalog
    retriever: Retriever
    embedder: Embedder


class CollectionAssistant:
    """Implements `ports.Assistant`."""

    tracer: Tracer | None = None

    def __init__(
        self, opened: Opened, model: ResumableModel, settings: Settings, cache: AnswerCache | None = None
    ) -> None:
        self._opened = opened
        self._model = model
        self._settings = settings
        self._cache = cache

    @property
    def collection(self) -> str:
        return self._opened.catalog.name

    @property
    def provider(self) -> str:
        return self._model.provider

    @property
    def model(self) -> str:
        return self._model.model

    @property
    def documents(self) -> int:
        return self._opened.catalog.counts().documents

    @property
    def generation(self) -> int:
        return self._opened.catalog.generation

    @property
    def context_tokens(self) -> int:
        return self._settings.chat.context_tokens

    @property
    def requests(self) -> Requests | None:
        from ragcli.streams.reliable import ReliableChat

        return self._model.requests if isinstance(self._model, ReliableChat) else None

    def outline(self) -> list[tuple[str, str]]:
        documents = [document for document in self._opened.catalog.documents() if document.state == "ready"]
        step = max(1, len(documents) // OUTLINED)
        return [
            (document.title, chunk.heading[-1])
            for document in documents[::step][:OUTLINED]
            for chunk in islice(self._opened.catalog.chunks_of(document.id), OUTLINED)
            if chunk.heading
        ]

    def around(self, source: Source) -> tuple[str, str]:
        return around(self._opened.catalog, source)

    @sheltered
    @as_span("answer")
    def answer(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        session: str | None = None,
        stop: asyncio.Event | None = None,
        resume: Answer | None = None,
        extra: str = "",
        caching: Caching = "use",
    ) -> AsyncGenerator[Event, Reply | None]:
        """As ports.Assistant says; `extra` is a text that becomes a source beside those of the index."""
        from ragcli.answer.rewrite import by_model, by_rule

        stop = stop or asyncio.Event()
        rewriter = by_rule if self._quotes else by_model(self._model)

        def make(
            standalone: str, resume: Answer | None, stop: asyncio.Event, session: str | None = None
        ) -> AsyncGenerator[Event, Reply | None]:
            from ragcli.answer import summary
            from ragcli.answer.pipeline import answer

            return answer(
                question,
                retriever=self._opened.retriever,
                model=self._model,
                settings=self._settings.chat,
                history=history,
                top_k=self._settings.retrieve.top_k,
                context_k=self._settings.retrieve.context_k,
                extra=extra,
                session=session,
                stop=stop,
                resume=resume,
                rewriter=rewriter,
                summariser=None if self._quotes else summary.by_model(self._model),
                standalone=standalone,
            )

        if self._cache is None or caching == "off" or resume is not None:
            return make("", resume, stop, session)
        from ragcli.answer.cached import cached

        try:
            scope = self._scope(extra)
        except RagcliError:  # the search will say what is wrong
            return make("", None, stop, session)
        return cached(
            question,
            cache=self._cache,
            scope=scope,
            make=make,
            provider=(self._model.provider, self._model.model),
            rewriter=rewriter,
            embed=self._embed(question),
            history=history,
            session=session,
            stop=stop,
            renew=caching == "renew",
        )

    @property
    def _quotes(self) -> bool:
        return self._model.provider == "extractive"

    def _scope(self, extra: str) -> Scope:
        """Raises StoreError."""
        from ragcli.answer.cached import Scope
        from ragcli.app.caching import settled

        catalog = self._opened.catalog
        decides = settled(
            self._settings,
            state=catalog.state,
            embedder=self._opened.embedder.id,
            provider=self._model.provider,
            model=self._model.model,
            extra=extra,
        )
        return Scope(catalog.place.folder.name, catalog.generation, decides)

    def _embed(self, question: str) -> Embed | None:
        """None where the embedder cannot read the question, and for quotes, which cost less than their vector."""
        from ragcli.retrieve.fuse import reads

        embedder = self._opened.embedder
        return None if self._quotes or not reads(embedder.id, question) else embedder.embed_query


class ChatAssistants:
    """Implements `ports.Assistants`."""

    def __init__(self, workspace: Workspace, collection: str) -> None:
        self._workspace = workspace
        self._collection = collection
        self._opened = AsyncExitStack()
        self._cache = workspace.cache()
        """One for the whole chat, also where it begins without: what is in memory outlives a change of model."""

    async def reopen(
        self, *, collection: str | None = None, model: str | None = None, top_k: int | None = None
    ) -> CollectionAssistant:
        settings = self._workspace.settings
        if model is not None:
            extractive = model == "extractive"
            if not extractive and not (settings.chat.api_key or settings.chat.base_url):
                raise ConfigError("no model's endpoint is configured", remedy="set OPENAI_API_KEY or OPENAI_BASE_URL")
            named = settings.chat.model if extractive else model
            settings = replace(settings, chat=replace(settings.chat, model=named, extractive=extractive))
        if top_k is not None:
            settings = replace(settings, retrieve=replace(settings.retrieve, top_k=top_k, context_k=top_k))
        workspace = replace(self._workspace, settings=settings)
        collection = collection or self._collection
        async with AsyncExitStack() as stack:
            assistant = await stack.enter_async_context(
                workspace.assistant(collection, long_lived=True, cache=self._cache)
            )
            former, self._opened = self._opened, stack.pop_all()
        self._workspace, self._collection = workspace, collection
        await former.aclose()
        return assistant

    def collections(self) -> list[str]:
        return self._workspace.collections()

    async def models(self) -> tuple[str, ...]:
        chat = self._workspace.settings.chat
        return await self._workspace.models.served() if chat.api_key or chat.base_url else ()

    async def aclose(self) -> None:
        await self._opened.aclose()
        await self._cache.aclose()
