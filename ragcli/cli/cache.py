"""`ragcli cache`: the stored answers, and the vectors that were paid for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ragcli.cli import documents, shapes
from ragcli.cli.loop import run_async
from ragcli.text.figures import counted, size_text

if TYPE_CHECKING:
    from ragcli.cli.context import Context


def stats(context: Context, *, json: bool) -> int:
    workspace = context.workspace()

    async def main(_: asyncio.Event) -> int:
        kept = await workspace.kept()
        if json:
            places = [
                shapes.Kept(place=name, entries=it.entries, bytes=it.bytes, max_bytes=it.max_bytes, trouble=it.trouble)
                for name, it in kept.items()
            ]
            documents.emit(shapes.CacheStats(enabled=workspace.settings.cache.enabled, kept=places))
            return 0
        out = context.out()
        if not workspace.settings.cache.enabled:
            out.print("answers are not stored: cache.enabled is false", soft_wrap=True)
        for name, it in kept.items():
            bound = f" of {it.max_bytes >> 20} MB" if it.max_bytes else ""
            said = it.trouble or f"{it.entries} entries, {size_text(it.bytes)}{bound}"
            out.print(f"{name}: {said}", soft_wrap=True, markup=False)
        return 0

    return run_async(main)


def clear(context: Context, *, json: bool) -> int:
    """Raises CacheFailed where the store cannot be written."""
    workspace = context.workspace()

    async def main(_: asyncio.Event) -> int:
        cleared = await workspace.forget_answers()
        if json:
            documents.emit(shapes.CacheCleared(cleared=cleared))
        elif not context.quiet:
            context.out().print(f"forgot {counted(cleared, 'answer')}", soft_wrap=True)
        return 0

    return run_async(main)
