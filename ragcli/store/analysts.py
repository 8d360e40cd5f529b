"""Processes that take texts apart into terms: half a millisecond a passage, which the interpreter's lock would make
the slowest step of an ingest.

They hold nothing and import no index. Where one dies, its share of the work is done here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from ragcli.ports import KeywordEntry
from ragcli.ports.store import AnalyzedEntry
from ragcli.store.keyword_fields import fields_of
from ragcli.streams.helper import Helper
from ragcli.streams.helper import serve as serve_requests
from ragcli.text.analyze import terms

MOST = 2
FEW = 64
"""Entries that are faster done here than sent away."""
_WARM = 256
"""Entries of one ingest after which processes are worth their start."""


class Analysts:
    """Analyzes entries, in processes of its own once there are many."""

    def __init__(self, count: int | None = None) -> None:
        self._count = min(MOST, (os.cpu_count() or 1) - 1) if count is None else count
        self._helpers: list[Helper] = []
        self._seen = 0

    def fields(self, entries: Sequence[KeywordEntry]) -> list[AnalyzedEntry]:
        self._seen += len(entries)
        if self._count < 1 or len(entries) < FEW or self._seen < _WARM:
            return _analyzed(entries)
        while len(self._helpers) < self._count:
            self._helpers.append(Helper(__name__, "serve"))
        share = -(-len(entries) // self._count)
        shares = [entries[start : start + share] for start in range(0, len(entries), share)]
        asked = [helper.send(msgspec.msgpack.encode(part)) for helper, part in zip(self._helpers, shares, strict=False)]
        found: list[AnalyzedEntry] = []
        for helper, part, sent in zip(self._helpers, shares, asked, strict=False):
            answer = helper.receive() if sent else None
            found += _analyzed(part) if answer is None else msgspec.msgpack.decode(answer, type=list[AnalyzedEntry])
        return found

    def close(self) -> None:
        helpers, self._helpers = self._helpers, []
        for helper in helpers:
            helper.close()


def serve() -> None:
    """The process: entries in, fields out."""
    serve_requests(
        lambda request: msgspec.msgpack.encode(_analyzed(msgspec.msgpack.decode(request, type=list[KeywordEntry])))
    )


def _analyzed(entries: Sequence[KeywordEntry]) -> list[AnalyzedEntry]:
    return [fields_of(entry, terms) for entry in entries]
