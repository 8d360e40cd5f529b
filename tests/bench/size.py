"""How much ragcli adds to a machine that has chromadb, openai and tiktoken already."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from measure import REPOSITORY, Row, say
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ragcli

BROUGHT_ANYWAY = ("chromadb", "openai", "tiktoken")
GOAL_MB = 200.0
HEAVY = frozenset({"torch", "tensorflow", "transformers"})


def closure(*names: str) -> set[str]:
    """Canonical names of the distributions that `pip install NAMES` brings here; what is not installed is left out."""
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(canonicalize_name(name))
        waiting.extend(_applicable(requirements, extras))
    return found


def _applicable(requirements: list[str], extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            yield requirement.name, frozenset(requirement.extras)


def megabytes(name: str) -> float:
    """Size on disk of the files in a distribution's RECORD, in MB of 10^6 bytes."""
    files = distribution(name).files or []
    paths = (Path(file.locate()) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def measure_size() -> list[Row]:
    mine = closure("ragcli")
    anyway = closure(*BROUGHT_ANYWAY)
    added = {name: megabytes(name) for name in mine - anyway}
    if REPOSITORY in Path(ragcli.__file__).parents:  # an editable install, whose RECORD does not list the package
        added["ragcli"] += sum(path.stat().st_size for path in Path(ragcli.__file__).parent.rglob("*.py")) / 1e6
    for name in BROUGHT_ANYWAY:
        if not closure(name):
            say(f"size: {name} is not installed here; what it shares with ragcli counts as ragcli's")
    if heavy := mine & HEAVY:
        say(f"size: ragcli must not bring {', '.join(sorted(heavy))}")
        return [Row("installed size", float("inf"), "MB", limit=GOAL_MB)]
    largest = sorted(added.items(), key=lambda item: -item[1])[:5]
    say("size: most of it is " + ", ".join(f"{name} {size:.0f} MB" for name, size in largest))
    return [
        Row(f"size over {' + '.join(BROUGHT_ANYWAY)}", sum(added.values()), "MB", limit=GOAL_MB),
        Row("size of everything that ragcli brings", sum(map(megabytes, mine)), "MB"),
    ]
