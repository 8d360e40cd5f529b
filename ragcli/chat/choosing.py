"""The choice of the sources of one answer, before it begins; it travels into the running generator as a reply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragcli.render.console import is_live
from ragcli.render.sources import print_sources, searched, snippet, source_line
from ragcli.types import Pick, Reply, Retrieval, Search, Source, Stop

if TYPE_CHECKING:
    from ragcli.chat.repl import Repl

EDIT = "e"
ALL = frozenset({"", "a", "all"})


class Choosing:
    """Lets the person choose among what was found, or search with other words; Ctrl-C stops the answer."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl

    async def __call__(self, retrieval: Retrieval) -> Reply | None:
        try:
            chosen = await (self._from_list(retrieval) if self._drawn else self._from_numbers(retrieval))
            if chosen is None:
                return await self._search(retrieval.query)
        except EOFError:
            return Stop() if self._repl.reader.interactive else None  # a pipe that has said all: use everything
        except KeyboardInterrupt:
            return Stop()
        if not chosen or len(chosen) == len(retrieval.sources):
            return None
        return Pick(chosen)

    @property
    def _drawn(self) -> bool:
        """Whether a list can be drawn and moved in."""
        return self._repl.reader.interactive and is_live(self._repl.out)

    async def _search(self, query: str) -> Reply | None:
        words = (await self._repl.reader.choose("Search for: ", query)).strip()
        return Search(words or query)

    async def _from_list(self, retrieval: Retrieval) -> tuple[int, ...] | None:
        """The numbers that were chosen, none for all of them; None to search with other words."""
        width = max(20, self._repl.out.width - 8)
        words = searched(retrieval.query)
        rows = [(source.n, *_lines(source, words, width)) for source in retrieval.sources]
        chosen = await self._repl.reader.select(rows)
        if chosen is not None:
            numbers = ", ".join(map(str, chosen)) or "all"
            self._repl.note(f"Sources: {numbers}")
        return chosen

    async def _from_numbers(self, retrieval: Retrieval) -> tuple[int, ...] | None:
        known = [source.n for source in retrieval.sources]
        console = self._repl.out if self._repl.reader.interactive else self._repl.err
        print_sources(console, retrieval.sources, query=retrieval.query)
        while True:
            text = (await self._repl.reader.choose("Use which? Enter: all, 1 3: these, e: other words ")).strip()
            if text.lower() == EDIT:
                return None
            if text.lower() in ALL:
                return ()
            if numbers := _numbers(text, known):
                return numbers
            self._repl.note(f"There are {', '.join(map(str, known))}.", "warning")


def _lines(source: Source, words: frozenset[str], width: int) -> tuple[str, str]:
    """Place and snippet, as the list under an answer has them, to fit a row each."""
    place = source_line(source, links=False).plain
    return place.partition(" ")[2], snippet(source.text, words, width).plain


def _numbers(text: str, known: Sequence[int]) -> tuple[int, ...]:
    """The numbers that the text names, none where it names others or says anything else."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if not set(numbers) <= set(known) or re.search(r"[^\d\s,，、]", text):
        return ()
    return tuple(dict.fromkeys(numbers))
