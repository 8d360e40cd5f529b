"""A chat on the double, for a real terminal: `python play.py FOLDER ANSWER.md TOKENS_PER_SECOND`.

Each question is answered with the text of the file, a word at a time.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chat.double import Script, ScriptedAssistant

from ragcli.chat.repl import chat
from ragcli.config import Repl
from ragcli.render.console import make_console
from ragcli.store.sessions import SQLiteSessions


async def main(folder: Path, answer: str, rate: float) -> int:
    pieces = re.findall(r"\s*\S+\s?", answer)
    items = [item for piece in pieces for item in ((piece, 1 / rate) if rate else (piece,))]
    scripts = [Script(items) for _ in range(5)]
    return await chat(
        ScriptedAssistant(*scripts),
        SQLiteSessions(folder / "sessions.db"),
        console=make_console(sys.stdout),
        settings=Repl(),
        history_path=folder / "history",
        environment=os.environ,
    )


if __name__ == "__main__":
    place, text, speed = Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8"), float(sys.argv[3])
    raise SystemExit(asyncio.run(main(place, text, speed)))
