"""Records tests/docs/chat.svg, the README's picture: a real chat about sample_docs/ on a real terminal.

The terminal is tmux's; what it shows, colours included, goes through Rich to an SVG.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
SAMPLE_DOCS = HERE.parent.parent / "sample_docs"
COLUMNS, ROWS = 88, 44
QUESTIONS = ("How many days do customers have to return hardware?", "国内网关的保修期是几年？")
PATIENCE = 60.0
"""Seconds until a screen that does not come counts as an error."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "RAGCLI_"))
        } | {"RAGCLI_HOME": str(home), "HOME": folder}
        ragcli = [sys.executable, "-m", "ragcli"]
        subprocess.run([*ragcli, "ingest", "sample_docs", "-q"], check=True, env=environment, cwd=SAMPLE_DOCS.parent)
        lines = record(shlex.join([*ragcli, "chat"]), environment, Path(folder) / "tmux")
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115 - lives as long as we do
    console.print(Text.from_ansi("\n".join(lines)))
    svg = console.export_svg(title="ragcli chat")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # no font from the network
    (HERE / "chat.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")


def record(command: str, environment: dict[str, str], socket: Path) -> list[str]:
    """The screen after all questions are answered, as lines with ANSI colours."""

    def tmux(*arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(socket), *arguments], capture_output=True, text=True, check=True, env=environment
        )
        return done.stdout

    def wait_for(words: str, times: int) -> None:
        until = time.monotonic() + PATIENCE
        while tmux("capture-pane", "-p", "-S", "-").count(words) < times:
            if time.monotonic() > until:
                raise SystemExit(f"the chat never showed {words!r}:\n" + tmux("capture-pane", "-p"))
            time.sleep(0.1)

    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    tmux("-u", "-f", os.devnull, "new-session", "-d", *size, f"cd {shlex.quote(str(SAMPLE_DOCS.parent))} && {command}")
    try:
        wait_for("new session", 1)  # the bar below the prompt
        for number, question in enumerate(QUESTIONS, start=1):
            tmux("send-keys", "-l", question)
            tmux("send-keys", "Enter")
            wait_for("cited", number)  # under the answer
            time.sleep(1)
        screen = tmux("capture-pane", "-e", "-p", "-S", "-").rstrip("\n").splitlines()
    finally:
        tmux("kill-server")
    return screen


if __name__ == "__main__":
    main()
