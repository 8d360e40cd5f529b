"""`ragcli chat`: the conversation, on a terminal or line by line from a pipe."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.cli.inputs import session_name
from ragcli.errors import IndexMissing

if TYPE_CHECKING:
    from ragcli.app import Workspace
    from ragcli.cli.context import Context

READING_S = 0.3
"""Seconds after which the first prompt stands."""
GIVING_WAY_S = 0.001
"""Seconds that a key waits at most for a thread that computes; Python's own 0.005 can be felt."""


def run(context: Context, collection: str, flags: Mapping[str, Any], *, session: str | None, resume: bool) -> int:
    from ragcli.chat.keyboard import Keyboard

    session = session_name(session)
    workspace = context.workspace(flags)
    person = sys.stdin.isatty() and sys.stdout.isatty()
    if person and _is_empty(workspace, collection):
        _offer(context, collection, flags)

    async def main(keyboard: Keyboard) -> int:
        from ragcli.chat.reader import LineReader
        from ragcli.chat.repl import chat

        async with workspace.assistants(collection) as assistants:
            assistant = await assistants.reopen()
            # From here on Ctrl-C is the chat's own; a press that comes when it has ended is one too many.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.setswitchinterval(GIVING_WAY_S)
            warming = asyncio.create_task(_warm()) if person else None
            code = await chat(
                assistant,
                workspace.sessions(),
                console=context.out(),
                err=context.err(),
                settings=workspace.settings.repl,
                assistants=assistants,
                session=session,
                resume=resume,
                cache=workspace.settings.cache.enabled,
                history_path=workspace.path / "history",
                environment=os.environ,
                reader=None if person else LineReader(sys.stdin),
                keyboard=keyboard,
            )
            if warming:
                warming.cancel()
            return code

    with Keyboard(sys.stdin if person else None) as keyboard:
        code = asyncio.run(main(keyboard))
    if news := workspace.sharing.news():  # what no answer has told
        context.tell(news)
    return code


async def _warm() -> None:
    """Loads what the first answer needs while the person reads and types, so that no key waits for it later."""
    await asyncio.sleep(READING_S)
    await asyncio.to_thread(import_module, "ragcli.answer.verify")
    await asyncio.to_thread(import_module, "ragcli.render.screen")
    gc.freeze()  # looking through all of that for garbage takes 30 ms each time


def _is_empty(workspace: Workspace, collection: str) -> bool:
    try:
        with workspace.read(collection) as catalog:
            return catalog.counts().documents == 0
    except IndexMissing:
        return True


def _offer(context: Context, collection: str, flags: Mapping[str, Any]) -> None:
    """Says what to do about an empty collection, and does it for the current folder where the person wants that."""
    import typer

    from ragcli.cli import ingest
    from ragcli.cli.confirm import agreed

    folder = Path.cwd()
    option = "" if collection == "default" else f" -c {collection!r}"
    typer.echo(
        f"Nothing is indexed in {collection} yet. A chat needs documents: ragcli ingest FOLDER{option}", err=True
    )
    if not agreed(f"Index the current folder, {folder}, now?"):
        return
    ingest.run(context, [folder], collection, {}, force=False, dry_run=False, json=False)
