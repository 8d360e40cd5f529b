"""Writes into README.md what the code knows better: commands, chat commands, settings, exit codes.

usage: generate.py [--check]

Each generated part stands between `<!-- NAME -->` and `<!-- /NAME -->`. `--check` changes nothing and fails where the
file is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import typer.main

from ragcli import errors
from ragcli.chat import table as chat_table
from ragcli.cli.commands import app
from ragcli.config import reference, toml_value

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def commands() -> str:
    group = typer.main.get_group(app)
    rows = []
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        full = f"ragcli {name}" + (f" {'|'.join(inner)}" if inner else "")
        rows.append((f"`{full}`", (command.help or "").partition("\n")[0]))
    return table(("command", "does"), rows)


def chat_commands() -> str:
    return chat_table.reference().rstrip("\n")


def settings() -> str:
    parts = []
    section = ""
    for key, setting in reference().items():
        table_name, _, name = key.partition(".")
        if table_name != section:
            section = table_name
            parts.append(f"\n[{section}]")
        parts.append(f"{name} = {toml_value(setting.default)}  # {setting.description}")
    return "```toml" + "\n".join(parts).lstrip("\n").join(("\n", "\n")) + "```"


EXIT_MEANINGS = {
    0: "success",
    1: "unexpected error; `doctor`: something is wrong",
    2: "wrong use or configuration",
    3: "nothing relevant in the index",
    4: "the model or embedding endpoint failed, after retries",
    5: "some files could not be indexed; the rest is",
    6: "the index is missing, locked beyond the wait, damaged or not writable",
    130: "stopped by Ctrl-C",
}


def exit_codes() -> str:
    known = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    if known - set(EXIT_MEANINGS):
        raise SystemExit(f"exit codes without a meaning: {known - set(EXIT_MEANINGS)}")
    return table(("exit code", "means"), ((str(code), meaning) for code, meaning in EXIT_MEANINGS.items()))


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "chat commands": chat_commands,
    "settings": settings,
    "exit codes": exit_codes,
}


def generated(text: str) -> str:
    for name, part in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md has no part <!-- {name} -->")
        body = part()
        text = pattern.sub(lambda found, body=body: found[1] + body + "\n" + found[2], text)
    return text


def main() -> None:
    old = README.read_text(encoding="utf-8")
    new = generated(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            raise SystemExit("README.md is stale; write it with: make docs")
        return
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
