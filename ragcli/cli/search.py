"""`ragcli search`: retrieval alone, for one query or for a file of them."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from ragcli.cli import documents, inputs, shapes
from ragcli.cli.inputs import content
from ragcli.cli.loop import run_async
from ragcli.errors import NothingRelevant, PartialIngest, UsageError, reason
from ragcli.retrieve.query import LONGEST
from ragcli.types import Mode, Retrieval

if TYPE_CHECKING:
    from ragcli.cli.context import Context

TOLD = 20
"""Broken lines of a query file that are told one by one."""


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
    text = inputs.query(query)
    if len(text) > LONGEST:
        context.tell(f"the query is {len(text):,} characters long: its first {LONGEST:,} are searched for")
    workspace = context.workspace()

    async def main(_stop: asyncio.Event) -> int:
        async with workspace.open(collection) as opened:
            retrieval = await opened.retriever.search(text, mode=mode, k=k, rerank=rerank)
        refusal = None if retrieval.relevant else _refusal(retrieval)
        if json:
            documents.emit(documents.search(retrieval, refusal))
        elif explain or refusal is None:
            from ragcli.render.sources import print_sources

            print_sources(context.out(), retrieval.sources, query=text, explain=explain)
        for notice in retrieval.notices:
            context.tell(notice.message)
        if refusal is None:
            return 0
        if json:
            return refusal.exit_code
        raise refusal

    return run_async(main)


def _refusal(retrieval: Retrieval) -> NothingRelevant:
    if not retrieval.sources:
        return NothingRelevant("nothing in the index matches this", remedy="try other words, or: ragcli list")
    return NothingRelevant(
        "nothing in the index speaks of this", remedy="try other words; --explain shows the nearest passages"
    )


class Query(Struct, frozen=True):
    """One line of a query file."""

    id: str | int
    text: str


def run_many(context: Context, file: Path, collection: str, *, k: int, mode: Mode, rerank: bool) -> int:
    """Answers a file of JSON lines {id, text} with JSON lines {id, hits, ms}, in order, over one open index."""
    workspace = context.workspace()
    lines = _lines(file)

    async def main(stop: asyncio.Event) -> int:
        broken: list[int] = []

        def skip(number: int, why: str) -> None:
            broken.append(number)
            if len(broken) <= TOLD:
                context.tell(f"line {number}: {why}")

        notices: Counter[str] = Counter()
        async with workspace.open(collection) as opened:
            for query in _queries(lines, skip):
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
                f"{len(broken)} of {len(lines)} lines could not be read: {_numbers(broken)}",
                remedy='each line is JSON: {"id": "...", "text": "..."}',
            )
        return 0

    return run_async(main)


def _lines(file: Path) -> list[bytes]:
    """Raises UsageError where there is none to read."""
    remedy = "give a file of JSON lines {id, text}"
    try:
        lines = content(file).removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {reason(exc)}", remedy=remedy) from exc
    if not any(line.strip() for line in lines):
        raise UsageError(f"{file} is empty", remedy=remedy)
    return lines if lines[-1].strip() else lines[:-1]


def _queries(lines: Sequence[bytes], skip: Callable[[int, str], None]) -> Iterator[Query]:
    decode = msgspec.json.Decoder(Query).decode
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
                skip(number, str(exc))


def _numbers(lines: Sequence[int]) -> str:
    told = ", ".join(map(str, lines[:TOLD]))
    return f"line{'s' if len(lines) > 1 else ''} {told}{', ...' if len(lines) > TOLD else ''}"
