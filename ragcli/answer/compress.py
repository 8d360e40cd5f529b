"""Passages cut to a budget of tokens: the sentences that may hold the answer stay, in their order, the rest goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragcli.answer.relevance import Sentence, ranked

Count = Callable[[str], int]
"""Tokens of a text."""

GAP = " … "
"""Stands where sentences were left out."""


def compress(question: str, passages: Sequence[str], budget: int, count: Count) -> list[str]:
    """The passages, as many tokens as `budget` in all; one that has nothing to say to the question may become empty.

    Passages that fit are given back as they are. `passages` come best first.
    """
    if sum(map(count, passages)) <= budget:
        return list(passages)
    gap = count(GAP)
    kept: dict[int, list[Sentence]] = {}
    room = budget
    for sentence in sorted(ranked(question, passages), key=_worth):
        cost = count(sentence.text) + gap
        if cost <= room:
            kept.setdefault(sentence.passage, []).append(sentence)
            room -= cost
    if not kept:
        return _beginning(question, passages, budget, count)
    return [_joined(passage, kept.get(number, ())) for number, passage in enumerate(passages)]


def _worth(sentence: Sentence) -> tuple[float, int, int]:
    """Best first; equals in reading order."""
    return -sentence.score, sentence.passage, sentence.start


def _joined(passage: str, kept: Sequence[Sentence]) -> str:
    """The kept sentences in reading order, with the very text between neighbours and a gap mark between others."""
    text, end = "", 0
    for sentence in sorted(kept, key=lambda one: one.start):
        between = passage[end : sentence.start]
        text += (between if not between.strip() else GAP) if text else (GAP.lstrip() if between.strip() else "")
        text += sentence.text
        end = sentence.end
    return text + GAP.rstrip() if text and passage[end:].strip() else text


def _beginning(question: str, passages: Sequence[str], budget: int, count: Count) -> list[str]:
    """Not one sentence fits: the best one's beginning."""
    found = sorted(ranked(question, passages), key=_worth)
    texts = [""] * len(passages)
    if found and budget > 0:
        texts[found[0].passage] = cut(found[0].text, budget, count)
    return texts


def cut(text: str, budget: int, count: Count) -> str:
    """The longest beginning of a text within `budget` tokens, about."""
    if count(text) <= budget:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle] + GAP.rstrip()) <= budget:
            low = middle
        else:
            high = middle - 1
    return text[:low] + GAP.rstrip() if low else ""
