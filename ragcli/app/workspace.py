"""A home folder, and the journeys of documents and questions through it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from ragcli.app.assistants import ChatAssistants, CollectionAssistant, Opened
from ragcli.app.models import Models, loading, telling_of_cuts
from ragcli.app.sharing import Sharing
from ragcli.app.tracing import in_stages, indexing, reading, report_facts, tracer
from ragcli.store.layout import Home
from ragcli.streams.trace import traced

if TYPE_CHECKING:
    from ragcli.answer.tiers import AnswerCache
    from ragcli.config import Ingest, Settings
    from ragcli.ingest.workers import Reader
    from ragcli.ports import Embedder, KeywordIndex, SessionStore, TierStats
    from ragcli.ports.tracing import Tracer
    from ragcli.store.catalog import Catalog
    from ragcli.types import IngestEvent, WatchEvent


class Workspace(Struct, frozen=True):
    """A home folder and the settings in force: everything else is opened from here."""

    path: Path
    settings: Settings
    tracer: Tracer | None = None
    sharing: Sharing = field(default_factory=Sharing)

    @property
    def home(self) -> Home:
        return Home(self.path)

    @property
    def models(self) -> Models:
        return Models(self.path, self.settings, self.sharing)

    def collections(self) -> list[str]:
        return [place.name for place in self.home.collections()]

    def read(self, collection: str) -> Catalog:
        """Raises IndexMissing, IndexDamaged."""
        from ragcli.store.collection import open_reader

        return open_reader(self.home, collection)

    def sessions(self) -> SessionStore:
        """Raises ConfigError."""
        return self.sharing.sessions(self.path, self.settings)

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
        from ragcli.types import IngestReport

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
                if isinstance(event, IngestReport) and event.brought_anything and not dry_run:
                    await self._forget_stale_answers(collection)
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
        events = ingest(
            paths,
            collection=indexing(writer(self.home, collection, open_keywords=open_keywords), self.tracer),
            embedder=in_stages(embedder, self.tracer, embed="embed"),
            open_reader=reading(lambda: open_files(settings), self.tracer),
            settings=settings,
            embedding=self.settings.embedding,
            only=only,
            force=force,
            stop=stop,
        )
        return traced("ingest", self.tracer, telling_of_cuts(events, embedder), facts=report_facts)

    async def remove(self, collection: str, paths: Sequence[str]) -> int:
        """Takes documents out of the index and returns how many there were. Raises StoreError."""
        from ragcli.ingest.pipeline import remove
        from ragcli.store.collection import writer

        target = writer(self.home, collection, open_keywords=open_keywords)
        removed = await remove(paths, collection=target, wait=self.settings.ingest.wait)
        await self._forget_stale_answers(collection)
        return removed

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
        await self._forget_stale_answers(collection)

    async def _forget_stale_answers(self, collection: str) -> None:
        """What was deleted or changed does not live on in answers about it."""
        if (self.path / "answers.db").exists():
            from ragcli.app.caching import forget_stale

            await forget_stale(self.path, self.settings, self.home.collection(collection))

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
            embedder = self.models.embedder_of(catalog.embedder)
            stack.push_async_callback(embedder.aclose)
            retriever = HybridRetriever(
                catalog,
                lambda: open_vectors(catalog, long_lived=long_lived),
                lambda: open_keywords(keywords_folder(catalog.place, catalog)),
                embedder,
                self.settings.retrieve,
                ranker=in_stages(await stack.enter_async_context(self.models.ranker()), self.tracer, rank="rerank"),
            )
            stack.callback(retriever.close)
            yield Opened(catalog, retriever, embedder)

    @asynccontextmanager
    async def assistant(
        self, collection: str, *, long_lived: bool = False, cache: AnswerCache | None = None
    ) -> AsyncIterator[CollectionAssistant]:
        """A collection with the chat model that the settings name. Raises as `open` does.

        `cache` is one that others use, too, and stays open; without it the assistant has its own.
        """
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(self.open(collection, long_lived=long_lived))
            model = await stack.enter_async_context(self.models.chat())
            if cache is None and self.settings.cache.enabled:
                cache = self.cache()
                stack.push_async_callback(cache.aclose)
            elif cache is not None:
                stack.push_async_callback(cache.at_rest)
            assistant = CollectionAssistant(opened, model, self.settings, cache)
            assistant.tracer = self.tracer
            yield assistant

    def cache(self) -> AnswerCache:
        """The answers that are kept, whether or not the settings want them used."""
        from ragcli.app.caching import answer_cache

        return answer_cache(self.path, self.settings, self.sharing.link(self.settings))

    async def kept(self) -> dict[str, TierStats]:
        """What the caches hold, by place: answers on disk (or in Redis), and embeddings."""
        from ragcli.app.caching import kept

        return await kept(self.path, self.settings, self.sharing.link(self.settings))

    async def forget_answers(self) -> int:
        """Empties the caches; how many answers there were. Raises CacheFailed."""
        from ragcli.app.caching import forget

        return await forget(self.path, self.settings, self.sharing.link(self.settings))

    @asynccontextmanager
    async def assistants(self, collection: str) -> AsyncIterator[ChatAssistants]:
        """What a chat opens its assistants with, one at a time."""
        assistants = ChatAssistants(self, collection)
        try:
            yield assistants
        finally:
            await assistants.aclose()

    # --- embedders

    @asynccontextmanager
    async def embedder_for(self, collection: str) -> AsyncIterator[Embedder]:
        """What a collection is written with: the embedder that the settings name, else its own, else the static one."""
        remembered = ""
        if self.home.collection(collection).exists:
            with self.read(collection) as catalog:
                remembered = catalog.embedder
        model, dimensions = self.settings.embedding.model, self.settings.embedding.dimensions
        embedder = self.models.embedder(model, dimensions, remembered) if model else self.models.embedder_of(remembered)
        try:
            yield embedder
        finally:
            await embedder.aclose()


def open_workspace(
    home: str | Path | None = None,
    *,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Workspace:
    """The workspace that the command line would use, for programs: the same home, config file and variables.

    `settings` goes before all of them, by key: `{"chat.model": "qwen3"}`. Raises ConfigError.
    """
    from ragcli.config import home_folder, load_here

    return Workspace(home_folder(home, environ), load_here(config, environ, settings).settings, tracer(environ))


def open_files(settings: Ingest) -> Reader:
    from ragcli.ingest.workers import Reader  # a run that finds nothing changed does without all that reads files

    return Reader(settings)


def open_keywords(path: Path, *, create: bool = False) -> KeywordIndex:
    from ragcli.store.keywords import TantivyIndex
    from ragcli.text.analyze import terms

    return TantivyIndex(path, analyze=terms, create=create)
