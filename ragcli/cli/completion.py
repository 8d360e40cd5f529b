"""What Tab offers in a shell where a collection, a session or an indexed document is named.

Nothing here may fail, or take longer than a keystroke: no settings are read and nothing is asked over a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ragcli.store.layout import Home

MOST = 200
"""Names that are offered; a shell asks before it lists more."""


def collections(ctx: typer.Context, incomplete: str) -> list[str]:
    return offered(lambda: (place.name for place in _home(ctx).collections()), incomplete)


def sessions(ctx: typer.Context, incomplete: str) -> list[str]:
    def names() -> Iterable[str]:
        from ragcli.store.sessions import SQLiteSessions

        return SQLiteSessions(_home(ctx).path / "sessions.db").names()

    return offered(names, incomplete)


def documents(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of files; full paths once a folder's name is begun."""

    def names() -> Iterator[str]:
        from ragcli.store.catalog import Catalog

        name = ctx.params.get("collection") or "default"
        with Catalog.read(_home(ctx).collection(name)) as catalog:
            paths = [document.path for document in catalog.documents()]
        yield from paths if os.sep in incomplete else (Path(path).name for path in paths)
        yield from (os.path.relpath(path) for path in paths)

    return offered(names, incomplete)


def _home(ctx: typer.Context) -> Home:
    from ragcli.cli.context import Context
    from ragcli.store.layout import Home

    return Home(Context(ctx.find_root().params.get("home")).home_folder())


def offered(names: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    found: dict[str, None] = {}
    with suppress(Exception):  # a shell has no use for the reason
        # A name may hold control sequences, which a shell would show as they are.
        found = dict.fromkeys(name for name in names() if name.startswith(incomplete) and name.isprintable())
    return list(found)[:MOST]
