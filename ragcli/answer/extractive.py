"""The answer of no model: the sentences of the sources that answer the question, quoted exactly, in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragcli.answer.relevance import Sentence, ranked
from ragcli.text.analyze import UNSPACED
from ragcli.types import Source

LONGEST = 5
"""Sentences of one answer."""
WORDS = 85
"""Words beyond which no sentence is added; a character of a script without spaces is WIDE of a word."""
WIDE = 74 / 129
WEAK = 3.3
"""A sentence that scores so much less than the best one (in logarithms of odds) is not worth reading."""
MOST_READ = 120_000
"""Characters of the sources that are looked at."""

_COUNTED = re.compile(rf"(?P<wide>[{UNSPACED}])|[^\s{UNSPACED}]+")
_NUMBER = re.compile(r"\s*\d{1,3}[.)]\s+")
_OWN_LINE = re.compile(r"\s*[-*+•·|>#]")
_HEADING = re.compile(r" {0,3}#{1,6}\s")


def select(question: str, sources: Sequence[Source]) -> Iterator[str]:
    """The answer in pieces, one a sentence: each quotes a source exactly and ends in its ` [n]`."""
    before: Sentence | None = None
    for sentence in best(question, [source.text for source in sources]):
        quoted = _NUMBER.sub("", sentence.text)  # the number of a list item means nothing outside of its list
        yield f"{_joint(before, sentence)}{quoted} [{sources[sentence.passage].n}]"
        before = sentence


def best(question: str, passages: Sequence[str]) -> list[Sentence]:
    """One to five sentences in reading order; none where no passage has any."""
    candidates = [one for one in ranked(question, _limited(passages)) if not _HEADING.match(one.text)]
    candidates.sort(key=lambda sentence: -sentence.score)
    chosen: list[Sentence] = []
    seen: set[str] = set()
    room = float(WORDS)
    for sentence in candidates:
        if len(chosen) == LONGEST or sentence.score < candidates[0].score - WEAK:
            break
        length = words(sentence.text)
        if sentence.text in seen or (chosen and length > room):
            continue
        seen.add(sentence.text)
        chosen.append(sentence)
        room -= length
    return sorted(chosen, key=lambda sentence: (sentence.passage, sentence.start))


def words(text: str) -> float:
    """Length as a reader feels it, in English words."""
    return sum(WIDE if match["wide"] else 1.0 for match in _COUNTED.finditer(text))


def _limited(passages: Sequence[str]) -> list[str]:
    """The passages, the longest cut so that all together stay within MOST_READ."""
    share = MOST_READ // max(len(passages), 1)
    return [passage[:share] for passage in passages]


def _joint(before: Sentence | None, sentence: Sentence) -> str:
    if before is None:
        return ""
    if before.passage != sentence.passage:
        return "\n\n"
    lines = bool(_OWN_LINE.match(before.text)), bool(_OWN_LINE.match(sentence.text))
    return "\n" if all(lines) else "\n\n" if any(lines) else " "
