"""How much of a question stands close together in a passage: what tells an answer from a scatter of the same words.

BM25 counts words wherever they stand. Here the passage is read through a window of a sentence or two, and the window
that holds the most of the question's weight speaks for the passage. (Tao and Zhai, "An Exploration of Proximity
Measures in Information Retrieval", 2007, compare such measures.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ragcli.text.hanzi import SIMPLIFIED

LATIN_WINDOW = 150
"""Characters: a sentence or two."""
UNSPACED_WINDOW = 30
"""The same in a script whose characters say as much as words."""

_FOLDS = SIMPLIFIED | {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
_FOLDED = frozenset(character for character in map(chr, _FOLDS) if character.isalnum())


def closeness(weight: Mapping[str, float], text: str) -> float:
    """The share of the weight that the best window of the text holds, in 0..1; terms as the analyzer makes them."""
    weight = _telling(weight)
    total = sum(weight.values())
    if total <= 0:
        return 0.0
    found = sorted(_found(weight, _folded(text)))
    window = UNSPACED_WINDOW if any(_unspaced(term) for term in weight) else LATIN_WINDOW
    held: Counter[str] = Counter()
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
        best = max(best, score)
    return best / total


def _folded(text: str) -> str:
    """As `analyze.fold`, but without the rarer of its equivalences: this is done for many texts a question."""
    if text.isascii() or _FOLDED.isdisjoint(text):  # most texts have nothing to fold
        return text.lower()
    return text.translate(_FOLDS).lower()


def _telling(weight: Mapping[str, float]) -> Mapping[str, float]:
    """Without the single characters where there are pairs of them: these say where the others stand together."""
    if not any(len(term) > 1 and _unspaced(term) for term in weight):
        return weight
    return {term: share for term, share in weight.items() if len(term) > 1 or not _unspaced(term)}


def _found(weight: Mapping[str, float], text: str) -> list[tuple[int, str]]:
    """Where each term begins. A stem stands at the beginning of a word; a very short one is the whole word."""
    found: list[tuple[int, str]] = []
    for term in weight:
        if _unspaced(term):
            found.extend((at, term) for at in _places(term, text))
            continue
        stem = term[:-1] if term.endswith("i") and len(term) > 3 else term  # policy, policies: polici
        for at in _places(stem, text):
            end = at + len(stem)
            if (not at or not text[at - 1].isalnum()) and (
                len(stem) > 2 or end == len(text) or not text[end].isalnum()
            ):
                found.append((at, term))
    return found


def _places(part: str, text: str) -> list[int]:
    places = []
    at = text.find(part)
    while at >= 0:
        places.append(at)
        at = text.find(part, at + len(part))
    return places


def _unspaced(term: str) -> bool:
    return term[0] > "\u0dff"
