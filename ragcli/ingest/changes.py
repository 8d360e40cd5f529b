"""What is different from the last time: told by size and mtime, then by hash, without reading any text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from ragcli.types import Failure, File, Version

_FINAL = ("empty", "no_text", "unsupported", "encrypted")
"""Kinds of failure that reading the same bytes again would not change."""


class Failed(Struct, frozen=True):
    """A file that could not be read, or not to its end; `file` is None where discovery could not even look at it."""

    failure: Failure
    file: File | None = None
    known: bool = False
    """Told without another attempt: the file is as it was when it failed."""


class Looked(Struct, frozen=True):
    """So many files were found as they were."""

    unchanged: int


class Changes(Struct):
    """Compares what is found with what was known; remembers what was seen."""

    ready: Mapping[str, Version]
    failed: Mapping[str, Version]
    force: bool = False
    touched: list[tuple[int, File]] = field(default_factory=list)
    """Documents whose file has another date and the same content, by id."""
    healed: list[str] = field(default_factory=list)
    """Files that failed and are again as they were when they were indexed."""
    files: int = 0
    _seen: set[str] = field(default_factory=set)
    _unseen: list[str] = field(default_factory=list)

    def sort(self, found: Iterable[File | Failure]) -> list[File | Failed | Looked]:
        """Files to be read, failures to be told, and the number of the others; a path counts once."""
        items: list[File | Failed | Looked] = []
        unchanged = 0
        for item in found:
            if item.path in self._seen:
                continue
            self._seen.add(item.path)
            self.files += 1
            if isinstance(item, Failure):
                self._unseen.append(item.path)
                items.append(Failed(item))
            elif (told := self._tell(item)) is not None:
                items.append(told)
            else:
                unchanged += 1
        items.append(Looked(unchanged))
        return items

    def gone(self, paths: Sequence[str], *, only_missing: bool) -> list[str]:
        """Known paths below the given ones that were not found this time; none below what could not be looked at.

        With `only_missing`, what is still there stays: it was left out by a filter of this run.
        """
        roots = [_folder(os.path.abspath(path)) for path in paths]
        dark = [_folder(path) for path in self._unseen]
        return [
            path
            for path in {**self.ready, **self.failed}
            if path not in self._seen
            and any(path.startswith(root) or path + os.sep == root for root in roots)
            and not any(path.startswith(folder) for folder in dark)
            and not (only_missing and os.path.lexists(path))
        ]

    def _tell(self, file: File) -> File | Failed | None:
        """The file where it must be read, its failure where that would be in vain, None where nothing has changed."""
        if self.force:
            return file
        ready, failed = self.ready.get(file.path), self.failed.get(file.path)
        if failed is not None:
            if failed.failure in _FINAL and (failed.size, failed.mtime_ns) == (file.size, file.mtime_ns):
                return Failed(Failure(file.path, failed.failure, failed.message, file.named), file, known=True)
        elif ready is not None and (ready.size, ready.mtime_ns) == (file.size, file.mtime_ns):
            return None
        if ready is not None and ready.size == file.size and ready.sha256 and ready.sha256 == _sha256(file.path):
            self.touched.append((ready.id, file))
            if failed is not None:
                self.healed.append(file.path)
            return None
        return file


def _sha256(path: str) -> str:
    """Empty where the file cannot be read: whoever reads it next tells why."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _folder(path: str) -> str:
    return path if path.endswith(os.sep) else path + os.sep
