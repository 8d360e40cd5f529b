"""Plain texts, read by other processes once there are many or a large one: to take them apart is most of the work of an
ingest, and the interpreter's lock lets one thread of this process work at a time.

These processes hold nothing. Where one dies, its share is read here; where a file takes one too long, it is ended.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from types import ModuleType
from typing import TypeAlias

import msgspec

from ragcli.config import Ingest
from ragcli.errors import FileFailure
from ragcli.ingest import look as looks
from ragcli.ingest import stream as streams
from ragcli.ingest.chunk import Count
from ragcli.ingest.limits import too_slow
from ragcli.ingest.look import Outcome, Request, look
from ragcli.streams.helper import Helper
from ragcli.types import Reading

MOST = 2
"""Processes: embedding, the keyword index and Chroma have their own."""
WARM = 48
"""Files of one ingest after which processes are worth their start, however small the files are."""
TOGETHER = 4
"""Most files of one message."""

_Found: TypeAlias = asyncio.Future[Reading | str]


class Texts:
    """Looks at files, and reads the largest as streams; `close` it."""

    def __init__(self, settings: Ingest, *, tokens: Count | None = None, processes: int | None = None) -> None:
        """`tokens` is a function of this process: with it no file is sent away."""
        self._settings = settings
        self._tokens = tokens
        most = min(MOST, max(1, (os.cpu_count() or 1) - 1)) if processes is None else processes
        self._most = most if tokens is None else 0
        self._seen = 0
        self._waiting: asyncio.Queue[tuple[str, _Found]] = asyncio.Queue()
        self._asking: list[asyncio.Task[None]] = []

    async def look(self, path: str, *, small: bool) -> Reading | str:
        """What `look` finds. Raises FileFailure.

        A `small` text that is read here takes less time than the way into a thread and back.
        """
        self._seen += 1
        if self._most > 0 and (self._seen > WARM or not small):
            return await self._send(path)
        return self._read(path) if small else await asyncio.to_thread(self._read, path)

    async def stream(self, path: str) -> AsyncGenerator[Reading, None]:
        """The readings of a large text. Raises FileFailure, also half-way: the limits hold for each step of it."""
        if not self._most:
            readings = streams.read_stream(path, max_tokens=self._settings.chunk_tokens, tokens=self._tokens)
            while reading := await asyncio.to_thread(streams.next_of, readings):
                yield reading
            return
        process = _Process(streams)
        request = msgspec.msgpack.encode(self._request([path]))
        try:
            while (answer := await process.ask(request, self._settings.timeout)) is not None:
                found = msgspec.msgpack.decode(answer, type=Outcome).result()
                if not isinstance(found, Reading):
                    return
                yield found
            raise FileFailure("unreadable", "the process that reads it ended; ingest again")
        finally:
            await process.close()

    async def close(self) -> None:
        asking, self._asking = self._asking, []
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _read(self, path: str) -> Reading | str:
        return look(path, max_tokens=self._settings.chunk_tokens, tokens=self._tokens)

    def _request(self, paths: Sequence[str]) -> Request:
        return Request(paths, self._settings.chunk_tokens, self._settings.memory_mb)

    def _send(self, path: str) -> _Found:
        for _ in range(len(self._asking), self._most if self._seen > WARM else 1):
            self._asking.append(asyncio.create_task(self._ask()))
        found: _Found = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((path, found))
        return found

    async def _ask(self) -> None:
        """Hands a process what waits, until it is cancelled."""
        process = _Process()
        try:
            while True:
                files = [await self._waiting.get()]
                while len(files) < TOGETHER and not self._waiting.empty():
                    files.append(self._waiting.get_nowait())
                try:
                    outcomes = await self._outcomes(process, [path for path, _ in files])
                except Exception as error:  # whoever waits for them must not wait for ever
                    for _, found in files:
                        _set(found, error)
                else:
                    for (_, found), outcome in zip(files, outcomes, strict=True):
                        _set(found, outcome)
        finally:
            await process.close()

    async def _outcomes(self, process: _Process, paths: Sequence[str]) -> list[Outcome]:
        """Where some files together take too long, each gets the time for itself."""
        request = self._request(paths)
        try:
            answer = await process.ask(msgspec.msgpack.encode(request), self._settings.timeout)
        except FileFailure as failure:
            if len(paths) == 1:
                return [looks.outcome_of(failure)]
            return [outcome for path in paths for outcome in await self._outcomes(process, [path])]
        if answer is None:
            return await asyncio.to_thread(looks.outcomes, request)
        return msgspec.msgpack.decode(answer, type=list[Outcome])


class _Process:
    """A process that looks at files; another one takes its place where it was too slow."""

    def __init__(self, module: ModuleType = looks) -> None:
        self._module = module
        self._helper: Helper | None = None

    async def ask(self, request: bytes, seconds: float) -> bytes | None:
        """None where it died. Raises FileFailure where it takes longer than so many seconds, and ends it."""
        self._helper = self._helper or Helper(self._module.__name__, "serve")
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.to_thread(self._helper.ask, request)
        except TimeoutError as error:
            await self.close()
            raise too_slow(seconds) from error

    async def close(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None:
            await asyncio.to_thread(helper.close)


def _set(found: _Found, outcome: Outcome | Exception) -> None:
    if found.done():  # it was cancelled meanwhile
        return
    try:
        if isinstance(outcome, Exception):
            raise outcome
        found.set_result(outcome.result())
    except Exception as failure:
        found.set_exception(failure)
