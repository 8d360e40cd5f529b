"""What a person means who names documents, collections or sessions: exact names, ends of paths, folders, globs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.store.catalog import Catalog
    from ragcli.types import StoredDocument

GLOB_SIGNS = frozenset("*?[")
NAMED_IN_FULL = 3


def matching(catalog: Catalog, names: Sequence[str]) -> list[StoredDocument]:
    """The documents that the names mean: a path, the end of one, a folder or a glob. Raises UsageError for no match."""
    stored = list(catalog.documents())
    found: dict[int, StoredDocument] = {}
    for name in names:
        matches = [document for document in stored if means(name, document.path)]
        if not matches:
            raise UsageError(f"no indexed document matches {name!r}", remedy="see: ragcli list")
        found |= {document.id: document for document in matches}
    return list(found.values())


def means(name: str, path: str) -> bool:
    """Whether `name` means the document at `path`. In a glob `*` stays within one folder and `**` does not."""
    stored, parts = Path(path), Path(name).parts
    given = Path(os.path.abspath(name))
    if stored == given or given in stored.parents or (parts and stored.parts[-len(parts) :] == parts):
        return True
    if not GLOB_SIGNS.intersection(name):
        return False
    return stored.match(name) or ("**" in name and (fnmatchcase(path, name) or fnmatchcase(path, f"*/{name}")))


def named(names: Sequence[str], known: Sequence[str], *, what: str, listed: str) -> list[str]:
    """The known names that are given exactly or by globs, each once. Raises UsageError for one that means nothing."""
    found: dict[str, None] = {}
    for name in names:
        matches = [name] if name in known else [each for each in known if fnmatchcase(each, name)]
        if not matches:
            raise UsageError(f"there is no {what} {name!r}", remedy=f"see: {listed}")
        found |= dict.fromkeys(matches)
    return list(found)


def listing(names: Sequence[str], what: str) -> str:
    """`session 'a'`, or `4 sessions ('a', 'b', 'c', ...)`."""
    if len(names) == 1:
        return f"{what} {names[0]!r}"
    told = ", ".join(map(repr, names[:NAMED_IN_FULL])) + (", ..." if len(names) > NAMED_IN_FULL else "")
    return f"{len(names)} {what}s ({told})"
