"""The values that flow through ragcli, in the order in which they flow; all frozen.

File -> Document -> Chunk                                      (ingest)
Hit -> Source -> Retrieval -> Prompt -> answer events -> Answer   (ask, chat)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ragcli.errors import RagcliError

    Vector: TypeAlias = npt.NDArray[np.float32]
    """Shape (d,), unit length."""
    Vectors: TypeAlias = npt.NDArray[np.float32]
    """Shape (n, d), rows of unit length."""

Mode = Literal["hybrid", "keyword", "vector"]
Finish = Literal["stop", "length", "interrupted", "error"]
Verdict = Literal["supported", "unsupported", "unknown_source"]
CacheTier = Literal["miss", "memory", "disk", "redis", "semantic"]
Lines: TypeAlias = tuple[int, int]
"""First and last line, from 1, both inclusive."""


# --- ingest ------------------------------------------------------------------------------------------------


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


# --- retrieve ----------------------------------------------------------------------------------------------


class Scores(Struct, frozen=True, kw_only=True):
    """The score of a passage in each step; None where the step did not see it."""

    keyword: float | None = None
    vector: float | None = None
    fused: float | None = None
    rerank: float | None = None


class Ranks(Struct, frozen=True, kw_only=True):
    """The place of a passage among what each step saw, from 1; None where the step did not see it."""

    keyword: int | None = None
    vector: int | None = None
    fused: int | None = None


class Hit(Struct, frozen=True):
    """A chunk id with its scores, before its text is looked up."""

    id: int
    scores: Scores
    ranks: Ranks = Ranks()


class Source(Struct, frozen=True, kw_only=True):
    """A passage as it is shown and cited; `n` counts from 1. Joined neighbours make one source of several chunks."""

    n: int
    path: str
    title: str
    format: str
    text: str
    score: float
    page: int | None = None
    lines: Lines | None = None
    heading: tuple[str, ...] = ()
    scores: Scores = field(default_factory=Scores)
    ranks: Ranks = Ranks()
    chunk_ids: tuple[int, ...] = ()


class Retrieval(Struct, frozen=True, kw_only=True):
    """The outcome of a search, best source first.

    `confidence` in 0..1 estimates that the sources speak of what was asked; `relevant` is its verdict.
    """

    query: str
    mode: Mode
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    relevant: bool = False
    notices: tuple[Notice, ...] = ()
    ms: float = 0.0


# --- answer ------------------------------------------------------------------------------------------------


class Message(Struct, frozen=True):
    role: Literal["system", "user", "assistant"]
    content: str


class Gist(Struct, frozen=True):
    """What was said in the first `turns` of a chat, as the model summed it up; `digest` tells those from others."""

    turns: int
    digest: str
    text: str


class Turn(Struct, frozen=True):
    """One finished exchange of a chat; `gist` is of the turns before it, where they had grown too long to be told."""

    question: str
    answer: str
    gist: Gist | None = None


class SessionInfo(Struct, frozen=True):
    """A stored chat in a listing; moments in seconds since 1970, `bytes` of its exchanges together."""

    name: str
    exchanges: int
    bytes: int
    created_at: float
    updated_at: float


class Prompt(Struct, frozen=True, kw_only=True):
    """What a chat model is given: messages for a model that reads them, question and sources for one that does not."""

    question: str
    sources: tuple[Source, ...]
    messages: tuple[Message, ...]
    max_tokens: int | None = None


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one answer; `estimated` where the endpoint did not count them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    estimated: bool = True


class Delta(Struct, frozen=True, kw_only=True):
    """One piece of a model's stream; the last one carries `finish`."""

    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    usage: Usage | None = None


class Citation(Struct, frozen=True):
    """A sentence of the answer, the source it cites, and whether that source says so."""

    n: int
    sentence: str
    verdict: Verdict


class Timings(Struct, frozen=True, kw_only=True):
    """Milliseconds since the question was put; None where that moment never came."""

    retrieve_ms: float | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    tokens_per_s: float | None = None
    """Pieces of the answer a second, behind the first one."""


class Requests(Struct, frozen=True, kw_only=True):
    """What was counted of a model's requests since it was opened; `failures` by the kind of error, times are means."""

    started: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    first_item_ms: float | None = None
    items_per_s: float | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """The whole answer, as the last event carries it and `ask --json` prints it."""

    question: str
    answer: str = ""
    finish: Finish = "stop"
    grounded: bool = False
    sources: tuple[Source, ...] = ()
    citations: tuple[Citation, ...] = ()
    provider: str = ""
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    cache: CacheTier = "miss"
    timings: Timings = field(default_factory=Timings)
    session: str | None = None
    gist: Gist | None = None

    @property
    def cited(self) -> frozenset[int]:
        """Numbers of the sources that the answer cites."""
        return frozenset(citation.n for citation in self.citations)


class Rewritten(Struct, frozen=True):
    """The question as it is searched for, where a follow-up was made to stand alone."""

    question: str


class SourcesFound(Struct, frozen=True):
    """What retrieval found; answer with `Pick` to choose among them."""

    retrieval: Retrieval


class Token(Struct, frozen=True):
    """The next piece of the answer."""

    text: str


class Reasoning(Struct, frozen=True):
    """A piece of the model's reasoning: never part of the answer."""

    text: str


class Notice(Struct, frozen=True):
    """Something the user should know while waiting; `wait_s` is the length of a wait that begins now."""

    kind: str
    message: str
    wait_s: float | None = None


class Done(Struct, frozen=True):
    """The last event; `error` tells why the answer is missing or incomplete."""

    answer: Answer
    error: RagcliError | None = None


Event: TypeAlias = Rewritten | SourcesFound | Token | Reasoning | Notice | Usage | Done


class Pick(Struct, frozen=True):
    """Reply to `SourcesFound`: use only the sources with these numbers."""

    numbers: tuple[int, ...]


class Search(Struct, frozen=True):
    """Reply to `SourcesFound`: search with these words instead; the question stays, `SourcesFound` comes again."""

    query: str


class Stop(Struct, frozen=True):
    """Reply to any event: end here and keep what came."""


Reply: TypeAlias = Pick | Search | Stop
