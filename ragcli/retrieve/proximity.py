"""How much of a question stands close together in a passage: what tells an answer from a scatter of the same words.

BM25 counts words wherever they stand. Here the passage is read through a window of a sentence or two, and the window
that holds the most of the question's weight speaks for the passage. (Tao and Zhai, "An Exploration of Proximity
Measures in Information Retrieval", 2007, compare such measures.)
"""

from __future__ import annotations

from collections.abc import Mapping

from ragcli.text.hanzi import SIMPLIFIED

LATIN_WINDOW = 150
"""Characters: a sentence or two."""
UNSPACED_WINDOW = 30
"""The same in a script whose characters say as much as words."""

_FOLDS = SIMPLIFIED | {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
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

    def of(self, text: str) -> float:
        """The share of the weight that the best window of the text holds, in 0..1."""
        return self.read(text)[0]

    def read(self, text: str) -> tuple[float, set[str]]:
        """And the terms that stand in the text at all; single characters are left out where pairs say more."""
        if self._total <= 0:
            return 0.0, set()
        weight, window = self._weight, self._window
        found = self._found(_folded(text))
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

    def _found(self, text: str) -> list[tuple[int, str]]:
        """Where each term begins, in order. A stem begins a word; a very short one is the whole word."""
        found: list[tuple[int, str]] = []
        find, length = text.find, len(text)
        for term in self._unspaced:
            at = find(term)
            while at >= 0:
                found.append((at, term))
                at = find(term, at + len(term))
        for stem, term in self._stems:
            at = find(stem)
            while at >= 0:
                end = at + len(stem)
                if (not at or not text[at - 1].isalnum()) and (
                    len(stem) > 2 or end == length or not text[end].isalnum()
                ):
                    found.append((at, term))
                at = find(stem, end)
        found.sort()
        return found


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
