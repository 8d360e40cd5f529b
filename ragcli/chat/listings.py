"""What the chat lists: its numbers, its sessions, and rows of a name with what is said of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ragcli.chat.welcome import QUOTES
from ragcli.render.sources import EXTRACTIVE
from ragcli.render.wrap import print_hanging
from ragcli.text.clean import one_line
from ragcli.text.figures import age, counted, size_text

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.chat.repl import Repl
    from ragcli.types import Requests

LEGIBLE = 26
"""Columns that what is said of a name needs beside it; where it has less, it stands below."""


def print_rows(console: Console, rows: Sequence[tuple[Text, Text]]) -> None:
    """Names, and behind them in a column of its own what is said of each."""
    width = max(name.cell_len for name, _ in rows) + 2
    narrow = console.is_terminal and console.width - width < LEGIBLE
    for name, said in rows:
        if narrow:
            console.print(name)
            print_hanging(console, Text("    "), said)
        else:
            print_hanging(console, Text.assemble(name, " " * (width - name.cell_len)), said)
    console.print()


async def stats(repl: Repl, _: str) -> None:
    totals, last = repl.conversation.totals, repl.conversation.last
    usage = totals.usage
    about = "about " if usage.estimated else ""
    rows = [
        ("answers", f"{totals.answers}, of them from the cache {totals.cached}"),
        ("tokens", f"{about}{usage.prompt_tokens} in, {about}{usage.completion_tokens} out"),
        ("waits", f"{totals.waits}, together {totals.waited_s:.1f} s"),
    ]
    if last:
        timings = last.timings
        spans = [("search", timings.retrieve_ms), ("first token", timings.first_token_ms), ("all", timings.total_ms)]
        rows.append(("last answer", ", ".join(f"{name} {ms:.0f} ms" for name, ms in spans if ms is not None) or "-"))
        named = " ".join(part for part in (last.provider, last.model) if part) or "-"
        rows.append(("answered by", QUOTES if last.provider == EXTRACTIVE else named))
    if requests := repl.conversation.assistant.requests:
        rows.append(("requests", _told(requests)))
    print_rows(repl.out, [(Text(name, "note"), Text(one_line(value, 200))) for name, value in rows])


def _told(requests: Requests) -> str:
    """Counts, failures by kind, and how fast the model was."""
    failed = sum(requests.failures.values())
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(requests.failures.items()))
    parts = [f"{requests.started}, {failed} failed" + (f" ({kinds})" if kinds else "")]
    if requests.first_item_ms is not None:
        parts.append(f"first token after {requests.first_item_ms:.0f} ms")
    if requests.items_per_s is not None:
        parts.append(f"{requests.items_per_s:.0f} tokens/s")
    return ", ".join(parts)


async def list_sessions(repl: Repl, _: str) -> None:
    stored = repl.conversation.sessions.overview()
    if not stored:
        repl.note("No session is stored yet.")
        return
    now = time.time()
    rows: list[tuple[Text, Text]] = []
    for info in stored:
        name = Text(one_line(info.name, 60), "status")
        if info.name == repl.conversation.name:
            name.append(" (this one)", "note")
        said = f"{counted(info.exchanges, 'exchange')}, {size_text(info.bytes)}, {age(now - info.updated_at)}"
        rows.append((name, Text(said, "note")))
    print_rows(repl.out, rows)
