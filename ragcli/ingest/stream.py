"""A text too large to be held: read in blocks, one Reading a block, at the same memory whatever its size.

`serve` does so in a process of its own, for `texts`.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator

import msgspec

from ragcli.errors import FileFailure
from ragcli.ingest.chunk import Chunker, Count
from ragcli.ingest.decode import SAMPLE, encoding_of, looks_garbled, normalized
from ragcli.ingest.limits import limit_memory
from ragcli.ingest.look import READING_FAILS, Request, outcome, why
from ragcli.ingest.plain import MARKDOWN, title_of, unescaped
from ragcli.ingest.prepare import prepared
from ragcli.ingest.sniff import text_format
from ragcli.streams.helper import serve as serve_requests
from ragcli.types import Reading

BLOCK = 1024 * 1024
"""Bytes that make one Reading."""


def read_stream(path: str, *, max_tokens: int, tokens: Count | None) -> Iterator[Reading]:
    """The passages of a large text, the last Reading with the digest. Raises FileFailure, also half-way."""
    format = text_format(path)
    markdown = format in MARKDOWN
    chunker = Chunker(max_tokens=max_tokens, tokens=tokens, format=format, markdown=markdown, lined=True)
    title = ""
    found = False
    with open(path, "rb") as file:
        encoding = _encoding(file.read(SAMPLE))
        file.seek(0)
        digest = hashlib.sha256()
        for text, last in _blocks(file, encoding, digest):
            text = unescaped(text, format)
            title = title or title_of(path, text, format)
            chunks = tuple(chunker.feed(text))
            found = found or bool(chunks)
            if last and not found:
                raise FileFailure("empty", "nothing but white space")
            if chunks or last:
                sha256 = digest.hexdigest() if last else ""
                reading = Reading(path=path, title=title, format=format, chunks=chunks, last=last, sha256=sha256)
                yield prepared(reading)


def serve() -> None:
    """The process: one request with the path, then any for each further step; outcomes out, an empty one at the end."""
    readings: Iterator[Reading] = iter(())
    begun = False

    def answer(message: bytes) -> bytes:
        nonlocal readings, begun
        if not begun:
            request = msgspec.msgpack.decode(message, type=Request)
            limit_memory(request.memory_mb)
            readings, begun = read_stream(request.paths[0], max_tokens=request.max_tokens, tokens=None), True
        return msgspec.msgpack.encode(outcome(lambda: next_of(readings)))

    serve_requests(answer)


def next_of(readings: Iterator[Reading]) -> Reading | None:
    """None at the end. Raises FileFailure."""
    try:
        return next(readings, None)
    except READING_FAILS as error:
        raise why(error) from error


def _encoding(sample: bytes) -> str:
    encoding = encoding_of(sample, complete=False)
    if looks_garbled(codecs.getincrementaldecoder(encoding)("replace").decode(sample), icons=encoding == "utf-8"):
        raise FileFailure("corrupt", f"reads as mojibake (as {encoding}); save it as UTF-8")
    return encoding


def _blocks(file: io.BufferedReader, encoding: str, digest: hashlib._Hash) -> Iterator[tuple[str, bool]]:
    """(text, whether it is the last) of about BLOCK bytes each, cut where a paragraph, a line or a word ends."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    carried = ""
    raw = file.read(BLOCK)
    while raw:
        following = file.read(BLOCK)
        digest.update(raw)
        text = carried + normalized(decoder.decode(raw, final=not following))
        raw = following
        cut = _cut(text) if following else len(text)
        carried = text[cut:]
        yield text[:cut], not following


def _cut(text: str) -> int:
    for mark in ("\n\n", "\n", " "):
        cut = text.rfind(mark, len(text) // 2)
        if cut >= 0:
            return cut + len(mark)
    return len(text)
