"""Where questions come from: a person at a terminal, or lines of a pipe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TextIO


class Reader(Protocol):
    """Gives one question or command after the other."""

    interactive: bool
    """Whether somebody sees the prompt and can be given hints."""

    async def read(self, default: str = "") -> str:
        """The next input. Raises EOFError when there is no more, KeyboardInterrupt for Ctrl-C on an empty line."""
        ...

    async def choose(self, prompt: str, default: str = "") -> str:
        """A short answer to a question of the chat's own. Raises EOFError, KeyboardInterrupt."""
        ...

    async def select(self, rows: Sequence[tuple[int, str, str]]) -> tuple[int, ...] | None:
        """Which of the rows (number, title, detail) are wanted: none for all of them, None for a search instead.

        Only of one who is `interactive`. Raises EOFError, KeyboardInterrupt.
        """
        ...

    def wake(self) -> None:
        """Makes a `read` that is waiting raise EOFError."""
        ...

    def listening(
        self, on_interrupt: Callable[[], object], on_typed: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """While an answer comes: tells of Ctrl-C and of what is typed for the next question, which is kept for it."""
        ...


class LineReader:
    """Each line of a pipe or file is one input; a block in triple quotes is one, too."""

    interactive = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def read(self, default: str = "") -> str:
        if default:
            return default
        text = await self._line()
        if text.lstrip().startswith('"""'):
            while not closed(text):
                text += "\n" + await self._line()
        return text

    async def choose(self, prompt: str, default: str = "") -> str:
        return await self._line() or default

    async def select(self, rows: Sequence[tuple[int, str, str]]) -> tuple[int, ...] | None:
        return ()

    async def _line(self) -> str:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            # A daemon: a read that nothing ends must not keep the process from ending.
            threading.Thread(target=self._pump, args=(self._loop,), daemon=True).start()
        line = await self._lines.get()
        if line is None:
            self._lines.put_nowait(None)
            raise EOFError
        return line

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for line in self._stream:
                loop.call_soon_threadsafe(self._lines.put_nowait, line.rstrip("\r\n"))
            loop.call_soon_threadsafe(self._lines.put_nowait, None)
        except (RuntimeError, ValueError):
            return  # the loop or the stream was closed first: nobody listens any more

    def wake(self) -> None:
        while not self._lines.empty():
            self._lines.get_nowait()
        self._lines.put_nowait(None)

    def listening(
        self, on_interrupt: Callable[[], object], on_typed: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        return nullcontext()


def closed(text: str) -> bool:
    """Whether a text that opens a block with three quotes also closes it."""
    inner = text.strip()
    return len(inner) >= 6 and inner.endswith('"""')


def unquoted(text: str) -> str:
    """The input without the quotes of a block and the blanks around it."""
    text = text.strip()
    return text[3:-3].strip("\n") if text.startswith('"""') and closed(text) else text
