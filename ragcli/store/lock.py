"""One writer per collection, who says who it is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from ragcli.errors import IndexLocked
from ragcli.store.layout import FILE_MODE, Place, keep_private, writing
from ragcli.types import Notice


class WriterLock:
    """One writer per collection; another one waits and is told for whom."""

    def __init__(self, place: Place) -> None:
        from filelock import FileLock

        self._place = place
        self._lock = FileLock(place.folder / "write.lock", mode=FILE_MODE, thread_local=False)
        self._note = place.folder / "write.holder"

    async def acquire(
        self,
        wait: float,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> AsyncGenerator[Notice, None]:
        """Holds the lock once it is exhausted; yields one notice where it must wait for somebody.

        Raises IndexLocked after `wait` seconds, StoreUnwritable.
        """
        until = clock() + wait
        told = False
        while not self._try():
            left = until - clock()
            if left <= 0:
                raise IndexLocked(
                    f"collection {self._place.name!r} is being written by {self.holder()}",
                    remedy="try again when it has finished, or wait longer with --wait SECONDS",
                )
            if not told:
                told = True
                yield Notice("waiting", f"waiting for {self.holder()}", wait_s=left)
            await sleep(min(0.2, left))

    def holder(self) -> str:
        """Who holds the lock, in words: `process 123 (ragcli ingest docs), since 12:30:05`."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return f"process {note['pid']} ({note['command']}), since {note['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def release(self) -> None:
        with suppress(OSError):
            self._note.unlink()
        self._lock.release()

    def _try(self) -> bool:
        from filelock import Timeout

        with writing(self._place.folder):
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
            command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
            note = {"pid": os.getpid(), "command": command, "since": time.strftime("%H:%M:%S")}
            self._note.touch(FILE_MODE)
            keep_private(self._note)
            self._note.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8", errors="replace")
        return True
