"""Retrieval sets as folders of files: what the benches of ranking and of refusals share.

A set is a folder in the usual shape: `corpus.jsonl` {id, title, text}, `queries.jsonl` {id, text} and `qrels.tsv`
(query id, passage id, gain; a gain above 0 is relevant). None is part of this repository. Each passage becomes a text
file, so it is read, cut and indexed as any file is.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Failed, ragcli, say

from ragcli.errors import PartialIngest

TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of a set, by whether a passage of it answers them."""

    answered: tuple[str, ...]
    unanswered: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> QuestionSet:
        known = relevant(folder / "qrels.tsv")
        asked = list(rows(folder / "queries.jsonl"))
        return cls(
            tuple(row["text"] for row in asked if row["id"] in known),
            tuple(row["text"] for row in asked if row["id"] not in known),
        )


def ingest(folder: Path, env: Mapping[str, str], *, collection: str = "default") -> None:
    """A passage that cannot be read is told and counts as not found. Raises Failed where it is more than that."""
    command = ragcli("ingest", folder, "-c", collection, "--json")
    done = subprocess.run(command, env=dict(env), capture_output=True, timeout=TIMEOUT_S, check=False)
    if done.returncode not in (0, PartialIngest.exit_code):
        raise Failed(f"ingest: exit code {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    if failed := json.loads(done.stdout)["failed"]:
        say(f"{len(failed)} passages could not be indexed, the first: {failed[0]['path']}: {failed[0]['message']}")


def export(folder: Path, target: Path) -> dict[str, str]:
    """One file a passage: title, blank line, text. Stems of the files by passage id."""
    target.mkdir()
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for row in rows(folder / "corpus.jsonl"):
        stem = re.sub(r"[^\w\-]", "_", row["id"])
        if stem.casefold() in taken:
            stem = f"{stem}_{len(taken)}"
        taken.add(stem.casefold())
        stems[row["id"]] = stem
        text = f"{row.get('title') or ''}\n\n{row['text']}".strip()
        (target / f"{stem}.txt").write_text(text + "\n", encoding="utf-8")
    return stems


def relevant(path: Path) -> dict[str, set[str]]:
    """Passage ids by query id."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        query, passage, gain = line.split("\t")[:3]
        if float(gain) > 0:
            found[query].add(passage)
    return dict(found)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
