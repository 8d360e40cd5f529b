"""A passage's place in its document, out of the chunks beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragcli.ports import ChunkReader
    from ragcli.types import Source


def around(chunks: ChunkReader, source: Source) -> tuple[str, str]:
    """The chunk before the passage and the one behind it; empty where the passage is not indexed any more."""
    known = chunks.chunks(source.chunk_ids)
    if not source.chunk_ids or len(known) < len(source.chunk_ids):
        return "", ""
    first, last = known[source.chunk_ids[0]], known[source.chunk_ids[-1]]
    if first.path != source.path or not source.text.startswith(first.text):
        return "", ""  # the number of a chunk in another collection
    before = "".join(chunk.text[: first.start - chunk.start] for chunk in chunks.neighbours(first, 1, 0)[:-1])
    after = "".join(chunk.text[max(0, last.end - chunk.start) :] for chunk in chunks.neighbours(last, 0, 1)[1:])
    return before, after
