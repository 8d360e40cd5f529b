"""Asks before something is deleted; without a terminal only `--yes` will do."""

from __future__ import annotations

import sys

import typer

from ragcli.errors import Interrupted, UsageError


def confirm(what: str, *, yes: bool) -> None:
    """Returns when the user agrees. Raises Interrupted where not, UsageError where nobody can be asked."""
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{what} needs a yes and there is no terminal to ask on", remedy="add --yes")
    if not agreed(f"{what}?"):
        raise Interrupted("nothing was changed")


def agreed(question: str) -> bool:
    """Asks at the terminal; Enter alone is a no. Raises Interrupted on Ctrl-C and Ctrl-D."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        typer.echo(err=True)
        raise Interrupted("nothing was changed") from None
