"""What is indexed: `status`, `list`, `show`, `remove`, `collections`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from ragcli.cli import documents
from ragcli.cli.confirm import confirm
from ragcli.cli.loop import run_async
from ragcli.errors import UsageError
from ragcli.text.clean import clean

if TYPE_CHECKING:
    from ragcli.cli.context import Context
    from ragcli.store.catalog import Catalog
    from ragcli.types import StoredDocument


def status(context: Context, collection: str, *, json: bool) -> int:
    with context.workspace().read(collection) as catalog:
        counts, size = catalog.counts(), catalog.place.bytes_on_disk()
        facts = {
            "collection": catalog.name,
            "documents": counts.documents,
            "chunks": counts.chunks,
            "failed": counts.failed,
            "embedder": catalog.embedder,
            "dimensions": catalog.dimensions,
            "bytes_on_disk": size,
            "generation": catalog.generation,
            "pending": counts.pending,
        }
        failures = catalog.failures()
    if json:
        documents.emit({"schema": documents.SCHEMA} | facts)
        return 0
    from ragcli.render.progress import failure_table, size_text

    out = context.out()
    facts["bytes_on_disk"] = size_text(size)
    for name, value in facts.items():
        out.print(f"{name.replace('_', ' '):<14} {clean(str(value))}", highlight=False, markup=False)
    if failures:
        out.print(failure_table(failures))
    return 0


def list_documents(context: Context, collection: str, *, json: bool) -> int:
    with context.workspace().read(collection) as catalog:
        stored = list(catalog.documents())
    if json:
        documents.emit([_listed(document) for document in stored])
        return 0
    from ragcli.render.progress import size_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("chunks", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("format", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("path", overflow="fold")
    for document in stored:
        path = escape(clean(document.path))
        table.add_row(str(document.chunks), size_text(document.bytes), document.format, document.state, path)
    out = context.out()
    if out.is_terminal:
        out.print(table)
    else:  # for scripts: a path a line, never folded
        for document in stored:
            out.print(clean(document.path), soft_wrap=True, highlight=False, markup=False)
    return 0


def _listed(document: StoredDocument) -> documents.Document:
    indexed_at = datetime.fromtimestamp(document.indexed_at).astimezone().isoformat(timespec="seconds")
    return {
        "path": document.path,
        "title": document.title,
        "format": document.format,
        "chunks": document.chunks,
        "bytes": document.bytes,
        "indexed_at": indexed_at if document.indexed_at else None,
        "state": document.state,
    }


def show(context: Context, paths: Sequence[str], collection: str, *, every: bool, json: bool) -> int:
    if not paths and not every:
        raise UsageError("no document named", remedy="name some as `ragcli list` shows them, or add --all")
    with context.workspace().read(collection) as catalog:
        for document in matching(catalog, paths) if not every else list(catalog.documents()):
            chunks = list(catalog.chunks_of(document.id))
            if json:
                documents.emit(documents.shown(document.path, document.title, document.format, chunks))
                continue
            out = context.out()
            out.print(f"# {clean(document.path)}", style="bold", highlight=False, markup=False, soft_wrap=True)
            end = 0
            for chunk in chunks:
                overlap = max(0, end - chunk.start)
                gap = "\n" if chunk.start > end else ""
                out.print(gap + clean(chunk.text[overlap:]), end="", highlight=False, markup=False, soft_wrap=True)
                end = max(end, chunk.end)
            out.print("\n")
    return 0


def matching(catalog: Catalog, names: Sequence[str]) -> list[StoredDocument]:
    """The documents that the names mean: a path, the end of one, a folder or a glob. Raises UsageError for no match."""
    stored = list(catalog.documents())
    found: dict[int, StoredDocument] = {}
    for name in names:
        matches = [document for document in stored if _means(name, document.path)]
        if not matches:
            raise UsageError(f"no indexed document matches {name!r}", remedy="see: ragcli list")
        found |= {document.id: document for document in matches}
    return list(found.values())


def _means(name: str, path: str) -> bool:
    stored = Path(path)
    if any(sign in name for sign in "*?["):
        return stored.match(name)
    given = Path(os.path.abspath(name))
    return stored == given or given in stored.parents or stored.parts[-len(Path(name).parts) :] == Path(name).parts


def remove(context: Context, paths: Sequence[str], collection: str, *, yes: bool, json: bool) -> int:
    workspace = context.workspace()
    with workspace.read(collection) as catalog:
        chosen = matching(catalog, paths)
    confirm(f"take {len(chosen)} documents out of collection {collection!r}", yes=yes)

    async def main(_stop: asyncio.Event) -> int:
        removed = await workspace.remove(collection, [document.path for document in chosen])
        if json:
            found = [document.path for document in chosen]
            documents.emit({"schema": documents.SCHEMA, "collection": collection, "removed": removed, "paths": found})
        elif not context.quiet:
            context.out().print(f"removed {removed} documents", highlight=False)
        return 0

    return run_async(main)


def list_collections(context: Context, *, json: bool) -> int:
    workspace = context.workspace()
    rows = []
    for name in workspace.collections():
        with workspace.read(name) as catalog:
            counts = catalog.counts()
            rows.append(
                {
                    "collection": name,
                    "documents": counts.documents,
                    "chunks": counts.chunks,
                    "bytes_on_disk": catalog.place.bytes_on_disk(),
                }
            )
    if json:
        documents.emit(rows)
        return 0
    out = context.out()
    for row in rows:
        out.print(
            f"{clean(str(row['collection']))}  {row['documents']} documents, {row['chunks']} chunks",
            highlight=False,
            markup=False,
        )
    return 0


def delete_collection(context: Context, name: str, *, yes: bool, json: bool) -> int:
    workspace = context.workspace()
    if name not in workspace.collections():
        raise UsageError(f"there is no collection {name!r}", remedy="see: ragcli collections list")
    confirm(f"delete collection {name!r} with everything that was indexed in it", yes=yes)

    async def main(_stop: asyncio.Event) -> int:
        await workspace.delete(name)
        if json:
            documents.emit({"schema": documents.SCHEMA, "deleted": name})
        elif not context.quiet:
            context.out().print(f"deleted collection {clean(name)}", highlight=False, markup=False)
        return 0

    return run_async(main)
