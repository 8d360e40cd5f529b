"""The first look at a file: a plain text of ordinary size is read at once, of anything else its kind is told.

`serve` does so in a process of its own, for `texts`; nothing is imported that only the parent needs.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import msgspec

from ragcli.errors import FailureKind, FileFailure
from ragcli.ingest.chunk import Count, chunk
from ragcli.ingest.extract import extract
from ragcli.ingest.limits import limit_memory, too_much
from ragcli.ingest.prepare import prepared
from ragcli.ingest.sniff import HEAD, PARSED, sniff
from ragcli.streams.helper import serve as serve_requests
from ragcli.types import Reading

STREAM_ABOVE = 4 * 2**20
"""Bytes above which a text is read as a stream."""


class Request(msgspec.Struct, frozen=True, array_like=True):
    """Paths to look at, or the one that is read as a stream."""

    paths: Sequence[str]
    max_tokens: int
    memory_mb: int


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """A reading, else the kind of file, else why it cannot be read; nothing at all at the end of a stream."""

    reading: Reading | None = None
    kind: str = ""
    failure: tuple[FailureKind, str] | None = None

    def result(self) -> Reading | str:
        """Raises FileFailure."""
        if self.failure is not None:
            raise FileFailure(*self.failure)
        return self.kind if self.reading is None else self.reading


def look(path: str, *, max_tokens: int, tokens: Count | None = None) -> Reading | str:
    """A text as a whole, prepared to be embedded; else what `sniff` says of the file. Raises FileFailure."""
    try:
        with open(path, "rb", opener=_open_regular) as opened:
            data = opened.read(HEAD)
            if not data:
                raise FileFailure("empty", "the file is empty")
            kind = sniff(data, path)
            if kind in PARSED or os.fstat(opened.fileno()).st_size > STREAM_ABOVE:
                return kind
            data += opened.read()
        document = extract(path, data, kind=kind)
        chunks = tuple(chunk(document, max_tokens=max_tokens, tokens=tokens))
    except READING_FAILS as error:
        raise why(error) from error
    sha256 = hashlib.sha256(data).hexdigest()
    return prepared(Reading(path=path, title=document.title, format=document.format, chunks=chunks, sha256=sha256))


def outcomes(request: Request) -> list[Outcome]:
    return [outcome(partial(look, path, max_tokens=request.max_tokens)) for path in request.paths]


def outcome(step: Callable[[], Reading | str | None]) -> Outcome:
    try:
        found = step()
    except FileFailure as failure:
        return outcome_of(failure)
    return Outcome(found) if isinstance(found, Reading) else Outcome(kind=found or "")


def outcome_of(failure: FileFailure) -> Outcome:
    return Outcome(failure=(cast(FailureKind, failure.kind), failure.message))


def serve() -> None:
    """The process: requests in, outcomes out."""

    def answer(message: bytes) -> bytes:
        request = msgspec.msgpack.decode(message, type=Request)
        limit_memory(request.memory_mb)
        return msgspec.msgpack.encode(outcomes(request))

    serve_requests(answer)


READING_FAILS = (OSError, ValueError, LookupError, RecursionError, MemoryError)
"""What reading a text may raise, for `why`."""


def why(error: Exception) -> FileFailure:
    if isinstance(error, OSError):
        return FileFailure("unreadable", f"cannot be read: {(error.strerror or str(error)).lower()}")
    if isinstance(error, MemoryError):
        return too_much()
    return FileFailure("corrupt", f"cannot be read as text: {type(error).__name__}")


def _open_regular(path: str, flags: int) -> int:
    """Opens a file, but no pipe or device that has taken its place since it was found: those would block."""
    opened = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise FileFailure("unreadable", "not a regular file")
    return opened
