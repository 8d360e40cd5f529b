"""What is printed of what is stored: documents, collections, chats."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from ragcli.cli.shapes.answers import Ask
from ragcli.cli.shapes.base import Document, Error, Shape
from ragcli.types import Lines


class Unindexed(Shape, frozen=True, kw_only=True):
    """A file that could not be indexed."""

    path: str
    kind: str
    message: str


class Ingest(Document, frozen=True, kw_only=True):
    """`ingest --json`: what the run did, and what the collection holds after it; `error` where it was stopped."""

    collection: str
    added: int
    updated: int
    unchanged: int
    removed: int
    failed: list[Unindexed]
    documents: int
    chunks: int
    embedded_chunks: int
    seconds: float
    error: Error | UnsetType = UNSET


class Status(Document, frozen=True, kw_only=True):
    """`status --json`; `pending` are documents whose indexing was cut off and will be finished by the next ingest."""

    collection: str
    documents: int
    chunks: int
    failed: int
    embedder: str
    dimensions: int
    bytes_on_disk: int
    generation: int
    pending: int


class Listed(Shape, frozen=True, kw_only=True):
    """A document in `list --json`; `indexed_at` is ISO 8601, with its offset."""

    path: str
    title: str
    format: str
    chunks: int
    bytes: int
    indexed_at: str | None
    state: str


class Chunk(Shape, frozen=True, kw_only=True):
    """A chunk of a document; `n` counts from 0."""

    n: int
    text: str
    heading: tuple[str, ...]
    page: int | None
    lines: Lines | None


class Shown(Document, frozen=True, kw_only=True):
    """A line of `show --json`: a document with its text."""

    path: str
    title: str
    format: str
    chunks: list[Chunk]


class Removed(Document, frozen=True, kw_only=True):
    """`remove --json`: how many documents were taken out, and which."""

    collection: str
    removed: int
    paths: list[str]


class Collection(Shape, frozen=True, kw_only=True):
    """A collection in `collections list --json`; `error` where it cannot be read."""

    collection: str
    documents: int
    chunks: int
    bytes_on_disk: int
    error: Error | UnsetType = UNSET


class Deleted(Document, frozen=True, kw_only=True):
    """`collections delete --json`, `sessions delete --json`; `deleted` are the names."""

    deleted: list[str]


class SessionListed(Shape, frozen=True, kw_only=True):
    """A chat in `sessions list --json`; `bytes` of its exchanges together, moments in ISO 8601 with their offset."""

    name: str
    exchanges: int
    bytes: int
    created_at: str
    updated_at: str


class Session(Document, frozen=True, kw_only=True):
    """`sessions show --json`, `sessions export --json` and what `/export FILE.json` writes."""

    name: str
    exchanges: list[Ask]
