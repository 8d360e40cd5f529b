"""How much of a question stands close together in a passage: what tells an answer from a scatter of the same words.

BM25 counts words wherever they stand. Here the passage is read through a window of a sentence or two, and the window
that holds the most of the question's weight speaks for the passage. (Tao and Zhai, "An Exploration of Proximity
Measures in Information Retrieval", 2007, compare such measures.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ragcli.text.hanzi import SIMPLIFIED

LATIN_WINDOW = 150
"""Characters: a sentence or two."""
UNSPACED_WINDOW = 30
"""The same in a script whose characters say as much as words."""

_FOLDS = SIMPLIFIED | {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
_THOUSANDS = re.compile(r"(?<=\d)[,\uff0c](?=\d{3}(?!\d))")
_FOLDED = frozenset(character for character in map(chr, _FOLDS) if character.isalnum())


class Closeness:
    """The terms of a question with their weights, made ready to be looked for in many texts."""

    def __init__(self, weight: Mapping[str, float]) -> None:
        """Terms as the analyzer makes them."""
        self._weight = telling(weight)
        self._total = sum(self._weight.values())
        self._unspaced = [term for term in self._weight if _unspaced(term)]
        self._stems = [(_stem(term), term) for term in self._weight if not _unspaced(term)]
        self._window = UNSPACED_WINDOW if self._unspaced else LATIN_WINDOW
        self._long_numbers = any(len(term) > 3 and term.isdecimal() for term in self._weight)

    def of(self, text: str) -> float:
        """The share of the weight that the best window of the text holds, in 0..1."""
        return self.read(text)[0]

    def read(self, text: str) -> tuple[float, set[str]]:
        """And the terms that stand in the text at all; single characters are left out where pairs say more."""
        if self._total <= 0:
            return 0.0, set()
        weight, window = self._weight, self._window
        if self._long_numbers:
            text = _THOUSANDS.sub("", text)
        found = self._found(text, _folded(text))
        held = dict.fromkeys(weight, 0)
        score = best = 0.0
        first = 0
        for position, term in found:
            if not held[term]:
                score += weight[term]
            held[term] += 1
            while found[first][0] < position - window:
                left = found[first][1]
                held[left] -= 1
                if not held[left]:
                    score -= weight[left]
                first += 1
            if score > best:
                best = score
        return best / self._total, {term for _, term in found}

    def _found(self, written: str, text: str) -> list[tuple[int, str]]:
        """Where each term begins in the folded text, in order. A stem begins a word; a very short one is all of it."""
        found: list[tuple[int, str]] = []
        find = text.find
        for term in self._unspaced:
            at = find(term)
            while at >= 0:
                found.append((at, term))
                at = find(term, at + len(term))
        for stem, term in self._stems:
            at = find(stem)
            while at >= 0:
                end = at + len(stem)
                begins = not at or _parts(text[at - 1]) or _begins_part(written, text, at)
                if begins and (len(stem) > 2 or _ends(written, text, at, end)):
                    found.append((at, term))
                at = find(stem, end)
        found.sort()
        return found


def _parts(character: str) -> bool:
    """A word ends before it: also where a script without spaces goes on behind it."""
    return not character.isalnum() or _unspaced(character)


def _ends(written: str, text: str, start: int, end: int) -> bool:
    """Whether what stands there is a word, or a part of an identifier: none of these is a single letter."""
    return end == len(text) or _parts(text[end]) or (end - start > 1 and _begins_part(written, text, end))


def _begins_part(written: str, text: str, at: int) -> bool:
    """Whether a part of an identifier begins here, as the analyzer sees it: Name in getUserName, 1042 in E1042.

    Folding leaves every character in its place but for a few rare ones.
    """
    if text[at].isdecimal() != text[at - 1].isdecimal():
        return True
    if len(written) != len(text) or not written[at].isupper():
        return False
    return written[at - 1].islower() or written[at + 1 : at + 2].islower()


def _folded(text: str) -> str:
    """As `analyze.fold`, but without the rarer of its equivalences: this is done for many texts a question."""
    if text.isascii() or _FOLDED.isdisjoint(text):  # most texts have nothing to fold
        return text.lower()
    return text.translate(_FOLDS).lower()


def telling(weight: Mapping[str, float]) -> Mapping[str, float]:
    """Without the single characters where there are pairs of them: these say where the others stand together."""
    if not any(len(term) > 1 and _unspaced(term) for term in weight):
        return weight
    return {term: share for term, share in weight.items() if len(term) > 1 or not _unspaced(term)}


def _stem(term: str) -> str:
    """What all forms of a word begin with. Policy, policies: polici."""
    return term[:-1] if term.endswith("i") and len(term) > 3 else term


def _unspaced(term: str) -> bool:
    return term[0] > "\u0dff"
