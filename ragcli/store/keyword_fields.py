"""What the keyword index holds of a passage: its terms, field by field; apart from tantivy, to run in any process."""

from __future__ import annotations

from typing import Protocol

from ragcli.ports import KeywordEntry
from ragcli.ports.store import AnalyzedEntry
from ragcli.text.analyze import STOP_WORDS

_LONGEST_TITLE = 100  # characters; a longer one is the beginning of a text that has no title


class Analyze(Protocol):
    def __call__(self, text: str, *, keep_stop_words: bool = False) -> list[str]: ...


def fields_of(entry: KeywordEntry, analyze: Analyze) -> AnalyzedEntry:
    path = entry.path.replace("\\", "/")
    name = path.rpartition("/")[2]
    untitled = len(entry.title) > _LONGEST_TITLE or name.startswith(entry.title)
    body = analyze(entry.body, keep_stop_words=True)
    return entry.id, [
        ("path", path.lower()),
        ("body", " ".join([term for term in body if term not in STOP_WORDS])),
        ("common", " ".join([term for term in body if term in STOP_WORDS])),
        ("title", "" if untitled else " ".join(analyze(entry.title))),
        ("heading", " ".join(analyze(entry.heading))),
        ("name", " ".join(analyze(name))),
    ]
