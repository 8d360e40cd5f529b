"""What is stored: each collection with its catalog and indexes, what deletions left behind, and the sessions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.cli.doctor.finding import FIX, Finding
from ragcli.errors import StoreError

if TYPE_CHECKING:
    from ragcli.app import Workspace
    from ragcli.store.catalog import Catalog


def stored(workspace: Workspace) -> Iterator[Finding]:
    names = workspace.collections()
    if not names:
        yield Finding.note("collections", "nothing is indexed yet", "ragcli ingest PATH")
    for name in names:
        try:
            with workspace.read(name) as catalog:
                yield _collection(workspace, catalog)
        except StoreError as error:
            yield Finding.fail(f"collection {name}", error.message, f"ragcli collections delete '{name}'")
    yield from _left_over(workspace.home.path / "collections")
    try:
        yield Finding.ok("sessions", f"{len(workspace.sessions().names())} stored")
    except StoreError as error:
        yield Finding.of("sessions", error)


def _collection(workspace: Workspace, catalog: Catalog) -> Finding:
    from ragcli.store.stamps import faults
    from ragcli.text.figures import counted, size_text

    name, title = catalog.name, f"collection {catalog.name}"
    option = "" if name == "default" else f" -c '{name}'"
    catalog.check()
    counts = catalog.counts()
    size = size_text(catalog.place.bytes_on_disk())
    summary = f"{counted(counts.documents, 'document')}, {counted(counts.chunks, 'chunk')}, {size}"
    if counts.failed:
        summary += f"; {counts.failed} files could not be read (ragcli status{option})"
    if wrong := faults(catalog):

        async def rebuild() -> str:
            await workspace.remove(name, [])  # opens the collection for writing, which builds anew what is not sound
            return "built anew from the catalog, without embedding"

        return Finding.fail(title, "; ".join(wrong), FIX, rebuild)
    if counts.pending:
        cut_off = [document.path for document in catalog.documents() if document.state == "pending"]
        folder = os.path.commonpath([os.path.dirname(path) for path in cut_off]) if cut_off else "PATH"
        return Finding.fail(title, f"{summary}; {counts.pending} were cut off", f"ragcli ingest{option} '{folder}'")
    return Finding.ok(title, summary)


def _left_over(collections: Path) -> Iterator[Finding]:
    """Folders without a catalog: a deletion, or a first ingest, that was cut off."""
    if not collections.is_dir():
        return
    rests = [folder for folder in collections.iterdir() if folder.is_dir() and not (folder / "catalog.db").exists()]
    if not rests:
        return

    async def clear() -> str:
        for folder in rests:
            shutil.rmtree(folder, ignore_errors=True)
        return "deleted"

    yield Finding.note("left over", f"{len(rests)} folders of deleted collections", FIX, clear)
