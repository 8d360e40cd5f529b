"""The lines that a batch writes, to stdout or behind those that a file holds already."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ragcli.cli import documents
from ragcli.errors import UsageError


class _Former(Struct, frozen=True):
    """What a former run wrote of a question."""

    id: str | int
    question: str
    error: Any | UnsetType = UNSET


class Results:
    """Keeps each line as soon as it is written: a process that is killed loses none that came before.

    A file is first rid of what is to be done again: questions that failed, and a last line that was cut off.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises UsageError where the file cannot be written or holds something else."""
        self._path = path
        self._answered: Counter[tuple[str | int, str]] = Counter()
        self._stream: IO[str] = sys.stdout
        if path is not None:
            try:
                if path.is_file():
                    self._tidy(path)
                self._stream = path.open("a", encoding="utf-8", newline="\n")
            except OSError as exc:
                raise UsageError(f"cannot write {path}: {exc.strerror}", remedy="name another file with --out") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path is not None:
            self._stream.close()

    def take(self, identity: str | int, question: str) -> bool:
        """Whether there is an answer to this question already; each answer is for one question."""
        known = self._answered[identity, question] > 0
        if known:
            self._answered[identity, question] -= 1
        return known

    def write(self, line: Struct) -> None:
        self._stream.write(documents.line(line))
        self._stream.flush()

    def _tidy(self, path: Path) -> None:
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for number, line in enumerate(lines, start=1) if self._counts(line, number)]
        if kept == lines:
            return
        beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            beside.write_bytes(b"".join(kept))
            shutil.copymode(path, beside)
            os.replace(beside, path)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()

    def _counts(self, line: bytes, number: int) -> bool:
        """Whether a line is an answer that stays. Raises UsageError for one that no batch has written."""
        if not line.endswith(b"\n"):
            return False
        try:
            former = msgspec.json.decode(line, type=_Former)
        except msgspec.MsgspecError as exc:
            raise UsageError(
                f"line {number} of {self._path} was not written by a batch", remedy="name another file with --out"
            ) from exc
        if former.error is not UNSET:
            return False
        self._answered[former.id, former.question] += 1
        return True
