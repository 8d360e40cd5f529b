"""What confidence costs and what it saves: questions refused where something answers them, and where nothing does.

Each set is a collection. It is asked its own questions, those of its own that it has no passage for, and those of every
other set given; a question counts as refused where the confidence of `ragcli search` lies below a threshold.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import environment, say
from sets import QuestionSet, export, ingest

from ragcli.app import Workspace
from ragcli.config import Settings
from ragcli.retrieve.confidence import THRESHOLD
from ragcli.retrieve.fuse import in_spaceless_script

THRESHOLDS = sorted({0.1, 0.3, 0.4, 0.6, 0.7, 0.9, THRESHOLD})
STRANGERS = 250
"""Questions of each other set, evenly spread over it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Confidence in each question of a kind."""

    folder: str
    kind: str
    confidence: Sequence[float]

    def refused(self, threshold: float) -> float:
        """Per cent."""
        return 100 * sum(sure < threshold for sure in self.confidence) / len(self.confidence)


def print_refusals(folders: Sequence[Path]) -> None:
    """Raises Failed, and OSError, ValueError or KeyError for a folder that holds no set."""
    sets = {folder.resolve().name: QuestionSet.read(folder) for folder in folders}
    heads = "".join(f"{f'< {threshold:g}':>8}" for threshold in THRESHOLDS)
    say(f"\nrefused, in %, where the confidence is below a threshold; {THRESHOLD:g} is the one in force")
    say(f"{'folder':<18} {'questions':<30} {'':>5}{heads}")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        for title, folder in zip(sets, folders, strict=True):
            docs = Path(name) / title
            export(folder, docs)
            ingest(docs, environment(home), collection=title)
        for row in asyncio.run(_ask_all(home, sets)):
            cells = "".join(f"{row.refused(threshold):>8.1f}" for threshold in THRESHOLDS)
            say(f"{row.folder:<18} {row.kind:<30} {len(row.confidence):>5}{cells}")


async def _ask_all(home: Path, sets: Mapping[str, QuestionSet]) -> list[Asked]:
    """A row for each folder and kind of question, then one for all strangers of the same language together."""
    workspace = Workspace(home, Settings())
    rows: list[Asked] = []
    alike: list[float] = []
    for folder, own in sets.items():
        kinds = {"its own": own.answered, "its own, without an answer": own.unanswered}
        for name, other in sets.items():
            if name != folder:
                kinds[f"of {name}"] = other.answered[:: -(-len(other.answered) // STRANGERS)]
        async with workspace.open(folder) as opened:
            for kind, questions in kinds.items():
                if questions:
                    found = [await opened.retriever.search(text) for text in questions]
                    rows.append(Asked(folder, kind, [retrieval.confidence for retrieval in found]))
                    if kind.startswith("of ") and _unspaced(questions) == _unspaced(own.answered):
                        alike += rows[-1].confidence
    return [*rows, Asked("all", "of another set, same script", alike)] if alike else rows


def _unspaced(questions: Iterable[str]) -> bool:
    """Most of them are Chinese, Japanese or Korean."""
    told = [in_spaceless_script(question) for question in questions]
    return 2 * sum(told) > len(told)
