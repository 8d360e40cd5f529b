"""The one `asyncio.run`, and what Ctrl-C does to it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from ragcli.errors import Interrupted

STOPPING = [signal.SIGINT, signal.SIGTERM]


def run_async(main: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    """Runs `main(stop)` to its exit code. The first Ctrl-C or SIGTERM sets `stop`, a second cancels at once."""
    try:
        return asyncio.run(_run(main))
    except asyncio.CancelledError:
        raise Interrupted("interrupted") from None


async def _run(main: Callable[[asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupt() -> None:
        if stop.is_set() and task:
            task.cancel()
        stop.set()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(interrupt)

    # signal.signal, not loop.add_signal_handler: that one does not exist on Windows.
    former = {number: signal.signal(number, on_signal) for number in STOPPING}
    try:
        return await main(stop)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
