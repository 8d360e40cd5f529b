"""What is printed of measurements, stored answers, health and settings."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType, field

from ragcli.cli.shapes.base import Document, Error, Shape


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
