"""The JSON that `--json` and `--stream-json` print: stable, `"schema": 1`, one function a document.

Milliseconds have one decimal, scores six; absent values are null, never left out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from ragcli.errors import RagcliError
from ragcli.types import Answer, Failure, IngestReport, Retrieval, Source, StoredChunk

if TYPE_CHECKING:
    from ragcli.types import Event

Document = dict[str, Any]
SCHEMA = 1


def emit(document: Document | list[Document]) -> None:
    """One line of JSON on stdout, at once."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()


def failure(error: RagcliError, *, event: bool = False) -> Document:
    return {"schema": SCHEMA} | ({"event": "done"} if event else {}) | {"error": _error(error)}


def _error(error: RagcliError) -> Document:
    return {"kind": error.kind, "message": str(error)}


def source(item: Source) -> Document:
    return {
        "n": item.n,
        "path": item.path,
        "title": item.title,
        "format": item.format,
        "page": item.page,
        "lines": item.lines,
        "heading": item.heading,
        "score": round(item.score, 6),
        "text": item.text,
    }


def hit(item: Source) -> Document:
    scores = {name: _rounded(getattr(item.scores, name)) for name in ("keyword", "vector", "fused", "rerank")}
    return source(item) | {"scores": scores}


def search(retrieval: Retrieval) -> Document:
    return {
        "schema": SCHEMA,
        "query": retrieval.query,
        "mode": retrieval.mode,
        "hits": [hit(item) for item in retrieval.sources],
    }


def answer(result: Answer, error: RagcliError | None = None) -> Document:
    document: Document = {
        "schema": SCHEMA,
        "question": result.question,
        "answer": result.answer,
        "finish": result.finish,
        "grounded": result.grounded,
        "sources": [source(item) | {"cited": item.n in result.cited} for item in result.sources],
        "citations": [
            {"n": citation.n, "sentence": citation.sentence, "verdict": citation.verdict}
            for citation in result.citations
        ],
        "provider": result.provider,
        "model": result.model,
        "usage": {
            "prompt_tokens": result.usage.prompt_tokens,
            "completion_tokens": result.usage.completion_tokens,
            "total_tokens": result.usage.total_tokens,
            "estimated": result.usage.estimated,
        },
        "cache": result.cache,
        "timings": {
            name: _rounded(getattr(result.timings, name), 1) for name in ("retrieve_ms", "first_token_ms", "total_ms")
        },
        "session": result.session,
    }
    return document | ({"error": _error(error)} if error else {})


def event(item: Event) -> Document | None:
    """One line of `--stream-json`; None for events that scripts do not get."""
    from ragcli.types import Done, Notice, Reasoning, Rewritten, SourcesFound, Token

    match item:
        case Rewritten(question):
            return {"event": "rewritten", "question": question}
        case SourcesFound(retrieval):
            return {"event": "sources", "sources": [hit(found) for found in retrieval.sources]}
        case Token(text):
            return {"event": "token", "text": text}
        case Reasoning(text):
            return {"event": "reasoning", "text": text}
        case Notice(kind, message, wait_s):
            return {"event": "notice", "kind": kind, "message": message, "wait_s": wait_s}
        case Done(result, error):
            return {"event": "done"} | answer(result, error)
        case _:
            return None


def ingest(report: IngestReport) -> Document:
    return {
        "schema": SCHEMA,
        "collection": report.collection,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "failed": [failed(item) for item in report.failed],
        "documents": report.documents,
        "chunks": report.chunks,
        "embedded_chunks": report.embedded_chunks,
        "seconds": round(report.seconds, 3),
    }


def failed(item: Failure) -> Document:
    return {"path": item.path, "kind": item.kind, "message": item.message}


def shown(path: str, title: str, format_: str, chunks: list[StoredChunk]) -> Document:
    return {
        "schema": SCHEMA,
        "path": path,
        "title": title,
        "format": format_,
        "chunks": [
            {"n": chunk.n, "text": chunk.text, "heading": chunk.heading, "page": chunk.page, "lines": chunk.lines}
            for chunk in chunks
        ],
    }


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(value, digits)
