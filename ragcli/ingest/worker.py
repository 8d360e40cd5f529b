"""The process that reads what a hostile or broken file could crash: one task in, one answer out, until its input ends.

It must not import what an extraction does not need, because its start is what the first such file waits for.
"""

from __future__ import annotations

import hashlib
import os
import signal
import struct
from typing import BinaryIO, cast

import msgspec
from msgspec.structs import replace

from ragcli.errors import FailureKind, FileFailure
from ragcli.ingest.chunk import chunk
from ragcli.ingest.extract import extract
from ragcli.ingest.limits import limit_memory, too_much
from ragcli.types import Chunk, Document

LENGTH = struct.Struct(">I")


class Task(msgspec.Struct, frozen=True):
    """Read this file; `max_tokens` of 0 asks for the document itself instead of its chunks."""

    path: str
    max_tokens: int


class Answer(msgspec.Struct, frozen=True):
    """What came of a task: a failure of this kind, or the document with its text or its chunks."""

    kind: FailureKind = "corrupt"
    message: str = ""
    sha256: str = ""
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()


def main(memory_mb: int) -> None:
    """Serves tasks on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to act on
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what a parser prints must not mix with the answers
        os.dup2(nowhere, stream)
    _warm_up()
    limit_memory(memory_mb)
    _send(sink, b"")
    while (request := _receive(source)) is not None:
        answer = _answer(msgspec.msgpack.decode(request, type=Task))
        _send(sink, msgspec.msgpack.encode(answer))


def _answer(task: Task) -> Answer:
    try:
        return _read(task)
    except FileFailure as failure:
        return Answer(kind=cast(FailureKind, failure.kind), message=failure.message)
    except MemoryError:
        return Answer(kind="too_large", message=too_much().message)
    except OSError as error:
        return Answer(kind="unreadable", message=f"cannot be read: {(error.strerror or str(error)).lower()}")
    except RecursionError:
        return Answer(kind="corrupt", message="nested too deeply")
    except Exception as error:  # whatever a parser raises costs this file and no other
        return Answer(
            kind="corrupt", message=f"cannot be parsed: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
        )


def _read(task: Task) -> Answer:
    with open(task.path, "rb") as file:
        data = file.read()
    sha256 = hashlib.sha256(data).hexdigest()
    document = extract(task.path, data)
    if not task.max_tokens:
        return Answer(sha256=sha256, document=document)
    chunks = tuple(chunk(document, max_tokens=task.max_tokens))
    return Answer(sha256=sha256, document=replace(document, text="", pages=()), chunks=chunks)


def _warm_up() -> None:
    """Loads the libraries and starts their threads before memory is limited: they are not the file's."""
    from ragcli.ingest.office import convert

    convert(b"<p>ready</p>", "html")
    import pypdfium2  # type: ignore[import-untyped]

    pypdfium2.PdfDocument.new().close()


def _send(sink: BinaryIO, message: bytes) -> None:
    sink.write(LENGTH.pack(len(message)) + message)
    sink.flush()


def _receive(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return source.read(LENGTH.unpack(head)[0])
