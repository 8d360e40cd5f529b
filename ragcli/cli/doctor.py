"""`ragcli doctor`: does everything work, and the one command that mends what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from ragcli import __version__
from ragcli.cli import documents, shapes
from ragcli.cli.loop import run_async
from ragcli.cli.shapes import Check
from ragcli.errors import RagcliError
from ragcli.text.clean import clean

if TYPE_CHECKING:
    from ragcli.app import Workspace
    from ragcli.cli.context import Context

LOW_DISK_BYTES = 500_000_000
MODEL_SECONDS = 60.0
"""For a model, or its endpoint, to answer."""
PACKAGES = ("chromadb", "tantivy", "kreuzberg", "wordllama", "httpx2", "tiktoken")


def run(context: Context, *, json: bool) -> int:
    async def main(_stop: asyncio.Event) -> int:
        checks = [check async for check in _checks(context)]
        if json:
            documents.emit(shapes.Doctor(checks=checks))
        else:
            _print(context, checks)
        return 1 if any(check.state == "fail" for check in checks) else 0

    return run_async(main)


def _print(context: Context, checks: list[Check]) -> None:
    out = context.out()
    styles = {"ok": "green", "note": "yellow", "fail": "bold red"}
    width = max(len(check.name) for check in checks)
    for check in checks:
        out.print(f"{check.state:<5}", style=styles[check.state], end="")
        out.print(f"{check.name:<{width}}  {clean(check.message)}", soft_wrap=True)
        if check.remedy:
            out.print(f"{'':<{width + 7}}-> {clean(check.remedy)}", soft_wrap=True)


async def _checks(context: Context) -> AsyncIterator[Check]:
    yield Check("versions", "ok", _versions())
    for step in (_home, _disk, _terminal, _tiktoken):
        for check in _guarded(step.__name__.strip("_"), partial(step, context)):
            yield check
    try:
        workspace = context.workspace()
    except RagcliError as error:
        yield Check("configuration", "fail", error.message, error.remedy)
        return
    yield Check("configuration", "ok", str(context.config_file()))
    yield await _model("embedder", _embedder(workspace))
    yield await _model("reranker", _reranker(workspace))
    for check in _guarded("collections", partial(_collections, workspace)):
        yield check
    async for check in _endpoint(workspace):
        yield check


def _guarded(name: str, step: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from step()
    except RagcliError as error:
        yield Check(name, "fail", error.message, error.remedy)


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"ragcli {__version__}, Python {platform.python_version()} on {platform.platform()}; {packages}"


def _home(context: Context) -> Iterator[Check]:
    home = context.home_folder()
    if not home.exists():
        yield Check("home", "ok", f"{home} (made by the first ingest)")
        return
    if not os.access(home, os.W_OK):
        yield Check("home", "fail", f"{home} is not writable", f"chmod u+w '{home}', or choose another with --home DIR")
    elif os.name == "posix" and stat.S_IMODE(home.stat().st_mode) & 0o077:
        yield Check("home", "fail", f"{home} can be read by others", f"chmod -R go= '{home}'")
    else:
        yield Check("home", "ok", str(home))


def _disk(context: Context) -> Iterator[Check]:
    folder = context.home_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state: Literal["ok", "fail"] = "ok" if free >= LOW_DISK_BYTES else "fail"
    yield Check(
        "disk", state, f"{free / 1e9:.1f} GB free", "" if state == "ok" else "free space, or choose another --home"
    )


def _terminal(context: Context) -> Iterator[Check]:
    out = context.out()
    if not out.is_terminal:
        yield Check("terminal", "ok", f"stdout is no terminal; encoding {sys.stdout.encoding}")
        return
    colour = out.color_system or "no colour"
    yield Check("terminal", "ok", f"{out.width}x{out.height}, {colour}, {sys.stdout.encoding}")


def _tiktoken(_context: Context) -> Iterator[Check]:
    from ragcli.text.tokens import is_exact

    if is_exact("gpt-4o"):
        yield Check("tiktoken", "ok", "token counts are exact")
    else:
        yield Check(
            "tiktoken", "note", "its encodings are not on this machine: tokens are over-estimated, which is safe"
        )


async def _model(name: str, used: Awaitable[str]) -> Check:
    """Whether a model can be loaded and does its work; `used` says what it is."""
    try:
        return Check(name, "ok", await used)
    except TimeoutError:
        return Check(name, "fail", f"no answer in {MODEL_SECONDS:g} s", "see its settings: ragcli config show")
    except RagcliError as error:
        return Check(name, "fail", error.message, error.remedy)


async def _embedder(workspace: Workspace) -> str:
    from ragcli.app import STATIC, loading

    settings = workspace.settings.embedding
    async with aclosing(workspace.models.embedder(settings.model or STATIC, settings.dimensions)) as embedder:
        async for _notice in loading(embedder):
            pass
        async with asyncio.timeout(MODEL_SECONDS):
            await embedder.embed_query("ragcli")
        return embedder.id


async def _reranker(workspace: Workspace) -> str:
    async with workspace.models.reranker() as reranker:
        if reranker is not None:
            await reranker.load()
            async with asyncio.timeout(MODEL_SECONDS):
                await reranker.rerank("ragcli", ["ragcli is a terminal tool", "something else"])
    return workspace.settings.rerank.model


def _collections(workspace: Workspace) -> Iterator[Check]:
    from ragcli.store.stamps import faults

    names = workspace.collections()
    if not names:
        yield Check("collections", "note", "nothing is indexed yet", "ragcli ingest PATH")
    for name in names:
        option = "" if name == "default" else f" -c '{name}'"
        with workspace.read(name) as catalog:
            counts = catalog.counts()
            summary = f"{counts.documents} documents, {counts.chunks} chunks"
            if counts.failed:
                summary += f", {counts.failed} files could not be read (ragcli status{option})"
            wrong = faults(catalog)
            if wrong:
                yield Check(f"collection {name}", "fail", "; ".join(wrong), f"ragcli ingest{option} PATH")
            elif counts.pending:
                unfinished = f"{summary}; {counts.pending} documents were cut off"
                yield Check(f"collection {name}", "fail", unfinished, f"ragcli ingest{option} PATH")
            else:
                yield Check(f"collection {name}", "ok", summary)


async def _endpoint(workspace: Workspace) -> AsyncIterator[Check]:
    chat = workspace.settings.chat
    if chat.extractive or not (chat.api_key or chat.base_url):
        yield Check("model", "ok", "extractive answers; set OPENAI_API_KEY or OPENAI_BASE_URL for a model's")
        return
    try:
        names = await workspace.models.served()
    except RagcliError as error:
        yield Check("model", "fail", error.message, error.remedy or "check chat.base_url: ragcli config show")
        return
    if names and chat.model not in names:
        listed = ", ".join(names[:5])
        yield Check("model", "fail", f"the endpoint has no model {chat.model!r}", f"set RAGCLI_CHAT_MODEL: {listed}")
    else:
        yield Check("model", "ok", f"{chat.model} at {chat.base_url or 'api.openai.com'}")
