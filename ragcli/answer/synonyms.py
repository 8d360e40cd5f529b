"""Words that say the same, written as one: what a model says in its own words is compared with what a passage says.

Each line is a group whose first word stands for all. A word stands in one group, in the sense that it has in manuals,
contracts, reports and news; words that are opposites in part, or that name another thing, have no business here: a
group too many makes a false claim look true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from ragcli.answer.synonyms_chinese import CHINESE
from ragcli.answer.synonyms_english import ENGLISH
from ragcli.text.analyze import terms


def unified(text: str) -> str:
    """The text with each of these words as the first of its group; names, which begin with a capital, stay."""
    if not text.isascii():
        text = _chinese().sub(_first, text)
    return _WORD.sub(_first_word, _phrases().sub(_first_phrase, text))


_WORD = re.compile(r"(?<![\w'’-])(?:[a-z]{2,}|\A[A-Z][a-z]+)(?![\w-])")


def _first(match: re.Match[str]) -> str:
    return _firsts(CHINESE)[match.group()]


def _first_phrase(match: re.Match[str]) -> str:
    return _firsts(ENGLISH)["-".join(match.group().lower().replace("-", " ").split())]


def _first_word(match: re.Match[str]) -> str:
    return _first_of(match.group())


@lru_cache(maxsize=1 << 14)
def _first_of(word: str) -> str:
    """The first word of its group, in whatever form the word stands there; the word where it has none."""
    stem = _stem(word)
    first = _stems().get(stem, word)
    return word if _stem(first) == stem else first


@cache
def _stems() -> dict[str, str]:
    return {_stem(word): first for word, first in _firsts(ENGLISH).items() if "-" not in word}


def _stem(word: str) -> str:
    return next(iter(terms(word, keep_stop_words=True)), word)


@cache
def _firsts(table: str) -> dict[str, str]:
    """Each word -> the first one of its group; in English as the table has it, the first one in plain letters."""
    lines = (line.split() for line in table.replace("\n    ", " ").splitlines() if line)
    return {word: first.replace("-", " ") for first, *others in lines for word in (first, *others)}


@cache
def _chinese() -> re.Pattern[str]:
    return re.compile(_any_of(_firsts(CHINESE)))


@cache
def _phrases() -> re.Pattern[str]:
    phrases = (word for word in _firsts(ENGLISH) if "-" in word)
    return re.compile(rf"\b(?:{_any_of(phrases).replace('-', '[ -]')})\b", re.IGNORECASE)


def _any_of(words: Iterable[str]) -> str:
    """A pattern of the words, longer ones before those that they begin with, common beginnings told once."""
    groups: dict[str, list[str]] = {}
    for word in sorted(words):
        groups.setdefault(word[:1], []).append(word[1:])
    branches = [
        first + (f"(?:{_any_of(filter(None, rest))})" + ("?" if "" in rest else "") if any(rest) else "")
        for first, rest in groups.items()
        if first
    ]
    return "|".join(branches)
