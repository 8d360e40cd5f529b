"""What reading one file may take, and how it is told that it took more."""

from __future__ import annotations

import contextlib

from ragcli.errors import FileFailure


def limit_memory(megabytes: int) -> None:
    """Of this process, beyond what it has now: for one that reads files. A second call has no effect."""
    try:
        import resource
    except ImportError:  # Windows has no such limit; the time limit still holds there
        return
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.RLIM_INFINITY))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")  # where memory runs out all the same, the reader goes, not the shell it came from


def too_slow(seconds: float) -> FileFailure:
    return FileFailure("timeout", f"took longer than ingest.timeout allows ({seconds:g} s)")


def too_much() -> FileFailure:
    return FileFailure("too_large", "needs more memory than ingest.memory_mb allows")
