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
from ragcli.errors import ConfigError
from ragcli.streams.shelter import sheltered
from ragcli.streams.trace import as_span

if TYPE_CHECKING:
    from ragcli.app.workspace import Workspace
    from ragcli.config import Settings
    from ragcli.ports import ResumableModel, Retriever
    from ragcli.ports.tracing import Tracer
    from ragcli.store.catalog import Catalog
    from ragcli.types import Answer, Event, Reply, Source, Turn

OUTLINED = 24
"""Documents whose headings make examples, and passages of each that are looked at."""


class Opened(Struct, frozen=True):
    """A collection that is open for searching."""

    catalog: Catalog
    retriever: Retriever


class CollectionAssistant:
    """Implements `ports.Assistant`."""

    tracer: Tracer | None = None

    def __init__(self, opened: Opened, model: ResumableModel, settings: Settings) -> None:
        self._opened = opened
        self._model = model
        self._settings = settings

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
    ) -> AsyncGenerator[Event, Reply | None]:
        """As ports.Assistant says; `extra` is a text that becomes a source beside those of the index."""
        from ragcli.answer.pipeline import answer
        from ragcli.answer.rewrite import by_model, by_rule

        extractive = self._model.provider == "extractive"
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
            rewriter=by_rule if extractive else by_model(self._model),
        )


class ChatAssistants:
    """Implements `ports.Assistants`."""

    def __init__(self, workspace: Workspace, collection: str) -> None:
        self._workspace = workspace
        self._collection = collection
        self._opened = AsyncExitStack()

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
            assistant = await stack.enter_async_context(workspace.assistant(collection, long_lived=True))
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
