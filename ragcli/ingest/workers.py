"""Reads files so that each costs only itself: everything that needs a parser in a process of its own, with limits.

Each worker has its own pair of pipes: what kills one, at any moment, cannot hold a lock or half a message that
another one needs. They start when the first file needs them; a folder of Markdown starts none. Plain text goes to
`texts`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self, cast

import msgspec

from ragcli.config import Ingest
from ragcli.errors import FileFailure
from ragcli.ingest.chunk import Count, chunk
from ragcli.ingest.limits import too_much, too_slow
from ragcli.ingest.sniff import PARSED
from ragcli.ingest.texts import Texts
from ragcli.ingest.worker import LENGTH, Answer, Task
from ragcli.types import File, Reading

AT_ONCE = 32 * 1024
"""Bytes up to which a text is read without a thread: that takes less than the way there and back."""
MOST_FILES = 500
"""Files after which a worker is replaced, so that what a parser leaks does not add up."""
MOST_WORKERS = 8
"""Workers where the settings leave the number open, on a machine with that many cores."""
START_SECONDS = 60.0

_BOOT = "import sys; sys.path[:] = {path!r}; from ragcli.ingest.worker import main; main({memory})"


class Reader:
    """Turns files into chunks; close it, or use it as an async context manager, to end its workers."""

    def __init__(self, settings: Ingest, *, tokens: Count | None = None) -> None:
        """`tokens` counts as the embedder does; without it chunks are sized by an estimate."""
        self._settings = settings
        self._tokens = tokens
        self._slots = asyncio.Semaphore(settings.jobs or min(os.cpu_count() or 1, MOST_WORKERS))
        self._idle: list[_Worker] = []
        self._texts = Texts(settings, tokens=tokens)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(self._texts.close(), *(worker.stop() for worker in idle))

    async def read(self, file: File) -> AsyncGenerator[Reading, None]:
        """One Reading for most files, several for a very large text, the last one marked so.

        Raises FileFailure; where that comes after the first Reading, what came before it is void.
        """
        found = await self._texts.look(file.path, small=file.size <= AT_ONCE)
        if isinstance(found, Reading):
            yield found
        elif found in PARSED:
            yield await self._parsed(file)
        else:
            async with aclosing(self._texts.stream(file.path)) as readings:
                async for reading in readings:
                    yield reading

    async def _parsed(self, file: File) -> Reading:
        task = Task(file.path, 0 if self._tokens else self._settings.chunk_tokens)
        async with self._slots:
            answer = await self._ask(task)
        if answer.document is None:
            raise FileFailure(answer.kind, answer.message)
        document, chunks = answer.document, answer.chunks
        if self._tokens:
            made = chunk(document, max_tokens=self._settings.chunk_tokens, tokens=self._tokens)
            chunks = await asyncio.to_thread(tuple, made)
        return Reading(
            path=file.path, title=document.title, format=document.format, chunks=chunks, sha256=answer.sha256
        )

    async def _ask(self, task: Task) -> Answer:
        """Raises FileFailure: timeout for a hang, too_large for a memory blow-up, corrupt for a crash."""
        worker = self._idle.pop() if self._idle else await _Worker.start(self._settings.memory_mb)
        if worker.served and not worker.alive:
            worker = await self._replaced(worker)
        had_served = worker.served > 0
        try:
            answer = await self._within_limits(worker, task)
            if answer is None and had_served:
                # What files before it left behind may have killed the worker: the file gets a fresh one.
                worker = await self._replaced(worker)
                answer = await self._within_limits(worker, task)
        except BaseException:
            await worker.kill()
            raise
        if answer is None:
            raise _why(await worker.ended())
        if worker.served >= MOST_FILES or answer.kind == "too_large":
            await worker.stop()
        else:
            self._idle.append(worker)
        return answer

    async def _replaced(self, worker: _Worker) -> _Worker:
        await worker.kill()
        return await _Worker.start(self._settings.memory_mb)

    async def _within_limits(self, worker: _Worker, task: Task) -> Answer | None:
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await worker.ask(task)
        except TimeoutError as error:
            raise too_slow(self._settings.timeout) from error


class _Worker:
    """One process; it is asked one thing at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._tasks = cast(asyncio.StreamWriter, process.stdin)
        self._answers = cast(asyncio.StreamReader, process.stdout)
        self.served = 0

    @classmethod
    async def start(cls, memory_mb: int) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _BOOT.format(path=sys.path, memory=memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker._receive()
        except (asyncio.IncompleteReadError, TimeoutError) as error:
            await worker.kill()
            raise OSError(f"a reading process does not start (exit {process.returncode})") from error
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, task: Task) -> Answer | None:
        """The answer; None when the process died over it."""
        self.served += 1
        message = msgspec.msgpack.encode(task)
        try:
            self._tasks.write(LENGTH.pack(len(message)) + message)
            await self._tasks.drain()
            return msgspec.msgpack.decode(await self._receive(), type=Answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def stop(self) -> None:
        """Ends an idle process: it leaves by itself when its input ends."""
        self._tasks.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def ended(self) -> int:
        """The exit code of a process that has gone silent; killed only where it does not end by itself.

        Killing one that is dead already can make its exit code unknown: the system tells it once.
        """
        self._tasks.close()
        try:
            async with asyncio.timeout(2):
                return await self._process.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """Ends the process at once and returns its exit code, negative for a signal."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        self._tasks.close()
        return await asyncio.shield(self._process.wait())

    async def _receive(self) -> bytes:
        (length,) = LENGTH.unpack(await self._answers.readexactly(LENGTH.size))
        return await self._answers.readexactly(length)


def _why(exit_code: int) -> FileFailure:
    """What a worker's death says about the file: allocations that fail end in SIGABRT, or in SIGKILL by the system."""
    if exit_code in (-signal.SIGABRT, -getattr(signal, "SIGKILL", 9)):
        return too_much()
    return FileFailure("corrupt", f"crashes its parser (exit {exit_code})")
