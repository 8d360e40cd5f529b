"""Which files there are below the given paths: a lazy, sorted walk that obeys ignore files and survives anything."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from ragcli.errors import UsageError
from ragcli.types import Failure, File

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec, PathSpec, Pattern

IGNORE_FILES = (".gitignore", ".ragcliignore")
VCS_FOLDERS = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "CVS", "_darcs"})
_NOT_SHOWN = (".", "~$")  # hidden files, and what Office leaves beside an open document
_LEFT_BEHIND = ("~", ".crdownload", ".part", "___jb_tmp___", "___jb_old___")  # by editors and browsers
_WINDOWS = os.name == "nt"
_name = attrgetter("name")


def discover(
    paths: Sequence[str],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_bytes: int,
    follow_symlinks: bool = False,
    only: Collection[str] | None = None,
) -> Iterator[File | Failure]:
    """The files at and below `paths`, each once, folder by folder in the order of their names.

    A path that names a file is always tried; below a folder, hidden files, what editors leave, version control folders,
    what ignore files name, and links that lead out of the folder or to themselves are left out. With `only`, the same
    walk of `paths` visits nothing but what is at or below these absolute paths. Raises UsageError at once when a path
    does not exist; with `only` that is a failure like any other.
    """
    given = sorted({os.path.abspath(path) for path in paths})
    for path in given:
        if only is None and not os.path.lexists(path):
            raise UsageError(f"{printable(path)} does not exist", remedy="check the path")
    walk = _Walk(
        include=_spec(include),
        exclude=_spec(exclude),
        max_bytes=max_bytes,
        follow_symlinks=follow_symlinks,
        named=frozenset(path for path in given if not os.path.isdir(path)),
        seen=set() if len(given) > 1 else None,
        wanted=None if only is None else _Wanted(only),
    )
    return walk.all(given)


def printable(path: str) -> str:
    """The path with what is not valid Unicode as escapes."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Rules(Struct, frozen=True):
    """The ignore files of one folder; patterns are relative to `base`."""

    base: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, *, folder: bool) -> bool | None:
        """True: ignored. False: taken back by a `!` pattern. None: these rules do not speak of it."""
        relative = _relative(path, self.base)
        return self.spec.check_file(relative + "/" if folder else relative).include


class _Folder(Struct, frozen=True):
    """A folder to go into, and the rules that hold there."""

    path: str
    rules: tuple[_Rules, ...]


class _Wanted:
    """The part of a tree that a walk is to visit."""

    def __init__(self, only: Collection[str]) -> None:
        self._only = frozenset(only)
        self._above = {parent for path in self._only for parent in _parents(path)}

    def whole(self, path: str) -> bool:
        return path in self._only or any(parent in self._only for parent in _parents(path))

    def below(self, path: str) -> bool:
        """Given that its folder is not wanted as a whole."""
        return path in self._only or path in self._above


