"""A chat on the double, for a real terminal: `python play.py FOLDER ANSWER.md TOKENS_PER_SECOND`.

Each question is answered with the text of the file, a word at a time. A question that is a number sets the speed
of its own answer; with `halt 3` the program stands still three times in it: it makes `at-N` and waits for `on-N`.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chat.double import Item, Script, ScriptedAssistant

from ragcli.chat.repl import chat
from ragcli.config import Repl
from ragcli.render.console import make_console
from ragcli.store.sessions import SQLiteSessions
from ragcli.types import Event, Reply

PAUSE_S = 0.005
"""A shorter wait would be as long as this one: the faster the answer, the more words come together."""


class Player(ScriptedAssistant):
    """Gives the same answer always."""

    def __init__(self, folder: Path, answer: str, rate: float) -> None:
        super().__init__()
        self._folder = folder
        self._words = re.findall(r"\s*\S+\s?", answer)
        self._rate = rate

    def answer(self, question: str, **options: object) -> AsyncGenerator[Event, Reply | None]:
        rate = float(question) if question.isdecimal() else self._rate
        together = max(1, round(rate * PAUSE_S))
        halts = int(question.removeprefix("halt ")) if question.startswith("halt ") else 0
        items: list[Item] = []
        for number, word in enumerate(self._words, start=1):
            items += [word] if number % together else [word, together / rate]
            halt, rest = divmod(number * (halts + 1), len(self._words))
            if halts and rest < halts + 1 and halt <= halts:
                items.append(partial(self._halt, halt))
        self.scripts = [Script(items)]
        return super().answer(question, **options)  # type: ignore[arg-type]

    def _halt(self, number: int) -> None:
        (self._folder / f"at-{number}").touch()
        while not (self._folder / f"on-{number}").exists():
            time.sleep(0.01)


async def main(folder: Path, answer: str, rate: float) -> int:
    return await chat(
        Player(folder, answer, rate),
        SQLiteSessions(folder / "sessions.db"),
        console=make_console(sys.stdout),
        settings=Repl(),
        history_path=folder / "history",
        environment=os.environ,
    )


if __name__ == "__main__":
    place, text, speed = Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8"), float(sys.argv[3])
    raise SystemExit(asyncio.run(main(place, text, speed)))
