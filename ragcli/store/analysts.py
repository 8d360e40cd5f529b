"""Processes that take texts apart into terms: half a millisecond a passage, which the interpreter's lock would make
the slowest step of an ingest.

They hold nothing, import no index and end when their stdin does, also if that is because their parent was killed. Where
one dies, its share of the work is done here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

import msgspec

from ragcli.ports import KeywordEntry
from ragcli.store.keyword_fields import Fields, fields_of
from ragcli.text.analyze import terms

MOST = 2
FEW = 64
"""Entries that are faster done here than sent away."""
_WARM = 256
"""Entries of one ingest after which processes are worth their start."""
_LENGTH = 8
_BOOT = "import sys; sys.path[:] = {path!r}; from ragcli.store.analysts import serve; serve()"


class Analysts:
    """Analyzes entries, in processes of its own once there are many."""

    def __init__(self, count: int | None = None) -> None:
        self._count = min(MOST, (os.cpu_count() or 1) - 1) if count is None else count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._seen = 0

    def fields(self, entries: Sequence[KeywordEntry]) -> list[Fields]:
        self._seen += len(entries)
        if self._count < 1 or len(entries) < FEW or self._seen < _WARM:
            return _analyzed(entries)
        while len(self._processes) < self._count:
            self._processes.append(_start())
        share = -(-len(entries) // self._count)
        shares = [entries[start : start + share] for start in range(0, len(entries), share)]
        asked = [_ask(process, part) for process, part in zip(self._processes, shares, strict=False)]
        found: list[Fields] = []
        for process, part, sent in zip(self._processes, shares, asked, strict=False):
            answer = _answer(process) if sent else None
            found += _analyzed(part) if answer is None else answer
        return found

    def close(self) -> None:
        processes, self._processes = self._processes, []
        for process in processes:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            process.wait()


def serve() -> None:
    """The process: entries in, fields out, until there is nobody to ask."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # the parent decides when it is over
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(BrokenPipeError):
        while (message := _read(requests)) is not None:
            _write(answers, msgspec.msgpack.encode(_analyzed(msgspec.msgpack.decode(message, type=list[KeywordEntry]))))
    os._exit(0)


def _analyzed(entries: Sequence[KeywordEntry]) -> list[Fields]:
    return [fields_of(entry, terms) for entry in entries]


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", _BOOT.format(path=sys.path)]
    return subprocess.Popen(  # noqa: S603 - our own code
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _ask(process: subprocess.Popen[bytes], entries: Sequence[KeywordEntry]) -> bool:
    """False where the process is gone."""
    try:
        if process.stdin is None:
            return False
        _write(process.stdin, msgspec.msgpack.encode(entries))
    except (OSError, ValueError):
        return False
    return True


def _answer(process: subprocess.Popen[bytes]) -> list[Fields] | None:
    message = _read(process.stdout) if process.stdout is not None else None
    return None if message is None else msgspec.msgpack.decode(message, type=list[Fields])


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
