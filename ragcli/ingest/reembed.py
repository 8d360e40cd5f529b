"""Another embedder for a whole collection: from the texts that the catalog holds, without reading a file again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from ragcli import config
from ragcli.errors import Interrupted
from ragcli.ingest.prepare import text_to_embed
from ragcli.ports import CatalogWriter, Embedder, Indexes
from ragcli.streams.operators import map_concurrent
from ragcli.streams.threads import in_thread
from ragcli.types import IngestEvent, IngestProgress, Notice

if TYPE_CHECKING:
    from ragcli.types import Vectors

_Text = tuple[int, tuple[str, ...], str]


async def reembed(
    catalog: CatalogWriter, indexes: Indexes, embedder: Embedder, settings: config.Embedding, stop: asyncio.Event
) -> AsyncGenerator[IngestEvent, None]:
    """Searches go on with the old vectors until all new ones are there; cut off, it goes on where it was.

    Raises EndpointError, StoreError, and Interrupted when `stop` was set before the end.
    """
    yield Notice("reembed", f"embedding {catalog.counts().chunks} passages again with {embedder.id}")
    catalog.forget(stale=False)
    catalog.forget(stale=True)

    async def requests() -> AsyncGenerator[list[_Text], None]:
        for page in catalog.texts_to_embed(embedder.id):
            for start in range(0, len(page), settings.batch):
                if stop.is_set():
                    raise Interrupted(
                        "stopped while embedding again", remedy="the same command goes on where this one was stopped"
                    )
                yield page[start : start + settings.batch]

    async def embed_request(texts: list[_Text]) -> tuple[list[_Text], Vectors]:
        return texts, await embedder.embed([text_to_embed(heading, text) for _, heading, text in texts])

    done = 0
    dimensions = catalog.dimensions
    async for texts, vectors in map_concurrent(requests(), embed_request, limit=settings.concurrency):
        new = {id: vector.tobytes() for (id, _, _), vector in zip(texts, vectors, strict=True)}
        await in_thread(catalog.store_next_vectors, new)
        done += len(new)
        dimensions = vectors.shape[1]
        yield IngestProgress(embedded=done)
    for notice in await in_thread(indexes.open):
        yield notice
    catalog.switch_vectors(embedder.id, dimensions)
    await in_thread(indexes.rebuild_vectors)
