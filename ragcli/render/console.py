"""The consoles for stdout and stderr, and what each of them may be sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

from ragcli.errors import RagcliError
from ragcli.text.clean import clean

THEME = Theme(
    {
        "note": "dim",
        "warning": "yellow",
        "error": "bold red",
        "source.number": "bold cyan",
        "source.path": "default",
        "source.detail": "dim",
        "source.match": "bold",
        "source.used": "green",
        "cited": "green",
        "citation.doubt": "yellow",
        "status": "cyan",
        "reasoning": "dim italic",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold dim",
        "markdown.code": "cyan",
        "markdown.code_block": "none",
        "markdown.block_quote": "dim",
        "markdown.item.bullet": "cyan",
        "markdown.item.number": "cyan",
        "markdown.link_url": "underline blue",
        "markdown.hr": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)


def make_console(
    stream: TextIO, *, color: bool = True, width: int | None = None, environment: Mapping[str, str] | None = None
) -> Console:
    """A console that colours only a terminal, and none with NO_COLOR, `TERM=dumb` or `color=False`.

    `environment` stands in for the process's, `width` for the terminal's. Characters that the stream's encoding lacks
    are replaced instead of ending the answer.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        with suppress(OSError, ValueError):
            reconfigure(errors="replace")
    terminal = _is_terminal(stream)
    variables = dict(os.environ if environment is None else environment)
    if terminal and _has_size(stream):
        # A terminal knows its size better than variables that were set before it was resized.
        variables.pop("COLUMNS", None)
        variables.pop("LINES", None)
    dumb = variables.get("TERM", "").lower() in {"dumb", "unknown"}
    plain = not color or dumb or bool(variables.get("NO_COLOR"))
    return Console(
        file=stream,
        force_terminal=terminal,
        color_system=None if plain else "auto",
        no_color=plain,
        width=width,
        theme=THEME,
        highlight=False,
        markup=False,
        emoji=False,
        _environ=variables,
    )


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False


def _has_size(stream: TextIO) -> bool:
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError, AttributeError):
        return False


def is_live(console: Console) -> bool:
    """Whether the cursor may be moved and what was shown be replaced."""
    return (
        console.is_terminal
        and console.color_system is not None
        and not console.is_dumb_terminal
        and not console.legacy_windows
    )


def file_link(path: str) -> str | None:
    """The `file://` address of an absolute path."""
    try:
        return Path(path).as_uri()
    except ValueError:
        return None


def shown_path(path: str, folder: Path | None = None) -> str:
    """The path relative to the folder (default: the working directory) where it lies below it; cleaned."""
    with suppress(ValueError, OSError):
        path = str(Path(path).relative_to(folder or Path.cwd()))
    return clean(path).replace("\n", " ")


def print_line(console: Console, text: Text | str, style: str = "") -> None:
    """One line that wraps on a terminal and stays one line in a pipe."""
    line = Text(text, style) if isinstance(text, str) else text
    console.print(line, soft_wrap=not console.is_terminal)


def print_error(console: Console, error: RagcliError) -> None:
    """What went wrong, why, and what to do about it, on one line."""
    message = " ".join(clean(str(error)).split())
    print_line(console, Text.assemble(("error: ", "error"), message))


@contextmanager
def silent_keys() -> Iterator[None]:
    """Keys typed meanwhile do not show up in the middle of the answer; the shell gets them afterwards."""
    try:
        import termios
    except ImportError:
        yield
        return
    try:
        descriptor = sys.stdin.fileno()
        former = termios.tcgetattr(descriptor)
    except (OSError, ValueError, AttributeError, termios.error):
        yield
        return
    quiet = termios.tcgetattr(descriptor)
    quiet[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, former)
