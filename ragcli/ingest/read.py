"""read: changed files become pieces of text, several files at a time, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

from msgspec import Struct

from ragcli.errors import FileFailure
from ragcli.ingest.changes import Failed, Looked
from ragcli.ingest.embed import Item, Piece, pieces_of
from ragcli.streams.operators import map_concurrent
from ragcli.types import Failure, File, Reading


class FileReader(Protocol):
    def read(self, file: File) -> AsyncGenerator[Reading, None]:
        """Raises FileFailure."""
        ...


OpenReader = Callable[[], AbstractAsyncContextManager[FileReader]]


class _Started(Struct, frozen=True):
    file: File
    readings: AsyncGenerator[Reading, None]


class _Begun(Struct, frozen=True):
    """A file whose first reading is there."""

    file: File
    first: Reading
    rest: AsyncGenerator[Reading, None]


async def read(
    files: AsyncIterable[File | Failed | Looked], open_reader: OpenReader, *, ahead: int, stop: asyncio.Event
) -> AsyncGenerator[Item, None]:
    """The pieces of the files; what is no file passes through.

    The beginnings of up to `ahead` files are read at the same time, what follows of a long one in its turn, so that at
    most one file is in memory beyond its first reading. `stop` leaves a long file unfinished. The reader is opened when
    there is a first file.
    """
    begun: set[AsyncGenerator[Reading, None]] = set()
    async with AsyncExitStack() as stack:

        async def started() -> AsyncGenerator[_Started | Failed | Looked, None]:
            reader: FileReader | None = None
            async for item in files:
                if isinstance(item, File):
                    if reader is None:
                        reader = await stack.enter_async_context(open_reader())
                    yield _Started(item, reader.read(item))
                else:
                    yield item

        async def begin(item: _Started | Failed | Looked) -> _Begun | Failed | Looked:
            if not isinstance(item, _Started):
                return item
            file, readings = item.file, item.readings
            begun.add(readings)
            try:
                return _Begun(file, await anext(readings), readings)
            except FileFailure as failure:
                begun.discard(readings)
                return _failed(file, failure)

        try:
            async for item in map_concurrent(started(), begin, limit=ahead):
                if not isinstance(item, _Begun):
                    yield item
                    continue
                async for piece in _pieces(item, stop):
                    yield piece
                begun.discard(item.rest)
                await item.rest.aclose()
        finally:
            for readings in begun:
                await readings.aclose()


async def _pieces(begun: _Begun, stop: asyncio.Event) -> AsyncGenerator[Piece | Failed, None]:
    reading = begun.first
    while True:
        for piece in pieces_of(begun.file, reading):
            yield piece
        if reading.last or stop.is_set():
            return
        try:
            reading = await anext(begun.rest)
        except FileFailure as failure:
            yield _failed(begun.file, failure)
            return


def _failed(file: File, failure: FileFailure) -> Failed:
    return Failed(Failure(file.path, failure.kind, failure.message, file.named), file)
