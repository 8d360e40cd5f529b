"""Which paths the system says have changed: the one module that knows watchfiles, imported when somebody watches.

Folders are watched by the system's notifications. Files that were named are looked at instead: a notification follows
the file, and editors put a new one in its place. So are the given folders themselves, which may go and come back.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from ragcli.errors import UsageError
from ragcli.streams.threads import in_thread

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

TICK_S = 0.2
"""At least this often there is an answer, if only that nothing has changed."""
_STEP_MS = 50
_POLL_MS = 300
_DELETED = 3

_Stamp = tuple[object, ...] | None
"""What tells whether a path is still the same file, with the same content, or the same folder; None: it is gone."""


async def changes(paths: Sequence[str], stop: asyncio.Event) -> AsyncGenerator[frozenset[str], None]:
    """Absolute paths at and below `paths` that were made, changed or deleted; an empty set at least every TICK_S.

    From the first set on nothing is missed. `stop` cuts a wait short. A path need not exist: it is told when it comes,
    and told when it goes. Raises UsageError where the system lets nobody watch so many folders.
    """
    roots = absolute(paths)
    stamps = await in_thread(_stamps, roots)
    anew: frozenset[str] = frozenset()
    while True:
        folders, notify = await in_thread(_open, [root for root in roots if _is_folder(stamps[root])])
        lost = False
        try:
            yield anew
            while not lost:
                found = await _wait(notify, stop)
                now = await in_thread(_stamps, roots)
                moved = frozenset(root for root in roots if now[root] != stamps[root])
                dead = frozenset(_as_given(path, folders) for kind, path in found if kind == _DELETED) & folders.keys()
                told = frozenset(_as_given(path, folders) for _, path in found) | moved
                # Another folder in the place of the one that is watched: what was opened says nothing of it.
                lost = bool(dead) or any(_is_folder(now[root]) or root in folders for root in moved)
                stamps = now
                if lost:
                    anew = told  # once the new one is watched
                else:
                    yield told
        finally:
            if notify is not None:
                notify.close()


async def _wait(notify: RustNotify | None, stop: asyncio.Event) -> set[tuple[int, str]]:
    if notify is None:
        await asyncio.sleep(TICK_S)
        return set()
    milliseconds = int(TICK_S * 1000)
    found = await in_thread(notify.watch, milliseconds, _STEP_MS, milliseconds, stop)
    return set() if isinstance(found, str) else found


def absolute(paths: Sequence[str]) -> list[str]:
    return sorted({os.path.abspath(path) for path in paths})


def _open(folders: Sequence[str]) -> tuple[dict[str, str], RustNotify | None]:
    """The folders, each with the path behind its links, being watched from now on."""
    if not folders:
        return {}, None
    # Its documentation offers this class to those who need more than `watch`: to know when nothing is missed any more.
    from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

    try:
        notify = RustNotify([*folders], False, False, _POLL_MS, True, True)
    except (OSError, WatchfilesRustInternalError) as error:
        raise UsageError(
            f"these folders cannot be watched: {' '.join(str(error).split())}",
            remedy="raise the system's limit (Linux: fs.inotify.max_user_watches) or run ragcli ingest now and then",
        ) from error
    return {folder: os.path.realpath(folder) for folder in folders}, notify


def _stamps(roots: Sequence[str]) -> dict[str, _Stamp]:
    return {root: _stamp(root) for root in roots}


def _stamp(path: str) -> _Stamp:
    try:
        status = os.stat(path)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return (True, status.st_dev, status.st_ino)
    return (False, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _is_folder(stamp: _Stamp) -> bool:
    return stamp is not None and stamp[0] is True


def _as_given(path: str, folders: dict[str, str]) -> str:
    """The path below the root as it was given, where the system tells it with the links resolved."""
    for root, real in folders.items():
        if path == root or path.startswith(root + os.sep):
            return path
        if path == real or path.startswith(real + os.sep):
            return root + path[len(real) :]
    return path
