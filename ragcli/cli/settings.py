"""`ragcli config`: the settings file, and what is in force."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import typer

from ragcli.config import reference, template, toml_value
from ragcli.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ragcli.cli.context import Context

HIDDEN = "(set, hidden)"


def without_credentials(address: str) -> str:
    """An address without the user and the password that may stand in it."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", address)


def show(context: Context, *, json: bool) -> int:
    loaded = context.load()
    rows = []
    for key, setting in reference().items():
        value = loaded.value(key)
        if isinstance(value, str):
            value = HIDDEN if setting.secret and value else without_credentials(value)
        rows.append((key, value, loaded.origins.get(key, "default")))
    if json:
        from ragcli.cli import documents, shapes

        values = {key: shapes.Value(value=value, origin=origin) for key, value, origin in rows}
        documents.emit(shapes.Config(file=str(context.config_file()), settings=values))
        return 0
    width = max(len(key) for key, _, _ in rows)
    for key, value, origin in rows:
        text = value if value == HIDDEN else toml_value(value)
        typer.echo(f"{key:<{width}}  {text}" + ("" if origin == "default" else f"  # {origin}"))
    return 0


def path(context: Context) -> int:
    typer.echo(str(context.config_file()))
    return 0


def init(context: Context, *, force: bool) -> int:
    file = context.config_file()
    if file.exists() and not force:
        raise UsageError(f"{file} exists already", remedy="edit it, or add --force to overwrite it")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(template())
    except OSError as exc:
        raise ConfigError(f"cannot write {file}: {exc.strerror}", remedy="choose another place with --config") from exc
    typer.echo(str(file))
    return 0
