"""watch: after a first ingest, a small one whenever files have changed and then been left alone for a moment."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing

from msgspec import Struct, field
from msgspec.structs import replace

from ragcli.errors import EndpointError, Interrupted, StoreError
from ragcli.ingest.discover import IGNORE_FILES, VCS_FOLDERS, printable
from ragcli.streams.operators import interruptible
from ragcli.types import Failure, IngestEvent, IngestReport, Notice, Postponed, WatchEnded, WatchEvent

QUIET_S = 0.15
"""How long nothing must have changed before a round begins."""
LONGEST_S = 1.5
"""After this time a round begins although files go on changing."""
FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
MANY = 500
"""From so many changes on everything is compared: the system may have dropped some of its notifications."""

_TEMPORARY = re.compile(
    r"""
    ~\$.* | .*~ | \#.*\# | 4913 |                    # Office, most editors, Emacs, Vim's probe of the folder
    .*\.(sw[a-z]|tmp|temp|part|crdownload) |
    .*___jb_(tmp|old)___                             # JetBrains
    """,
    re.VERBOSE | re.IGNORECASE,
)


Ingest = Callable[[Sequence[str], Collection[str] | None], AsyncGenerator[IngestEvent, None]]
"""One ingest of the given paths, of all that is in them or only of what is at or below some; its report ends it."""


async def watch(
    paths: Sequence[str],
    *,
    changes: AsyncGenerator[Collection[str], None],
    ingest: Ingest,
    stop: asyncio.Event,
    apart: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[WatchEvent, None]:
    """Ingests `paths`, and again what changes in them, until `stop`; the last event is how it ended.

    `changes` tells absolute paths; it comes often, empty where nothing has changed, and its first item means that from
    there on nothing is missed. What is below `apart` does not count. Each failure is told once, until the file changes
    for the better. A round that fails is postponed; the first one raises what `ingest` raises.
    """
    roots = _Roots(paths, apart)
    told: dict[str, Failure] = {}
    pending = _Pending()
    async with aclosing(changes):
        await anext(changes, None)
        complete = True
        async with aclosing(_round(paths, None, ingest, told)) as events:
            async for event in events:
                yield event
                complete = event.complete if isinstance(event, IngestReport) else complete
        if not stop.is_set():
            yield Notice("watching", f"watching {_listed(roots.paths)}; Ctrl-C ends")
        async with aclosing(interruptible(changes, stop)) as heard:
            async for found in heard:
                for notice in roots.look(found):
                    yield notice
                pending.add(roots.relevant(found), clock())
                if not pending.due(clock()):
                    continue
                changed = roots.within_reach(pending.paths)
                try:
                    async with aclosing(_round(roots.present(), changed, ingest, told)) as events:
                        async for event in events:
                            yield event
                            complete = event.complete if isinstance(event, IngestReport) else complete
                except (EndpointError, StoreError) as error:
                    yield Postponed(error, pending.postpone(clock()))
                except Interrupted:
                    break
                else:
                    pending.clear()
    yield WatchEnded(complete and not pending.paths, tuple(told.values()))


async def _round(
    paths: Sequence[str], only: Collection[str] | None, ingest: Ingest, told: dict[str, Failure]
) -> AsyncGenerator[IngestEvent, None]:
    """The events of one ingest without the failures that were told before; `told` becomes what fails now."""
    async with aclosing(ingest(paths, only)) as events:
        async for event in events:
            if isinstance(event, Failure) and told.get(event.path) == event:
                continue
            if isinstance(event, IngestReport):
                new = tuple(failure for failure in event.failed if told.get(failure.path) != failure)
                if event.complete:
                    for path in [path for path in told if only is None or _touches(path, only)]:
                        del told[path]
                told.update({failure.path: failure for failure in event.failed})
                event = replace(event, failed=new)
            yield event


class _Pending(Struct):
    """What has changed and is not in the index yet, and when that is to be mended."""

    paths: set[str] = field(default_factory=set)
    _first: float = 0.0
    _last: float = 0.0
    _not_before: float = 0.0
    _retry: float = 0.0

    def add(self, paths: Collection[str], now: float) -> None:
        if not paths:
            return
        if not self.paths:
            self._first = now
        self._last = now
        self.paths.update(paths)

    def due(self, now: float) -> bool:
        if not self.paths or now < self._not_before:
            return False
        return now - self._last >= QUIET_S or now - self._first >= LONGEST_S

    def postpone(self, now: float) -> float:
        self._retry = min(max(FIRST_RETRY_S, 2 * self._retry), LONGEST_RETRY_S)
        self._not_before = now + self._retry
        return self._retry

    def clear(self) -> None:
        self.paths.clear()
        self._not_before = self._retry = 0.0


class _Roots:
    """The given paths: what belongs to them, and which of them are there."""

    def __init__(self, paths: Sequence[str], apart: Sequence[str]) -> None:
        self.paths = sorted({os.path.abspath(path) for path in paths})
        self._apart = [os.path.abspath(path) for path in apart]
        self._folders = {path for path in self.paths if os.path.isdir(path)}
        self._gone: set[str] = set()

    def look(self, found: Collection[str]) -> list[Notice]:
        """What is to be said of given folders that have gone or come back."""
        notices: list[Notice] = []
        for root in sorted({*self.paths} & {*found}):
            if os.path.isdir(root):
                self._folders.add(root)
            elif os.path.exists(root):
                self._folders.discard(root)
            elif root in self._folders and root not in self._gone:
                self._gone.add(root)
                words = "is gone; what was indexed of it stays until it is back"
                notices.append(Notice("gone", f"{printable(root)} {words}"))
                continue
            if os.path.exists(root):
                self._gone.discard(root)
        return notices

    def present(self) -> list[str]:
        return [root for root in self.paths if os.path.lexists(root)]

    def relevant(self, found: Collection[str]) -> set[str]:
        """The changes that may matter: no temporary or hidden files; an ignore file stands for its folder."""
        return {path for path in map(self._counted, found) if path is not None}

    def within_reach(self, changed: Collection[str]) -> list[str]:
        """Without what lies in given folders that are gone as a whole; all that was given where that is simpler."""
        missing = self._missing()
        paths = self.paths if len(changed) >= MANY else changed
        return sorted(path for path in paths if not any(_within(path, root) for root in missing))

    def _missing(self) -> list[str]:
        """A file that is gone was deleted; a folder, or a file with its folder, may only be out of reach."""
        return [
            root
            for root in self.paths
            if not os.path.lexists(root) and (root in self._folders or not os.path.isdir(os.path.dirname(root)))
        ]

    def _counted(self, path: str) -> str | None:
        root = max((root for root in self.paths if _within(path, root)), key=len, default=None)
        if root is None or any(_within(path, apart) for apart in self._apart):
            return None
        if path == root:
            return path
        *above, name = os.path.relpath(path, root).split(os.sep)
        if any(part.startswith(".") or part in VCS_FOLDERS for part in above):
            return None
        if name in IGNORE_FILES:
            return os.path.dirname(path)
        if name.startswith(".") or name in VCS_FOLDERS or _TEMPORARY.fullmatch(name):
            return None
        return path


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _touches(path: str, changed: Collection[str]) -> bool:
    return any(_within(path, folder) for folder in changed)


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(map(printable, paths[:3]))
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"