class _Walk(Struct):
    include: PathSpec[Pattern] | None
    exclude: PathSpec[Pattern] | None
    max_bytes: int
    follow_symlinks: bool
    named: frozenset[str]
    seen: set[str] | None
    wanted: _Wanted | None = None

    def all(self, given: Sequence[str]) -> Iterator[File | Failure]:
        for path in given:
            if self.wanted is not None and not self.wanted.whole(path) and not self.wanted.below(path):
                continue
            found = self._below(path) if path not in self.named else self._given(path)
            yield from found if self.seen is None else self._unseen(found, self.seen)

    def _unseen(self, found: Iterator[File | Failure], seen: set[str]) -> Iterator[File | Failure]:
        for item in found:
            if item.path not in seen:
                seen.add(item.path)
                yield item

    def _given(self, path: str) -> Iterator[File | Failure]:
        if (file := self._file(path)) is not None:
            yield file

    def _below(self, root: str) -> Iterator[File | Failure]:
        visited = {os.path.realpath(root)}
        # A stack of folders, not recursion: they may be nested deeper than Python's stack.
        waiting = [self._entries(root, root, _rules_above(root), visited)]
        while waiting:
            for found in waiting[-1]:
                if isinstance(found, _Folder):
                    waiting.append(self._entries(found.path, root, found.rules, visited))
                    break
                yield found
            else:
                waiting.pop()

    def _entries(
        self, folder: str, root: str, rules: tuple[_Rules, ...], visited: set[str]
    ) -> Iterator[File | Failure | _Folder]:
        """What is to be told of one folder: most of a run that finds nothing changed is spent here."""
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=_name)
        except OSError as error:
            yield Failure(printable(folder), "unreadable", f"cannot list this folder: {_reason(error)}")
            return
        if own := _rules_of(folder, [entry.name for entry in entries if entry.name in IGNORE_FILES]):
            rules = (*rules, own)
        wanted = None if self.wanted is None or self.wanted.whole(folder) else self.wanted
        selective = bool(rules or self.include or self.exclude)
        for entry in entries:
            name, path = entry.name, entry.path
            if wanted is not None and not wanted.below(path):
                continue
            if name.startswith(_NOT_SHOWN) or name.endswith(_LEFT_BEHIND) or name[0] == name[-1] == "#":
                continue
            if name in VCS_FOLDERS or (_WINDOWS and _is_hidden(entry)):
                continue
            if not name.isascii() and printable(name) != name:
                yield Failure(printable(path), "unreadable", "its name is not valid Unicode; rename it")
                continue
            link = entry.is_symlink()
            if link and self._link_target(entry, root) is None:
                continue
            if _is_folder(entry):
                if link or self.follow_symlinks:
                    real = os.path.realpath(path)
                    if real in visited:
                        continue
                    visited.add(real)
                if not (selective and self._left_out(path, root, rules, folder=True)):
                    yield _Folder(path, rules)
            elif not (selective and self._left_out(path, root, rules, folder=False)) and (file := self._file(path)):
                yield file

    def _left_out(self, path: str, root: str, rules: tuple[_Rules, ...], *, folder: bool) -> bool:
        if path in self.named:
            return False
        for rule in reversed(rules):  # the nearest file that speaks of a path decides
            verdict = rule.verdict(path, folder=folder)
            if verdict is not None:
                if verdict:
                    return True
                break
        if self.include is None and self.exclude is None:
            return False
        relative = _relative(path, root)
        if self.exclude and self.exclude.match_file(relative + "/" if folder else relative):
            return True
        return not folder and self.include is not None and not self.include.match_file(relative)

    def _link_target(self, entry: os.DirEntry[str], root: str) -> str | None:
        """Where a link leads if it is to be followed.

        A link that stays in the folder is followed only to what the walk would not find by itself.
        """
        if entry.path in self.named or self.follow_symlinks:
            return entry.path
        target = os.path.realpath(entry.path)
        inside = os.path.relpath(target, os.path.realpath(root)) if _same_drive(target, root) else os.pardir
        parts = inside.split(os.sep)
        if parts[0] == os.pardir:
            return None
        hidden = any(part.startswith(".") or part in VCS_FOLDERS for part in parts)
        dangling = not os.path.exists(target)
        return entry.path if dangling or (hidden and not os.path.isdir(target)) else None

    def _file(self, path: str) -> File | Failure | None:
        """None for what is no file and was not asked for by its name."""
        named = path in self.named
        if not path.isascii() and printable(path) != path:
            return Failure(printable(path), "unreadable", "its name is not valid Unicode; rename it", named)
        try:
            status = os.stat(path)
        except OSError as error:
            if error.errno == errno.ELOOP and not named:
                return None
            reason = "a link that leads nowhere" if os.path.islink(path) else f"cannot be read: {_reason(error)}"
            return Failure(path, "unreadable", reason, named)
        if not stat.S_ISREG(status.st_mode):
            return Failure(path, "unreadable", "a device, pipe or socket, not a file", named) if named else None
        if status.st_size > self.max_bytes:
            size, limit = status.st_size / 2**20, self.max_bytes / 2**20
            reason = f"{size:,.0f} MB, more than ingest.max_file_mb allows ({limit:,.0f} MB)"
            return Failure(path, "too_large", reason, named)
        return File(path, status.st_size, status.st_mtime_ns, named)


def _spec(patterns: Sequence[str]) -> PathSpec[Pattern] | None:
    if not patterns:
        return None
    from pathspec import PathSpec

    try:
        return PathSpec.from_lines("gitignore", patterns)
    except ValueError as error:
        raise UsageError(f"not a glob: {error}", remedy="write it as in .gitignore") from error


def _rules_of(folder: str, names: Sequence[str]) -> _Rules | None:
    lines: list[str] = []
    for name in names:
        try:
            with open(os.path.join(folder, name), encoding="utf-8-sig", errors="replace") as file:
                lines += file.read(1_000_000).splitlines()
        except OSError:
            continue
    if not lines:
        return None
    from pathspec import GitIgnoreSpec

    good: list[str] = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:  # git ignores a line that it cannot read, too
            continue
        good.append(line)
    return _Rules(folder, GitIgnoreSpec.from_lines(good))


def _rules_above(root: str) -> tuple[_Rules, ...]:
    """The ignore files between a folder and the top of its repository, outermost first.

    None of them where they ignore the folder itself: whoever names an ignored folder wants what is in it.
    """
    above: list[str] = []
    folder = root
    while not os.path.isdir(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return ()
        above.append(parent)
        folder = parent
    rules = tuple(found for parent in reversed(above) if (found := _rules_of(parent, IGNORE_FILES)))
    for rule in reversed(rules):
        path = root
        while path != rule.base:
            if rule.verdict(path, folder=True):
                return ()
            path = os.path.dirname(path)
    return rules


def _parents(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    """By its attribute, on Windows."""
    attributes: int = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    return bool(attributes & getattr(stat, "FILE_ATTRIBUTE_HIDDEN", 2))


def _relative(path: str, base: str) -> str:
    """The path below `base`, with slashes."""
    return path[len(base) :].lstrip(os.sep).replace(os.sep, "/")


def _same_drive(one: str, other: str) -> bool:
    return os.path.splitdrive(one)[0] == os.path.splitdrive(os.path.realpath(other))[0]


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
