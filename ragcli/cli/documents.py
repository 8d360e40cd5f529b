"""From ragcli's values to the JSON that is printed: one function a document, one line each.

Milliseconds have one decimal, scores six. What the documents look like is said in `shapes`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct

from ragcli.cli import shapes
from ragcli.errors import RagcliError
from ragcli.types import Answer, IngestReport, Retrieval, Scores, StoredChunk, StoredDocument, Timings
from ragcli.types import Source as FoundSource

if TYPE_CHECKING:
    from ragcli.types import Event


def emit(document: Struct | Sequence[Struct]) -> None:
    """One line of JSON on stdout, at once."""
    sys.stdout.write(line(document))
    sys.stdout.flush()


def line(document: Struct | Sequence[Struct]) -> str:
    """With its end of line."""
    return msgspec.json.encode(document).decode() + "\n"


def failure(error: RagcliError, *, event: bool = False) -> shapes.Failure:
    return (shapes.Aborted if event else shapes.Failure)(error=error_of(error))


def error_of(error: RagcliError) -> shapes.Error:
    return shapes.Error(kind=error.kind, message=str(error))


def _passage(item: FoundSource) -> dict[str, Any]:
    same = ("n", "path", "title", "format", "page", "lines", "heading", "text")
    return {name: getattr(item, name) for name in same} | {"score": round(item.score, 6)}


def hit(item: FoundSource) -> shapes.Hit:
    scores = {name: _rounded(getattr(item.scores, name), 6) for name in Scores.__struct_fields__}
    return shapes.Hit(**_passage(item), scores=Scores(**scores))


def search(retrieval: Retrieval, error: RagcliError | None = None) -> shapes.Search:
    hits = [hit(source) for source in retrieval.sources]
    failed = error_of(error) if error else msgspec.UNSET
    return shapes.Search(query=retrieval.query, mode=retrieval.mode, hits=hits, error=failed)


def answer(result: Answer, error: RagcliError | None = None) -> shapes.Ask:
    return shapes.Ask(**_answer(result, error))


def batched(identity: str | int, result: Answer, error: RagcliError | None = None) -> shapes.Batched:
    return shapes.Batched(**_answer(result, error), id=identity)


def _answer(result: Answer, error: RagcliError | None) -> dict[str, Any]:
    same = ("question", "answer", "finish", "grounded", "citations", "provider", "model", "usage", "cache", "session")
    timings = {name: _rounded(getattr(result.timings, name), 1) for name in Timings.__struct_fields__}
    cited = result.cited
    return {name: getattr(result, name) for name in same} | {
        "sources": [shapes.Source(**_passage(source), cited=source.n in cited) for source in result.sources],
        "timings": Timings(**timings),
        "error": error_of(error) if error else UNSET,
    }


def event(item: Event) -> Struct | None:
    """One line of `--stream-json`; None for events that scripts do not get."""
    from ragcli.types import Done, Notice, Reasoning, Rewritten, SourcesFound, Token

    match item:
        case Rewritten(question):
            return shapes.Rewritten(question=question)
        case SourcesFound(retrieval):
            return shapes.Sources(sources=[hit(source) for source in retrieval.sources])
        case Token(text):
            return shapes.Token(text=text)
        case Reasoning(text):
            return shapes.Reasoning(text=text)
        case Notice(kind, message, wait_s):
            return shapes.Notice(kind=kind, message=message, wait_s=wait_s)
        case Done(result, error):
            return shapes.Done(**_answer(result, error))
        case _:
            return None


def ingest(report: IngestReport, error: RagcliError | None = None) -> shapes.Ingest:
    same = ("collection", "added", "updated", "unchanged", "removed", "documents", "chunks", "embedded_chunks")
    return shapes.Ingest(
        **{name: getattr(report, name) for name in same},
        failed=[shapes.Unindexed(path=item.path, kind=item.kind, message=item.message) for item in report.failed],
        seconds=round(report.seconds, 3),
        error=error_of(error) if error else UNSET,
    )


def listed(document: StoredDocument) -> shapes.Listed:
    same = ("path", "title", "format", "chunks", "bytes", "state")
    indexed_at = moment(document.indexed_at) if document.indexed_at else None
    return shapes.Listed(**{name: getattr(document, name) for name in same}, indexed_at=indexed_at)


def shown(document: StoredDocument, chunks: Sequence[StoredChunk]) -> shapes.Shown:
    return shapes.Shown(
        path=document.path,
        title=document.title,
        format=document.format,
        chunks=[
            shapes.Chunk(n=chunk.n, text=chunk.text, heading=chunk.heading, page=chunk.page, lines=chunk.lines)
            for chunk in chunks
        ],
    )


def moment(seconds: float) -> str:
    """ISO 8601 in local time with its offset, of seconds since 1970."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
