"""What all documents have in common."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


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
