"""A time limit for something that shares its event loop with others: their work is not counted against it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

SLICES = 5


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What `work` gives. Raises TimeoutError when it had so many seconds and was not done.

    The limit runs in slices, one after the other, so a loop that is blocked for long uses up one of them; and what
    came meanwhile is looked at before the last one ends.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def end_slice(left: int) -> None:
        nonlocal timer
        if left:
            timer = loop.call_later(seconds / SLICES, end_slice, left - 1)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(seconds / SLICES, end_slice, SLICES - 1)
        try:
            return await work
        finally:
            timer.cancel()
