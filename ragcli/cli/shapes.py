"""What `--json` and `--stream-json` print: these shapes are encoded, and `ragcli schema` is made from them.

Absent values are null, never left out; only `error` stands where something went wrong and nowhere else.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from ragcli.types import CacheTier, Citation, Finish, Lines, Mode, Scores, Timings, Usage


class Shape(Struct, frozen=True, kw_only=True):
    """Anything that is printed as JSON."""


class Error(Shape, frozen=True, kw_only=True):
    """What went wrong: a name for programs, a line for people."""

    kind: str
    message: str


class Document(Shape, frozen=True, kw_only=True):
    """A whole document; `schema` is its version."""

    schema: Literal[1] = 1


class Failure(Document, frozen=True, kw_only=True):
    """What a command prints that failed before it had anything to say."""

    error: Error


# --- ask, search -------------------------------------------------------------------------------------------


class Passage(Shape, frozen=True, kw_only=True):
    """A passage; `page` and `lines` (first and last, from 1) where the format has them."""

    n: int
    path: str
    title: str
    format: str
    page: int | None
    lines: Lines | None
    heading: tuple[str, ...]
    score: float
    text: str


class Hit(Passage, frozen=True, kw_only=True):
    """A passage with its score in each step; null where the step did not see it."""

    scores: Scores


class Source(Passage, frozen=True, kw_only=True):
    """A passage that an answer was made from, and whether the answer cites it."""

    cited: bool


class Ask(Document, frozen=True, kw_only=True):
    """`ask --json`; timings are in milliseconds."""

    question: str
    answer: str
    finish: Finish
    grounded: bool
    sources: list[Source]
    citations: tuple[Citation, ...]
    provider: str
    model: str
    usage: Usage
    cache: CacheTier
    timings: Timings
    session: str | None
    error: Error | UnsetType = UNSET


class Search(Document, frozen=True, kw_only=True):
    """`search --json`, best hit first; with an error where nothing is relevant the hits are only the nearest."""

    query: str
    mode: Mode
    hits: list[Hit]
    error: Error | UnsetType = UNSET


class Found(Shape, frozen=True, kw_only=True):
    """A hit of `search --queries`."""

    path: str
    score: float


class Query(Shape, frozen=True, kw_only=True):
    """A line of `search --queries`."""

    id: str
    hits: list[Found]
    ms: float


# --- ask --stream-json -------------------------------------------------------------------------------------


class Event(Shape, frozen=True, kw_only=True, tag_field="event"):
    """A line of `ask --stream-json`."""


class Rewritten(Event, frozen=True, kw_only=True, tag="rewritten"):
    """The question as it is searched for."""

    question: str


class Sources(Event, frozen=True, kw_only=True, tag="sources"):
    """What was found."""

    sources: list[Hit]


class Token(Event, frozen=True, kw_only=True, tag="token"):
    """A piece of the answer."""

    text: str


class Reasoning(Event, frozen=True, kw_only=True, tag="reasoning"):
    """A piece of the model's reasoning, never part of the answer."""

    text: str


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """Something to know while waiting; `wait_s` is the length of a wait that begins now."""

    kind: str
    message: str
    wait_s: float | None


class Done(Ask, frozen=True, kw_only=True, tag_field="event", tag="done"):
    """The last line: the document of `ask --json`."""


class Aborted(Failure, frozen=True, kw_only=True, tag_field="event", tag="done"):
    """The last line where there is no answer at all."""


# --- ask --batch -------------------------------------------------------------------------------------------


class Batched(Ask, frozen=True, kw_only=True):
    """A line of `ask --batch`: `id` is the question's own, else the number of its line."""

    id: str | int


class Unread(Failure, frozen=True, kw_only=True):
    """A line of `ask --batch` for a line that held no question, which is quoted; `id` is its number."""

    id: str | int
    question: str


# --- what is indexed ---------------------------------------------------------------------------------------


class Unindexed(Shape, frozen=True, kw_only=True):
    """A file that could not be indexed."""

    path: str
    kind: str
    message: str


class Ingest(Document, frozen=True, kw_only=True):
    """`ingest --json`: what the run did, and what the collection holds after it."""

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
    """A chat in `sessions list --json`."""

    name: str
    exchanges: int
    updated_at: str


class Session(Document, frozen=True, kw_only=True):
    """`sessions show --json`."""

    name: str
    exchanges: list[Ask]


# --- the rest ----------------------------------------------------------------------------------------------


class Measures(Shape, frozen=True, kw_only=True):
    """Figures of one method in `eval --json`."""

    ndcg: float = field(name="ndcg@10")
    recall: float = field(name="recall@5")
    mrr: float = field(name="mrr@10")
    median_ms: float


class LinePath(Shape, frozen=True, kw_only=True):
    """A path in the file of `eval` that is not indexed."""

    line: int
    path: str


class LineMessage(Shape, frozen=True, kw_only=True):
    """A line in the file of `eval` that could not be read."""

    line: int
    message: str


class Counted(Shape, frozen=True, kw_only=True):
    """A notice, and how many questions had it."""

    message: str
    questions: int


class Evaluation(Document, frozen=True, kw_only=True):
    """`eval --json`; `results` by method."""

    collection: str
    questions: int
    results: dict[str, Measures]
    unmatched: list[LinePath]
    broken: list[LineMessage]
    notices: list[Counted]
    error: Error | UnsetType = UNSET


class Kept(Shape, frozen=True, kw_only=True):
    """A place that keeps answers or vectors; `trouble` says why nothing else is known of it."""

    place: str
    entries: int
    bytes: int
    max_bytes: int
    trouble: str


class CacheStats(Document, frozen=True, kw_only=True):
    """`cache stats --json`."""

    enabled: bool
    kept: list[Kept]


class CacheCleared(Document, frozen=True, kw_only=True):
    """`cache clear --json`."""

    cleared: int


class Check(Shape, frozen=True):
    """One thing that `doctor` looked at; only `fail` is wrong. `mended` tells what `--fix` did."""

    name: str
    state: Literal["ok", "note", "fail"]
    message: str
    remedy: str = ""
    mended: str = ""


class Doctor(Document, frozen=True, kw_only=True):
    """`doctor --json`."""

    checks: list[Check]


class Value(Shape, frozen=True, kw_only=True):
    """A setting in force, and where it came from."""

    value: Any
    origin: str


class Config(Document, frozen=True, kw_only=True):
    """`config show --json`; settings by key, secrets hidden."""

    file: str
    settings: dict[str, Value]


SHAPES: dict[str, tuple[Any, ...]] = {
    "ask": (Ask,),
    "event": (Rewritten, Sources, Token, Reasoning, Notice, Done, Aborted),
    "batch": (Batched, Unread),
    "ingest": (Ingest,),
    "search": (Search,),
    "queries": (Query,),
    "eval": (Evaluation,),
    "status": (Status,),
    "list": (list[Listed],),
    "show": (Shown,),
    "remove": (Removed,),
    "collections": (list[Collection], Deleted),
    "sessions": (list[SessionListed], Session, Deleted),
    "cache": (CacheStats, CacheCleared),
    "doctor": (Doctor,),
    "config": (Config,),
}
"""What each name of `ragcli schema` describes; every command may print a `Failure` instead."""
