"""A chat with everything around it, typed into through a pipe."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chat.double import ScriptedAssistant
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from ragcli.chat.repl import chat
from ragcli.config import Repl as Settings
from ragcli.render.console import make_console
from ragcli.store.sessions import SQLiteSessions

UP, CTRL_C, CTRL_D, CTRL_J, ESC_ENTER, CTRL_R = "\x1b[A", "\x03", "\x04", "\n", "\x1b\r", "\x12"
PASTE = "\x1b[200~{}\x1b[201~"


async def until(happened: Callable[[], object]) -> None:
    """Returns once it is so; fails after a minute, which a busy machine may take."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110  # what is waited for is on the screen, and a screen sets no event
            await asyncio.sleep(0.005)


class Prompts(DummyOutput):
    """Counts how often a prompt was drawn for the first time: pastes are told apart from there on."""

    def __init__(self) -> None:
        self.shown = 0

    def enable_bracketed_paste(self) -> None:
        self.shown += 1


class Desk:
    """A chat with everything around it; `typed` goes in, `said` came out."""

    def __init__(self, tmp_path: Path, keys: PipeInput) -> None:
        self.keys = keys
        self.folder = tmp_path
        self.sessions = SQLiteSessions(tmp_path / "home" / "sessions.db")
        self.history_path = tmp_path / "home" / "history"
        self.screen = io.StringIO()
        self.prompts = Prompts()
        self.console = make_console(self.screen, width=100)

    async def run(self, assistant: ScriptedAssistant, typed: str, **options: object) -> int:
        feeding = asyncio.create_task(asyncio.to_thread(self.keys.send_text, typed))  # a pipe takes 64 kB at once
        running = chat(
            assistant,
            self.sessions,
            console=self.console,
            settings=Settings(),
            history_path=self.history_path,
            input=self.keys,
            output=self.prompts,
            **options,  # type: ignore[arg-type]
        )
        code = await asyncio.wait_for(running, 120)
        await feeding
        return code

    @property
    def said(self) -> str:
        return self.screen.getvalue()


@contextmanager
def open_desk(tmp_path: Path) -> Iterator[Desk]:
    with create_pipe_input() as keys:
        yield Desk(tmp_path, keys)


GREETING = "14 documents in default, answers by scripted. /help lists the commands, Ctrl-D leaves.\n"
EXAMPLES = (
    "You could ask, for example:\n"
    "  ❯ What does “Handbook” say about refunds?\n"
    "  ❯ 《价格》里关于标准版是怎么说的？\n"
    "  ❯ Who can apply?\n\n"
)
SHOWN_SOURCES = (
    "[1] /docs/handbook.md:3-9  Orders › Refunds  0.91  cited\n"
    "    Refunds take five days. Parcels leave on Mondays.\n"
    "[2] /docs/价格.pdf p.2  0.42\n"
    "    标准版每月五元。\n"
)


def goodbye(name: str) -> str:
    quoted = f'"{name}"' if " " in name or not name.isascii() else name
    return f"Saved as {name}. Go on with: ragcli chat --resume, or: ragcli chat --session {quoted}\n"
