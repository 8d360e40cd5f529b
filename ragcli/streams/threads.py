"""Calls that block, out of the way of the event loop, and the memory that they leave behind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *arguments: P.args, **options: P.kwargs) -> T:
    """Like `asyncio.to_thread`, but a cancellation waits until the function has returned: it may be writing."""
    call = asyncio.ensure_future(asyncio.to_thread(function, *arguments, **options))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait({call})
        if not call.cancelled():
            call.exception()  # the cancellation goes on, whatever became of the call
        raise


_M_ARENA_MAX = -8  # of malloc.h


def share_heaps() -> None:
    """Lets the threads that start from now on share two heaps, where the C library is glibc.

    It would give each its own, and each keeps what was freed in it: a third of an ingest's memory.
    """
    if glibc := _glibc():
        glibc.mallopt(_M_ARENA_MAX, 2)


def return_freed_memory() -> None:
    """Gives back to the system what was freed and is kept for later, where the C library is glibc."""
    if glibc := _glibc():
        glibc.malloc_trim(0)


@cache
def _glibc() -> Any:
    """None for another C library."""
    if sys.platform != "linux":
        return None
    import ctypes

    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
