"""The command table of the chat: it dispatches, prints /help, completes, and makes the README's section."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl

Argument = Literal["none", "optional", "required"]
Available = Callable[["Repl"], str]
"""Why the command cannot be used now; empty where it can."""


class Command(Struct, frozen=True):
    """One line of the table; `argument` is how /help names it, in brackets where it may be left out."""

    name: str
    help: str
    run: Callable[[Repl, str], Awaitable[None]]
    argument: str = ""
    aliases: tuple[str, ...] = ()
    unavailable: Available = lambda _: ""
    complete: Callable[[Repl], Iterable[str] | Awaitable[Iterable[str]]] | Literal["path"] | None = None

    @property
    def usage(self) -> str:
        names = ", ".join(f"/{name}" for name in (self.name, *self.aliases))
        return f"{names} {self.argument}".rstrip()

    @property
    def needs_argument(self) -> bool:
        return bool(self.argument) and not self.argument.startswith("[")


def is_command(text: str) -> bool:
    """Commands begin with a slash or a dot and a letter; a path such as `/etc/hosts ...` or `...` is a question."""
    head = text[1:].split(maxsplit=1)[0] if len(text) > 1 and not text[1].isspace() else ""
    return text[0] in "/." and head.isascii() and head.replace("_", "").replace("-", "").isalpha()


def resolve(table: Sequence[Command], text: str) -> tuple[Command | None, str]:
    """The command that an input names, and its argument."""
    name, _, argument = text[1:].partition(" ")
    name = name.lower()
    for command in table:
        if name in (command.name, *command.aliases):
            return command, argument.strip()
    return None, name


def nearest(table: Sequence[Command], name: str) -> str | None:
    """The command that was probably meant."""
    names = [name for command in table for name in (command.name, *command.aliases)]
    begins = [known for known in names if known.startswith(name)]
    return next(iter(begins or difflib.get_close_matches(name, names, n=1, cutoff=0.5)), None)
