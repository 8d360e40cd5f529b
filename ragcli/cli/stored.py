"""What is indexed: `status`, `list`, `show`, `remove`, `collections`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from ragcli.cli import documents, shapes
from ragcli.cli.choose import listing, matching, named
from ragcli.cli.confirm import confirm
from ragcli.cli.loop import run_async
from ragcli.errors import StoreError, UsageError
from ragcli.text.clean import clean
from ragcli.text.figures import counted, size_text

if TYPE_CHECKING:
    from ragcli.cli.context import Context


def status(context: Context, collection: str, *, json: bool) -> int:
    with context.workspace().read(collection) as catalog:
        counts = catalog.counts()
        facts = shapes.Status(
            collection=catalog.name,
            documents=counts.documents,
            chunks=counts.chunks,
            failed=counts.failed,
            embedder=catalog.embedder,
            dimensions=catalog.dimensions,
            bytes_on_disk=catalog.place.bytes_on_disk(),
            generation=catalog.generation,
            pending=counts.pending,
        )
        failures = catalog.failures()
    if json:
        documents.emit(facts)
        return 0
    from ragcli.render.progress import failure_table

    out = context.out()
    for name in shapes.Status.__struct_fields__[1:]:
        value = getattr(facts, name) if name != "bytes_on_disk" else size_text(facts.bytes_on_disk)
        out.print(f"{name.replace('_', ' '):<14} {clean(str(value))}", highlight=False, markup=False)
    if failures:
        out.print(failure_table(failures))
    return 0


def list_documents(context: Context, paths: Sequence[str], collection: str, *, json: bool) -> int:
    with context.workspace().read(collection) as catalog:
        stored = matching(catalog, paths) if paths else list(catalog.documents())
    if json:
        documents.emit([documents.listed(document) for document in stored])
        return 0
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


def show(context: Context, paths: Sequence[str], collection: str, *, every: bool, json: bool) -> int:
    if not paths and not every:
        raise UsageError("no document named", remedy="name some as `ragcli list` shows them, or add --all")
    with context.workspace().read(collection) as catalog:
        for document in matching(catalog, paths) if not every else list(catalog.documents()):
            chunks = list(catalog.chunks_of(document.id))
            if json:
                documents.emit(documents.shown(document, chunks))
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


def remove(context: Context, paths: Sequence[str], collection: str, *, yes: bool, json: bool) -> int:
    workspace = context.workspace()
    with workspace.read(collection) as catalog:
        chosen = matching(catalog, paths)
    confirm(f"take {counted(len(chosen), 'document')} out of collection {collection!r}", yes=yes)

    async def main(_stop: asyncio.Event) -> int:
        removed = await workspace.remove(collection, [document.path for document in chosen])
        if json:
            paths_taken = [document.path for document in chosen]
            documents.emit(shapes.Removed(collection=collection, removed=removed, paths=paths_taken))
        elif not context.quiet:
            context.out().print(f"removed {counted(removed, 'document')}", highlight=False)
        return 0

    return run_async(main)


def list_collections(context: Context, *, json: bool) -> int:
    """A collection that cannot be read is listed with the reason; the exit code is that of the last such error."""
    workspace = context.workspace()
    rows, code = [], 0
    for name in workspace.collections():
        try:
            with workspace.read(name) as catalog:
                counts, size = catalog.counts(), catalog.place.bytes_on_disk()
            rows.append(
                shapes.Collection(collection=name, documents=counts.documents, chunks=counts.chunks, bytes_on_disk=size)
            )
        except StoreError as error:
            told = documents.error_of(error)
            rows.append(shapes.Collection(collection=name, documents=0, chunks=0, bytes_on_disk=0, error=told))
            code = error.exit_code
    if json:
        documents.emit(rows)
        return code
    out = context.out()
    for row in rows:
        holds = (
            row.error.message if row.error else f"{counted(row.documents, 'document')}, {counted(row.chunks, 'chunk')}"
        )
        out.print(clean(f"{row.collection}  {holds}"), highlight=False, markup=False, soft_wrap=True)
    return code


def delete_collections(context: Context, names: Sequence[str], *, yes: bool, json: bool) -> int:
    workspace = context.workspace()
    chosen = named(names, workspace.collections(), what="collection", listed="ragcli collections list")
    confirm(f"delete {listing(chosen, 'collection')} with everything that was indexed in it", yes=yes)

    async def main(_stop: asyncio.Event) -> int:
        for name in chosen:
            await workspace.delete(name)
            if not json and not context.quiet:
                context.out().print(f"deleted collection {clean(name)}", highlight=False, markup=False)
        if json:
            documents.emit(shapes.Deleted(deleted=chosen))
        return 0

    return run_async(main)
