"""`ragcli chat`: the conversation, on a terminal or line by line from a pipe."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragcli.cli.context import Context


def run(context: Context, collection: str, flags: Mapping[str, Any], *, session: str | None, resume: bool) -> int:
    from ragcli.chat.reader import LineReader
    from ragcli.chat.repl import chat

    workspace = context.workspace(flags)

    async def main() -> int:
        async with workspace.assistant(collection, long_lived=True) as assistant:
            return await chat(
                assistant,
                workspace.sessions(),
                console=context.out(),
                err=context.err(),
                settings=workspace.settings.repl,
                session=session,
                resume=resume,
                history_path=workspace.path / "history",
                environment=os.environ,
                reader=None if sys.stdin.isatty() and sys.stdout.isatty() else LineReader(sys.stdin),
            )

    return asyncio.run(main())
