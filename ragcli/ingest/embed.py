"""embed: passages get their vectors, from the collection where it has seen the text before, else from the embedder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence, Set
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ragcli.ingest.changes import Failed, Looked
from ragcli.ingest.prepare import prepared, text_to_embed
from ragcli.ports import Embedder
from ragcli.streams.operators import map_concurrent
from ragcli.types import File, Passage, Reading

PIECE = 8
"""Most chunks of one piece: what is in flight is bounded by pieces, however long a document is."""


class Piece(Struct, frozen=True):
    """Some passages of a file in a row; `reading` is where they come from, the `last` one completes the document."""

    file: File
    reading: Reading
    passages: tuple[Passage, ...]
    last: bool
    embedded: int = 0
    """How many of its vectors the embedder made."""


Item: TypeAlias = Piece | Failed | Looked
"""What flows from reading to indexing."""


def pieces_of(file: File, reading: Reading) -> list[Piece]:
    """At least one, so that the end of a document without further chunks comes through.

    What would steer a terminal is out of them, before anything is stored.
    """
    ready = reading if reading.hashes else prepared(reading)
    passages = [Passage(chunk, hash) for chunk, hash in zip(ready.chunks, ready.hashes, strict=True)]
    bare = replace(ready, chunks=(), hashes=())
    starts = range(0, len(passages), PIECE) or range(1)
    return [
        Piece(file, bare, tuple(passages[start : start + PIECE]), ready.last and start == starts[-1])
        for start in starts
    ]


async def embed(
    pieces: AsyncIterable[Item],
    embedder: Embedder,
    *,
    known: Callable[[Sequence[bytes]], Mapping[bytes, bytes]],
    batch: int,
    concurrency: int,
) -> AsyncGenerator[Item, None]:
    """The pieces with their vectors, in order; everything else passes through. Raises EndpointError.

    `known` gives the vectors that the collection already has. A request takes about `batch` texts, and `concurrency`
    of them are in flight. Equal texts of one request are embedded once.
    """

    async def embed_group(items: list[Item]) -> list[Item]:
        texts = {passage.hash: passage.chunk for item in items if isinstance(item, Piece) for passage in item.passages}
        vectors = dict(await asyncio.to_thread(known, list(texts)))
        missing = [hash for hash in texts if hash not in vectors]
        for start in range(0, len(missing), batch):
            part = missing[start : start + batch]
            rows = await embedder.embed([text_to_embed(texts[hash].heading, texts[hash].text) for hash in part])
            vectors.update((hash, row.tobytes()) for hash, row in zip(part, rows, strict=True))
        return [_with_vectors(item, vectors, set(missing)) for item in items]

    async for items in map_concurrent(_grouped(pieces, batch), embed_group, limit=concurrency):
        for item in items:
            yield item


async def _grouped(pieces: AsyncIterable[Item], size: int) -> AsyncGenerator[list[Item], None]:
    """Lists that hold about `size` passages, and no more items than that."""
    items: list[Item] = []
    passages = 0
    async for item in pieces:
        items.append(item)
        passages += len(item.passages) if isinstance(item, Piece) else 0
        if passages >= size or len(items) >= size:
            yield items
            items, passages = [], 0
    if items:
        yield items


def _with_vectors(item: Item, vectors: Mapping[bytes, bytes], new: Set[bytes]) -> Item:
    if not isinstance(item, Piece):
        return item
    passages = tuple(replace(passage, vector=vectors[passage.hash]) for passage in item.passages)
    return replace(item, passages=passages, embedded=sum(passage.hash in new for passage in passages))
