"""What flows through an ingest: files, documents, chunks, and what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from ragcli.types.common import Lines, Notice

if TYPE_CHECKING:
    from ragcli.errors import RagcliError


class File(Struct, frozen=True):
    """A file that discovery found. `path` is absolute; `named` tells that the user gave this very path."""

    path: str
    size: int
    mtime_ns: int
    named: bool = False


class Document(Struct, frozen=True):
    """The text that was read from a file.

    `pages` holds the offset in `text` at which each page starts (empty where the format has none).
    `lined` tells that lines of `text` are lines of the file, so that an editor can be sent to them.
    """

    path: str
    title: str
    format: str
    text: str
    pages: tuple[int, ...] = ()
    lined: bool = False
    markdown: bool = False


class Chunk(Struct, frozen=True):
    """A passage of a document: `text == document.text[start:end]`; `n` counts from 0 within the document."""

    n: int
    text: str
    start: int
    end: int
    heading: tuple[str, ...] = ()
    page: int | None = None
    lines: Lines | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """What came out of a file, ready to be embedded: one for most files, several in a row for a very large text.

    The `last` one completes the document; `sha256` is of the bytes that were read and is set on the last one.
    `hashes`, where there are any, are those of the passages, one a chunk, and the chunks are clean already.
    """

    path: str
    title: str
    format: str
    chunks: tuple[Chunk, ...]
    last: bool = True
    sha256: str = ""
    hashes: tuple[bytes, ...] = ()


class Passage(Struct, frozen=True):
    """A chunk on its way into the index.

    `hash` is of the text that is embedded: equal hashes share a vector. `vector` is float32 bytes of unit length.
    """

    chunk: Chunk
    hash: bytes
    vector: bytes = b""


class Version(Struct, frozen=True):
    """What an index remembers of a file, so that an unchanged one is not read again.

    Of a file that failed, `failure` is the kind and `message` the reason, and `id` and `sha256` are empty.
    """

    id: int
    size: int
    mtime_ns: int
    sha256: str
    failure: str = ""
    message: str = ""


class StoredDocument(Struct, frozen=True):
    """A document as the catalog keeps it; `bytes` is the size of its file, `indexed_at` in seconds since 1970.

    `state` is `ready`, or `pending` where its indexing was cut off and will be finished by the next ingest.
    """

    id: int
    path: str
    title: str
    format: str
    chunks: int
    bytes: int
    indexed_at: float
    state: str


class Counts(Struct, frozen=True):
    """What a collection holds; `pending` are documents whose indexing was cut off."""

    documents: int
    chunks: int
    failed: int
    pending: int


class StoredChunk(Struct, frozen=True):
    """A chunk as the catalog keeps it, with what is shown of its document."""

    id: int
    document_id: int
    path: str
    title: str
    format: str
    n: int
    text: str
    start: int
    end: int
    heading: tuple[str, ...] = ()
    page: int | None = None
    lines: Lines | None = None


class Failure(Struct, frozen=True):
    """A file that could not be indexed; `named` files count for the exit code whatever their kind."""

    path: str
    kind: str
    message: str
    named: bool = False


class IngestReport(Struct, frozen=True, kw_only=True):
    """What an ingest did, and what the collection holds after it."""

    collection: str
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: tuple[Failure, ...] = ()
    documents: int = 0
    chunks: int = 0
    embedded_chunks: int = 0
    seconds: float = 0.0
    complete: bool = True
    """False where the run was stopped before it had seen to everything."""
    dry_run: bool = False
    """True where all of this is what would be done."""

    @property
    def brought_anything(self) -> bool:
        return bool(self.added or self.updated or self.removed or self.failed)


class IngestProgress(Struct, frozen=True, kw_only=True):
    """How far an ingest is; `files` grows until discovery is `complete`; all counts are of this run.

    `done` counts files that are unchanged, indexed or failed; `chunks` those that are indexed.
    """

    files: int = 0
    done: int = 0
    chunks: int = 0
    embedded: int = 0
    failed: int = 0
    complete: bool = False


class Planned(Struct, frozen=True):
    """What a dry run would do with a file."""

    path: str
    action: Literal["add", "update", "remove"]


IngestEvent: TypeAlias = "Notice | Planned | Failure | IngestProgress | IngestReport"
"""The report is the last one; a failure is told when it happens and again in the report."""


class Postponed(Struct, frozen=True):
    """A round of a watch has failed; its changes are tried again after `wait_s` seconds."""

    error: RagcliError
    wait_s: float


class WatchEnded(Struct, frozen=True):
    """How a watch leaves the index: whether all that it had seen is in it, and what could not be indexed."""

    complete: bool
    failed: tuple[Failure, ...] = ()


WatchEvent: TypeAlias = "IngestEvent | Postponed | WatchEnded"
"""Each round is a run of ingest events that ends with its report, or with a postponement."""
