"""What passages need before they are embedded and stored: nothing that steers a terminal, and a hash to be known by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from ragcli.text.clean import clean
from ragcli.types import Chunk, Reading


def prepared(reading: Reading) -> Reading:
    """The reading with clean texts and their hashes; offsets and lines stay those of the file."""
    chunks = tuple(harmless for chunk in reading.chunks if (harmless := _harmless(chunk)).text.strip())
    return replace(reading, title=clean(reading.title), chunks=chunks, hashes=tuple(map(text_hash, chunks)))


def text_to_embed(chunk_heading: Sequence[str], text: str) -> str:
    """The passage under its headings: they often hold the words that the passage leaves out."""
    return f"{' > '.join(chunk_heading)}\n{text}" if chunk_heading else text


def text_hash(chunk: Chunk) -> bytes:
    return hashlib.blake2b(text_to_embed(chunk.heading, chunk.text).encode(), digest_size=16).digest()


def _harmless(chunk: Chunk) -> Chunk:
    text, heading = clean(chunk.text), tuple(map(clean, chunk.heading))
    return chunk if text is chunk.text and heading == chunk.heading else replace(chunk, text=text, heading=heading)
