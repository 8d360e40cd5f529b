"""The keyboard for as long as a chat lasts: what is typed while no prompt stands is kept, Enter as Enter, unseen."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TextIO

_MEANT = str.maketrans({"\n": "\r", "\0": "\x04"})
"""A terminal that edits lines itself hands over Enter as a new line, and Ctrl-D as nothing."""


class Keyboard:
    """Takes a terminal's own line editing and echo away while it is entered; anything else is left alone."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._descriptor = _terminal(stream)
        self._former: list[Any] | None = None
        self._early = ""

    def __enter__(self) -> Self:
        self._take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def early(self) -> str:
        """The keys that were pressed before the chat had the keyboard; each is told once."""
        early, self._early = self._early, ""
        return early

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Another program has the terminal meanwhile, as the chat found it."""
        self._give_back()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        if self._descriptor is None:
            return
        import termios

        with suppress(termios.error):
            self._former = termios.tcgetattr(self._descriptor)
            kept = termios.tcgetattr(self._descriptor)
            kept[0] &= ~termios.ICRNL
            kept[3] &= ~(termios.ECHO | termios.ICANON)
            kept[6][termios.VMIN], kept[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._descriptor, termios.TCSANOW, kept)
            self._early += _waiting(self._descriptor).translate(_MEANT)

    def _give_back(self) -> None:
        if self._descriptor is None or self._former is None:
            return
        import termios

        with suppress(termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._former)
        self._former = None


def _terminal(stream: TextIO | None) -> int | None:
    """The descriptor of a POSIX terminal; the keys of Windows' own come as they were pressed."""
    if stream is None or os.name != "posix":
        return None
    try:
        return stream.fileno() if stream.isatty() else None
    except (OSError, ValueError):
        return None


def _waiting(descriptor: int) -> str:
    """What has come in and nobody has read yet."""
    data = b""
    while select.select([descriptor], [], [], 0)[0] and (more := os.read(descriptor, 65536)):
        data += more
    return data.decode(errors="replace")
