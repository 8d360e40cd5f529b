"""Cutting short what a stream waits for, without a task for each item: an event or a clock interrupts the wait.

The stream stays in its consumer's task, so time limits and context variables inside it work as ever. An interruption
reaches it as a cancellation that is taken back at the end of the step, as `asyncio.timeout` does it.
"""

from __future__ import annotations

import asyncio
from typing import Self


class Step:
    """A block of the current task that `interrupt` cuts short, once: it then ends quietly, with `interrupted` set.

    A cancellation from outside goes on outwards. Entered again and again, from one task at a time, for each item of a
    stream; so the loop is looked up once, which takes longer than all the rest.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    def interrupt(self) -> None:
        if self._task is None:
            return
        if self._task.cancelling() == self._cancelling:  # a second one would break into the stream's clean-up
            self.interrupted = True
            self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task(self._loop)
        self._task = task
        self._cancelling = task.cancelling() if task is not None else 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> bool:
        task, self._task = self._task, None
        if task is None or not self.interrupted:
            return False
        return task.uncancel() <= self._cancelling and kind is not None and issubclass(kind, asyncio.CancelledError)


class Deadline(Step):
    """A step that the clock of the loop interrupts: `with deadline.until(due): ...`; `close` it when done.

    One timer serves all steps: it is set anew only when it goes off too early, so a step costs next to nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def until(self, due: float) -> Self:
        self._due = due
        if self._timer is None or self._timer.when() > due:
            self._set(due)
        return self

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, due: float) -> None:
        self.close()
        self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._due:
            self._set(self._due)
        else:
            self.interrupt()
