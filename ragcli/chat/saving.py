"""A growing answer on its way to the disk, beside the loop: a disk that is slow must not hold up the keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from ragcli.errors import RagcliError

EVERY_S = 0.5
EVERY_TOKENS = 32
"""How often a growing answer is stored, by whichever comes first: no more of it can a crash take."""


class Saving:
    """While it is entered, `save` is called in a thread: after the first token and then as often as said above.

    When it is left, the last call has ended.
    """

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._tokens = 0
        self._due = asyncio.Event()
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    def came(self) -> None:
        """Takes a token."""
        if self._tokens % EVERY_TOKENS == 0:
            self._due.set()
        self._tokens += 1

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._often())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._due.set()
        if self._task:
            await self._task

    async def _often(self) -> None:
        while not self._ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._due.wait()
            self._due.clear()
            if not self._ended:
                with suppress(RagcliError):  # told once, at the end
                    await asyncio.to_thread(self._save)
