"""`ragcli search`: retrieval alone, for one query or for a file of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from ragcli.cli import documents, shapes
from ragcli.cli.inputs import question_and_extra
from ragcli.cli.loop import run_async
from ragcli.errors import NothingRelevant, PartialIngest, UsageError
from ragcli.types import Mode

if TYPE_CHECKING:
    from ragcli.cli.context import Context


def run(
    context: Context,
    query: str | None,
    collection: str,
    *,
    k: int,
    mode: Mode,
    rerank: bool,
    explain: bool,
    json: bool,
) -> int:
    text, _ = question_and_extra(query)
    workspace = context.workspace()

    async def main(_stop: asyncio.Event) -> int:
        async with workspace.open(collection) as opened:
            retrieval = await opened.retriever.search(text, mode=mode, k=k, rerank=rerank)
        if json:
            documents.emit(documents.search(retrieval))
        else:
            from ragcli.render.sources import print_sources

            print_sources(context.out(), retrieval.sources, query=text, explain=explain)
        for notice in retrieval.notices:
            context.tell(notice.message)
        if retrieval.relevant:
            return 0
        if json:
            return NothingRelevant.exit_code
        raise NothingRelevant("nothing in the index speaks of this", remedy="try other words, or: ragcli list")

    return run_async(main)


class Query(Struct, frozen=True):
    """One line of a query file."""

    id: str
    text: str


def run_many(context: Context, file: Path, collection: str, *, k: int, mode: Mode, rerank: bool) -> int:
    """Answers a file of JSON lines {id, text} with JSON lines {id, hits, ms}, in order, over one open index."""
    workspace = context.workspace()
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read {file}: {exc}", remedy="give a file of JSON lines {id, text}") from exc

    async def main(stop: asyncio.Event) -> int:
        broken: list[str] = []
        notices: Counter[str] = Counter()
        async with workspace.open(collection) as opened:
            for query in _queries(lines, broken):
                if stop.is_set():
                    return 130
                start = time.perf_counter()
                retrieval = await opened.retriever.search(query.text, mode=mode, k=k, rerank=rerank)
                ms = round((time.perf_counter() - start) * 1000, 3)
                hits = [shapes.Found(path=item.path, score=round(item.score, 6)) for item in retrieval.sources]
                documents.emit(shapes.Query(id=query.id, hits=hits, ms=ms))
                notices.update({notice.message for notice in retrieval.notices})
        for message, count in notices.most_common():
            context.tell(f"{message} ({count} queries)")
        if broken:
            raise PartialIngest(
                f"{len(broken)} of {len(lines)} queries could not be read: {'; '.join(broken[:3])}",
                remedy="each line is JSON with a string id and a string text",
            )
        return 0

    return run_async(main)


def _queries(lines: list[str], broken: list[str]) -> Iterator[Query]:
    decode = msgspec.json.Decoder(Query).decode
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield decode(line)
            except msgspec.MsgspecError as exc:
                broken.append(f"line {number}: {exc}")
