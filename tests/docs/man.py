"""Writes the manual page ragcli(1), made from the commands, the settings and the exit codes: `make man`.

usage: man.py FILE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer.main
from generate import EXIT_MEANINGS

from ragcli import __version__
from ragcli.cli.commands import app
from ragcli.config import FALLBACKS, reference, toml_value


def page() -> str:
    """The page as troff with the man macros."""
    group = typer.main.get_group(app)
    summary, *body = paragraphs(group.help)
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [f'.TH RAGCLI 1 "{date}" "ragcli {__version__}" "User Commands"']
    lines += [".SH NAME", f"ragcli \\- {escaped(summary[0].rstrip('.').lower())}"]
    lines += [".SH SYNOPSIS", ".B ragcli", "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]"]
    lines += [".SH DESCRIPTION", *text(body), ".SH OPTIONS", *options(group)]
    lines += [".SH COMMANDS"]
    for name, command in commands(group):
        lines += [f".SS {escaped(usage(name, command))}", *text(paragraphs(command.help)), *options(command)]
    lines += [".SH ENVIRONMENT", "Each setting has a variable, and a name in the config file."]
    for variable, meaning in environment().items():
        lines += [".TP", f"\\fB{escaped(variable)}\\fR", escaped(meaning)]
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_MEANINGS.items():
        lines += [".TP", f"\\fB{code}\\fR", escaped(meaning)]
    return "\n".join(lines) + "\n"


def commands(group: Any, prefix: str = "ragcli") -> Iterator[tuple[str, Any]]:
    """Every command with its full name; of a group, those in it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def usage(name: str, command: Any) -> str:
    arguments = [each.metavar or each.name.upper() for each in command.params if each.param_type_name == "argument"]
    return " ".join([name, *arguments])


def options(command: Any) -> Iterator[str]:
    for each in command.params:
        if each.param_type_name == "option" and not each.hidden:
            value = "" if each.is_flag else f" \\fI{escaped(each.metavar or each.type.name.upper())}\\fR"
            names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in (*each.opts, *each.secondary_opts))
            yield from (".TP", names + value, escaped(each.help or ""))


def environment() -> dict[str, str]:
    places = {"RAGCLI_HOME": "where the indexes lie", "RAGCLI_CONFIG": "the settings file"}
    honoured = {
        variable: f"used where {', '.join(key for key, other in FALLBACKS.items() if other == variable)} is not set"
        for variable in FALLBACKS.values()
    }
    settings = {
        setting.variable: f"{setting.description} (default {toml_value(setting.default)})"
        for setting in reference().values()
    }
    return places | honoured | settings


def paragraphs(help_text: str) -> list[list[str]]:
    """Lines by paragraph; one that begins with a backspace is kept as it stands."""
    return [part.strip("\n").splitlines() for part in help_text.split("\n\n") if part.strip()]


def text(parts: list[list[str]]) -> Iterator[str]:
    for lines in parts:
        if lines[0] == "\b":
            yield from (".PP", ".nf", ".RS 4", *map(escaped, lines[1:]), ".RE", ".fi")
        else:
            yield from (".PP", *map(escaped, lines))


def escaped(line: str) -> str:
    """Troff reads a backslash, and a dot or a quote at the start of a line, as its own."""
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line


if __name__ == "__main__":
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
