"""A process that does arithmetic for this one, where the interpreter's lock would make that the slowest step.

Requests and answers are bytes, one at a time. A helper holds nothing of value and ends when its stdin does, also if
that is because its parent was killed; where it dies, whoever asks does the work himself.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import IO

_LENGTH = 8
_COLLECTED_AFTER = 100_000
"""Objects: an answer is made of thousands that go with it, and to look through them takes a tenth of the time."""
_BOOT = "import sys; sys.path[:] = {path!r}; from {module} import {function}; {function}()"


class Helper:
    """Starts the process, which calls `function` of `module`; that must call `serve`. Safe to share between threads."""

    def __init__(self, module: str, function: str) -> None:
        code = _BOOT.format(path=sys.path, module=module, function=function)
        self._process = _started([sys.executable, "-I", "-c", code])
        self._turn = threading.Lock()
        self.closed = False
        self._end = weakref.finalize(self, _end, self._process)  # also where nobody closes it

    def ask(self, request: bytes) -> bytes | None:
        """The answer; None where the process is gone, or was closed meanwhile. Waits for its turn."""
        with self._turn:
            return self.receive() if not self.closed and self.send(request) else None

    def send(self, request: bytes) -> bool:
        """Half of `ask`, to let several helpers work at the same time; False where the process is gone."""
        try:
            if self._process is None or self._process.stdin is None:
                return False
            _write(self._process.stdin, request)
        except (OSError, ValueError):
            return False
        return True

    def receive(self) -> bytes | None:
        """The other half."""
        if self._process is None or self._process.stdout is None:
            return None
        try:
            return _read(self._process.stdout)
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Ends the process, also in the middle of an answer: nobody who closes it wants one any more."""
        self.closed = True
        if not self._turn.acquire(blocking=False):
            if self._process is not None:
                self._process.kill()
            self._turn.acquire()
        try:
            self._end()
        finally:
            self._turn.release()


def _started(command: list[str]) -> subprocess.Popen[bytes] | None:
    """None where the system has no memory or no process left for it."""
    try:
        return subprocess.Popen(  # noqa: S603 - our own code
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    process.wait()


def serve(answer: Callable[[bytes], bytes]) -> None:
    """What the process does: answers requests until there is nobody to ask."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # the parent decides when it is over
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(BrokenPipeError):
        while (request := _read(requests)) is not None:
            _write(answers, answer(request))
    os._exit(0)


def _write(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH, "big") + message)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """None at the end of the stream, also in the middle of a message."""
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    size = int.from_bytes(head, "big")
    message: bytes = stream.read(size)
    return message if len(message) == size else None
