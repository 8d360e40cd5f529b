"""Asks before something is deleted; without a terminal only `--yes` will do."""

from __future__ import annotations

import sys

import typer

from ragcli.errors import Interrupted, UsageError


def confirm(what: str, *, yes: bool) -> None:
    """Returns when the user agrees. Raises Interrupted where not, UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what} needs a yes and there is no terminal to ask on", remedy="add --yes")
    if not typer.confirm(f"{what}?", err=True):
        raise Interrupted("nothing was changed")
