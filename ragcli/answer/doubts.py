"""Citations that do not hold are marked where they stand, also while the answer is being written: `[2]` -> `[2?]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragcli.types import Source

AHEAD = 12
"""Characters behind a sentence that decide where it ends: `Nov. 3` is one, `etc. However` two."""


class Doubts:
    """Judges each sentence as the check of the whole answer does, once, when it is complete."""

    def __init__(self, sources: Sequence[Source]) -> None:
        from ragcli.answer import verify  # its tables of words would delay the first token of a cold start

        self._verify = verify
        self._evidence = verify.Passages(sources)
        self._judged: dict[str, frozenset[int]] = {}

    def __call__(self, text: str, ended: bool) -> tuple[str, int]:
        """The text with its doubtful numbers marked, and how much of that stands whatever follows.

        `text` begins with a sentence; unless it has `ended`, its last one may go on.
        """
        prose = self._verify.without_code(text)
        marked, at, open_at = "", 0, len(text)
        for start, end in self._verify.statements(prose):
            if not ended and end + AHEAD > len(text):
                first = self._verify.MARK.search(prose, start)
                open_at = first.start() if first else open_at
                break
            for offset in self._doubtful(text[start:end], prose[start:end]):
                marked += text[at : start + offset] + "?"
                at = start + offset
        return marked + text[at:], len(marked) + open_at - at

    def _doubtful(self, sentence: str, prose: str) -> Iterator[int]:
        """Offsets behind the numbers of sources that do not confirm the sentence."""
        numbers = self._verify.numbers_in(prose)
        if not numbers:
            return
        if sentence not in self._judged:
            citations = self._verify.check(sentence, numbers, self._evidence)
            self._judged[sentence] = frozenset(one.n for one in citations if one.verdict != "supported")
        doubtful = self._judged[sentence]
        for mark in self._verify.MARK.finditer(prose) if doubtful else ():
            group = 1 if mark[1] else 2
            for part in re.finditer(r"\d[\d\s-]*", mark[group]):
                if doubtful.intersection(self._verify.numbers_in(f"[{part.group().rstrip()}]")):
                    yield mark.start(group) + part.start() + len(part.group().rstrip())
