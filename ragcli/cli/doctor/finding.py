"""What a check has found, and how to mend it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

from msgspec import Struct

from ragcli.cli.shapes import Check
from ragcli.errors import RagcliError

FIX = "ragcli doctor --fix"
Mend = Callable[[], Awaitable[str]]
"""Mends without loss and says what it did; raises RagcliError."""


class Finding(Struct, frozen=True):
    """A check, and what `--fix` may do about it."""

    check: Check
    mend: Mend | None = None

    @classmethod
    def ok(cls, name: str, message: str) -> Self:
        return cls(Check(name, "ok", message))

    @classmethod
    def note(cls, name: str, message: str, remedy: str = "", mend: Mend | None = None) -> Self:
        """Works, but less well than it could."""
        return cls(Check(name, "note", message, remedy), mend)

    @classmethod
    def fail(cls, name: str, message: str, remedy: str, mend: Mend | None = None) -> Self:
        return cls(Check(name, "fail", message, remedy), mend)

    @classmethod
    def of(cls, name: str, error: RagcliError, remedy: str = "ragcli config show") -> Self:
        """A failure in an error's own words."""
        return cls.fail(name, error.message, error.remedy or remedy)
