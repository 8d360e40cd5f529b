"""Global options count wherever they stand: `ragcli ask -q ...` means `ragcli -q ask ...`."""

from __future__ import annotations

from collections.abc import Sequence

FLAGS = frozenset({"-q", "--quiet", "-v", "--verbose", "--no-color", "--debug"})
VALUED = ("--home", "--config", "--log-file")


def hoist(arguments: Sequence[str]) -> list[str]:
    """The arguments with global options moved before the command; what follows `--` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if argument == "--":
            rest += [argument, *pending]
            break
        if argument in FLAGS or argument.startswith(tuple(f"{name}=" for name in VALUED)):
            front.append(argument)
        elif argument in VALUED and pending:
            front += [argument, pending.pop(0)]
        else:
            rest.append(argument)
    return front + rest
