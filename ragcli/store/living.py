"""Which of the ids that an index finds count: a question that most collections answer once, not at every search."""

from __future__ import annotations

from collections.abc import Sequence

from ragcli.store.catalog import Catalog


class Living:
    """An index that holds every chunk that counts, and no more of them than count, holds nothing else.

    Then the catalog need not look up the hundreds of rows that a search finds. This is so after every ingest that only
    added; the answer stands for one generation.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._checked = (-1, -1)
        self._all = False

    def among(self, ids: Sequence[int], total: int, generation: int) -> set[int]:
        """Those of the ids that count, out of an index of that generation that holds all that do, `total` entries."""
        now = (generation, total)
        if now != self._checked:
            self._all = self._catalog.counts().chunks == total
            self._checked = now
        return set(ids) if self._all else self._catalog.live(ids)
