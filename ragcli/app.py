"""The composition root: the only place that names adapters and stacks wrappers around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ragcli.errors import ConfigError
from ragcli.store.layout import Home

if TYPE_CHECKING:
    from ragcli.config import Ingest, Settings
    from ragcli.ingest.workers import Reader
    from ragcli.ports import Embedder, KeywordIndex, Reranker, ResumableModel, Retriever
    from ragcli.retrieve.rerank import Ranker
    from ragcli.store.catalog import Catalog
    from ragcli.store.sessions import SQLiteSessions
    from ragcli.types import Answer, Event, IngestEvent, Notice, Reply, Turn, WatchEvent

STATIC = "static"
OUTLINED = 24
"""Documents whose headings make examples, and passages of each that are looked at."""
RERANKER_READS, CHAT_READS = 30, 20
"""Candidates that a reranking model looks at."""


class Workspace(Struct, frozen=True):
    """A home folder and the settings in force: everything else is opened from here."""

    path: Path
    settings: Settings

    @property
    def home(self) -> Home:
        return Home(self.path)

    def collections(self) -> list[str]:
        return [place.name for place in self.home.collections()]

    def read(self, collection: str) -> Catalog:
        """Raises IndexMissing, IndexDamaged."""
        from ragcli.store.collection import open_reader

        return open_reader(self.home, collection)

    def sessions(self) -> SQLiteSessions:
        from ragcli.store.sessions import SQLiteSessions

        return SQLiteSessions(self.path / "sessions.db")

    # --- the journey of a document

    async def ingest(
        self,
        paths: Sequence[str],
        collection: str,
        *,
        force: bool = False,
        dry_run: bool = False,
        stop: asyncio.Event | None = None,
    ) -> AsyncGenerator[IngestEvent, None]:
        """Indexes files and folders; the last event is the report. Raises UsageError, StoreError, EndpointError."""
        from ragcli.ingest.pipeline import plan
        from ragcli.store.collection import writer

        async with AsyncExitStack() as stack:
            if dry_run:
                target = writer(self.home, collection, open_keywords=open_keywords)
                events = plan(paths, collection=target, settings=self.settings.ingest, force=force)
            else:
                embedder = await stack.enter_async_context(self.embedder_for(collection))
                async for notice in loading(embedder):
                    yield notice
                events = self._ingest(paths, collection, embedder, force=force, stop=stop)
            await stack.enter_async_context(aclosing(events))
            async for event in events:
                yield event

    async def watch(
        self, paths: Sequence[str], collection: str, *, force: bool = False, stop: asyncio.Event
    ) -> AsyncGenerator[WatchEvent, None]:
        """Indexes files and folders, then again whatever changes in them, until `stop`. Raises as `ingest` does."""
        from ragcli.ingest.notify import changes
        from ragcli.ingest.watch import watch

        async with self.embedder_for(collection) as embedder:
            async for notice in loading(embedder):
                yield notice

            def again(roots: Sequence[str], only: Collection[str] | None) -> AsyncGenerator[IngestEvent, None]:
                return self._ingest(roots, collection, embedder, only=only, force=force and only is None, stop=stop)

            events = watch(paths, changes=changes(paths, stop), ingest=again, stop=stop, apart=[str(self.path)])
            async with aclosing(events):
                async for event in events:
                    yield event

    def _ingest(
        self,
        paths: Sequence[str],
        collection: str,
        embedder: Embedder,
        *,
        only: Collection[str] | None = None,
        force: bool,
        stop: asyncio.Event | None,
    ) -> AsyncGenerator[IngestEvent, None]:
        from ragcli.ingest.pipeline import ingest
        from ragcli.store.collection import writer

        settings = self.settings.ingest
        return ingest(
            paths,
            collection=writer(self.home, collection, open_keywords=open_keywords),
            embedder=embedder,
            open_reader=lambda: open_files(settings),
            settings=settings,
            embedding=self.settings.embedding,
            only=only,
            force=force,
            stop=stop,
        )

    async def remove(self, collection: str, paths: Sequence[str]) -> int:
        """Takes documents out of the index and returns how many there were. Raises StoreError."""
        from ragcli.ingest.pipeline import remove
        from ragcli.store.collection import writer

        target = writer(self.home, collection, open_keywords=open_keywords)
        return await remove(paths, collection=target, wait=self.settings.ingest.wait)

    async def delete(self, collection: str) -> None:
        """Deletes a collection once nobody writes it. Raises IndexLocked, StoreUnwritable."""
        from ragcli.store.lock import WriterLock

        place = self.home.collection(collection)
        lock = WriterLock(place)
        async for _notice in lock.acquire(self.settings.ingest.wait):
            pass
        try:
            place.delete()
        finally:
            lock.release()

    # --- the journey of a question

    @asynccontextmanager
    async def open(self, collection: str, *, long_lived: bool = False) -> AsyncIterator[Opened]:
        """A collection to search. A process that asks many questions is `long_lived`: it may open Chroma.

        Raises IndexMissing, IndexDamaged, ConfigError where the collection was made with an embedder that is not here.
        """
        from ragcli.retrieve.pipeline import HybridRetriever
        from ragcli.store.collection import open_vectors
        from ragcli.store.indexes import keywords_folder

        async with AsyncExitStack() as stack:
            catalog = stack.enter_context(self.read(collection))
            embedder = self.embedder_of(catalog.embedder)
            stack.push_async_callback(embedder.aclose)
            retriever = HybridRetriever(
                catalog,
                lambda: open_vectors(catalog, long_lived=long_lived),
                lambda: open_keywords(keywords_folder(catalog.place, catalog)),
                embedder,
                self.settings.retrieve,
                ranker=await stack.enter_async_context(self.ranker()),
            )
            stack.callback(retriever.close)
            yield Opened(catalog, retriever)

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
    async def assistant(self, collection: str, *, long_lived: bool = False) -> AsyncIterator[CollectionAssistant]:
        """A collection with the chat model that the settings name. Raises as `open` does."""
        async with self.open(collection, long_lived=long_lived) as opened, self.chat_model() as model:
            yield CollectionAssistant(opened, model, self.settings)

    @asynccontextmanager
    async def assistants(self, collection: str) -> AsyncIterator[ChatAssistants]:
        """What a chat opens its assistants with, one at a time."""
        assistants = ChatAssistants(self, collection)
        try:
            yield assistants
        finally:
            await assistants.aclose()

    @asynccontextmanager
    async def chat_model(self) -> AsyncIterator[ResumableModel]:
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
            yield ReliableChat(provider, chat)
        finally:
            await provider.aclose()

    async def models(self) -> tuple[str, ...]:
        """Names of the models that the endpoint serves, where it says. Raises EndpointError."""
        from ragcli.providers.http import Endpoint

        chat = self.settings.chat
        timeouts = {"connect_timeout": chat.connect_timeout, "idle_timeout": chat.idle_timeout}
        endpoint = Endpoint(chat.base_url, chat.api_key, **timeouts)
        try:
            return await endpoint.models()
        finally:
            await endpoint.aclose()

    # --- embedders

    @asynccontextmanager
    async def embedder_for(self, collection: str) -> AsyncIterator[Embedder]:
        """What a collection is written with: the embedder that the settings name, else its own, else the static one."""
        remembered = ""
        if self.home.collection(collection).exists:
            with self.read(collection) as catalog:
                remembered = catalog.embedder
        model, dimensions = self.settings.embedding.model, self.settings.embedding.dimensions
        embedder = self.embedder(model, dimensions, remembered) if model else self.embedder_of(remembered)
        try:
            yield embedder
        finally:
            await embedder.aclose()

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

            return OpenAIEmbedder(replace(self.settings.embedding, model=model, dimensions=dimensions))
        if kind == "fastembed" and name:
            from ragcli.providers.fastembed_embedder import FastembedEmbedder

            device = self.settings.embedding.device
            local = FastembedEmbedder(name, models=self.models_folder, device=device, dimensions=dimensions)
            local.recall(remembered)
            return local
        raise ConfigError(f"unknown embedder {model!r}", remedy="use static, openai:MODEL or fastembed:MODEL")

    @property
    def models_folder(self) -> Path:
        """Where downloaded weights are kept."""
        chosen = self.settings.embedding.models
        return Path(chosen).expanduser().absolute() if chosen else self.path / "models"


async def loading(embedder: Embedder) -> AsyncIterator[Notice]:
    """Gets a model of this machine ready whose id is only known then. Raises ConfigError, EndpointError."""
    from ragcli.providers.fastembed_embedder import FastembedEmbedder
    from ragcli.types import Notice

    if isinstance(embedder, FastembedEmbedder) and not embedder.known:
        yield Notice("loading", f"loading {embedder.label}; the first time its weights are downloaded")
        await embedder.load()


def open_files(settings: Ingest) -> Reader:
    from ragcli.ingest.workers import Reader  # a run that finds nothing changed does without all that reads files

    return Reader(settings)


def open_keywords(path: Path, *, create: bool = False) -> KeywordIndex:
    from ragcli.store.keywords import TantivyIndex
    from ragcli.text.analyze import terms

    return TantivyIndex(path, analyze=terms, create=create)


class Opened(Struct, frozen=True):
    """A collection that is open for searching."""

    catalog: Catalog
    retriever: Retriever


class CollectionAssistant:
    """Implements `ports.Assistant`."""

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
        from msgspec.structs import replace

        settings = self._workspace.settings
        if model is not None:
            extractive = model == "extractive"
            if not extractive and not (settings.chat.api_key or settings.chat.base_url):
                raise ConfigError("no model's endpoint is configured", remedy="set OPENAI_API_KEY or OPENAI_BASE_URL")
            named = settings.chat.model if extractive else model
            settings = replace(settings, chat=replace(settings.chat, model=named, extractive=extractive))
        if top_k is not None:
            settings = replace(settings, retrieve=replace(settings.retrieve, top_k=top_k, context_k=top_k))
        workspace = Workspace(self._workspace.path, settings)
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
        return await self._workspace.models() if chat.api_key or chat.base_url else ()

    async def aclose(self) -> None:
        await self._opened.aclose()
