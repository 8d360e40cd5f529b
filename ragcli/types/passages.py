"""What a search finds."""

from __future__ import annotations

from msgspec import Struct, field

from ragcli.types.common import Lines, Mode, Notice


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
