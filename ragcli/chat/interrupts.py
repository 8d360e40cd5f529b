"""What Ctrl-C means, and how a chat ends that is told to from outside."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

TWICE_S = 1.0
"""Two presses within this time leave the chat."""
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupts:
    """Counts presses of Ctrl-C: one stops what is going on, two in a row leave, and so does a signal to end.

    While an answer comes, `stop` is its event: the first press sets it; one that finds it set cancels the answer.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = float("-inf")
        self._stop: asyncio.Event | None = None
        self._answer: asyncio.Task[object] | None = None
        self.leaving = False
        self.signal: int | None = None
        """The signal that told the chat to end."""

    def press(self) -> bool:
        """Takes a press; says whether it is the second in a row."""
        now = self._clock()
        twice = now - self._last < TWICE_S
        self._last = now
        if twice:
            self.leaving = True
        if self._stop and self._stop.is_set() and self._answer:
            self._answer.cancel()
        elif self._stop:
            self._stop.set()
        return twice

    def end(self, number: int) -> None:
        """Takes a signal that ends the chat."""
        self.leaving = True
        self.signal = number
        if self._stop:
            self._stop.set()

    @contextmanager
    def answering(self, stop: asyncio.Event, answer: asyncio.Task[object]) -> Iterator[None]:
        """Presses go to this answer meanwhile."""
        self._stop, self._answer = stop, answer
        if self.leaving:
            stop.set()
        try:
            yield
        finally:
            self._stop = self._answer = None


@contextmanager
def signals(interrupts: Interrupts, wake: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C as a signal is a press; SIGTERM and a closed terminal end the chat; `wake` ends a waiting prompt."""
    loop = asyncio.get_running_loop()

    def take(number: int) -> None:
        if number == signal.SIGINT:
            if interrupts.press():
                wake()
        else:
            interrupts.end(number)
            wake()

    def handler(number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(take, number)

    # signal.signal, not loop.add_signal_handler: that one does not exist on Windows.
    former = {number: signal.signal(number, handler) for number in (signal.SIGINT, *ENDING)}
    try:
        yield
    finally:
        for number, was in former.items():
            signal.signal(number, was)
