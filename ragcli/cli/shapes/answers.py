"""What is printed of searches and answers: whole documents, lines of a stream, lines of a batch."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from ragcli.cli.shapes.base import Document, Error, Failure, Shape
from ragcli.types import CacheTier, Citation, Finish, Lines, Mode, Scores, Timings, Usage


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
    """A line of `search --queries`; `id` is the query's own."""

    id: str | int
    hits: list[Found]
    ms: float


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


class Batched(Ask, frozen=True, kw_only=True):
    """A line of `ask --batch`: `id` is the question's own, else the number of its line."""

    id: str | int


class Unread(Failure, frozen=True, kw_only=True):
    """A line of `ask --batch` for a line that held no question, which is quoted; `id` is its number."""

    id: str | int
    question: str
