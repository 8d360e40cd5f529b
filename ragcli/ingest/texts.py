"""Plain texts, read by other processes once there are many: to take them apart is most of the work of an ingest, and
the interpreter's lock lets one thread of this process work at a time.

These processes hold nothing. Where one dies, its share is read here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from ragcli.ingest import look as looks
from ragcli.ingest.chunk import Count
from ragcli.ingest.look import Outcome, Request, look
from ragcli.streams.helper import Helper
from ragcli.types import Reading

MOST = 2
"""Processes: embedding, the keyword index and Chroma have their own."""
WARM = 48
"""Files of one ingest after which processes are worth their start."""
TOGETHER = 4
"""Most files of one message."""

_Found: TypeAlias = asyncio.Future[Reading | str]


class Texts:
    """Looks at files, in processes of its own once there are many; `close` it."""

    def __init__(self, *, max_tokens: int, tokens: Count | None = None, processes: int | None = None) -> None:
        """`tokens` is a function of this process: with it no file is sent away."""
        self._max_tokens = max_tokens
        self._tokens = tokens
        self._most = min(MOST, (os.cpu_count() or 1) - 1) if processes is None else processes
        self._seen = 0
        self._waiting: asyncio.Queue[tuple[str, _Found]] = asyncio.Queue()
        self._helpers: list[Helper] = []
        self._asking: list[asyncio.Task[None]] = []

    async def look(self, path: str, *, small: bool) -> Reading | str:
        """What `look` finds. Raises FileFailure.

        A `small` text that is read here takes less time than the way into a thread and back.
        """
        self._seen += 1
        if self._tokens is None and self._most > 0 and self._seen > WARM:
            return await self._send(path)
        return self._read(path) if small else await asyncio.to_thread(self._read, path)

    async def close(self) -> None:
        asking, self._asking = self._asking, []
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        helpers, self._helpers = self._helpers, []
        for helper in helpers:
            await asyncio.to_thread(helper.close)

    def _read(self, path: str) -> Reading | str:
        return look(path, max_tokens=self._max_tokens, tokens=self._tokens)

    def _send(self, path: str) -> _Found:
        if not self._helpers:
            self._helpers = [Helper(looks.__name__, "serve") for _ in range(self._most)]
            self._asking = [asyncio.create_task(self._ask(helper)) for helper in self._helpers]
        found: _Found = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((path, found))
        return found

    async def _ask(self, helper: Helper) -> None:
        """Hands a helper what waits, until it is cancelled."""
        while True:
            files = [await self._waiting.get()]
            while len(files) < TOGETHER and not self._waiting.empty():
                files.append(self._waiting.get_nowait())
            try:
                outcomes = await asyncio.to_thread(self._outcomes, helper, [path for path, _ in files])
            except Exception as error:  # whoever waits for them must not wait for ever
                for _, found in files:
                    _set(found, error)
            else:
                for (_, found), outcome in zip(files, outcomes, strict=True):
                    _set(found, outcome)

    def _outcomes(self, helper: Helper, paths: Sequence[str]) -> list[Outcome]:
        request = Request(paths, self._max_tokens)
        answer = helper.ask(msgspec.msgpack.encode(request))
        return looks.outcomes(request) if answer is None else msgspec.msgpack.decode(answer, type=list[Outcome])


def _set(found: _Found, outcome: Outcome | Exception) -> None:
    if found.done():  # it was cancelled meanwhile
        return
    try:
        if isinstance(outcome, Exception):
            raise outcome
        found.set_result(outcome.result())
    except Exception as failure:
        found.set_exception(failure)
