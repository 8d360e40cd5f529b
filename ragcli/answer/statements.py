"""What a text states, clause by clause, in a form that can be held against what another one states."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from msgspec import Struct

from ragcli.answer import quantities
from ragcli.answer.meaning import Known, content_terms
from ragcli.answer.names import Names, names_in
from ragcli.answer.polarity import without_sense
from ragcli.answer.relevance import PRONOUN
from ragcli.answer.wording import Wording
from ragcli.text.sentences import sentences

PAIR = 0.5
"""Worth of a pair of Chinese characters, where a character or a word is worth 1."""
LEAST = 2
"""Terms without which a part of a sentence is no clause of its own."""
IMPLIED = 0.7
"""Worth of a term that a clause does not repeat from the one before."""
WINDOW = 3
"""Sentences of the passage that a claim may draw together."""

_CLAUSE = re.compile(
    r"[,，;；:：()（）]|\s[–—-]+\s|——|\b(?:and|but|while|whereas|although|however|which|who)\b|\b(?=unless\b"
    r"|except\b)|除非|但是?|而(?!且)|并且?(?!非)|同时"
    r"|、(?=[^、]{6,})"
)
_NUMERAL = re.compile(r"^[\d.]+$|[一二三四五六七八九十百千万亿两]")
_EXCEPTION = re.compile(r"\s*(?:unless|except|除)")
_GOES_ON = re.compile(
    rf"[\u3400-\u9fff]|(?:(?:because|since|as|if|when|while|although|but|and|then|so) )?(?:{PRONOUN.pattern})",
    re.IGNORECASE,
)


class Statement(Struct, frozen=True, dict=True):
    """A text with what can be checked of it, read when first asked for."""

    text: str
    about: frozenset[str] = frozenset()
    """Terms of what it goes on to speak of without naming it."""

    def speaks_of(self, topic: frozenset[str]) -> float:
        """Share of the topic that it knows; what it only goes on about counts for less."""
        if not topic:
            return 0.0
        about = Known(self.about)
        return sum(1.0 if self.known.akin(term) else IMPLIED if about.akin(term) else 0.0 for term in topic) / len(
            topic
        )

    @cached_property
    def terms(self) -> frozenset[str]:
        return content_terms(self.text)

    @cached_property
    def topic(self) -> frozenset[str]:
        """The terms of what it speaks of: without numbers and without the words that say yes or no."""
        return frozenset(term for term in content_terms(without_sense(self.text)) if not _NUMERAL.search(term))

    @cached_property
    def known(self) -> Known:
        return Known(self.terms)

    @cached_property
    def amounts(self) -> tuple[list[quantities.Quantity], list[quantities.Date]]:
        return quantities.read(self.text)

    @cached_property
    def wording(self) -> Wording:
        return Wording(self.text)

    @cached_property
    def names(self) -> Names:
        return names_in(self.text)

    @cached_property
    def clauses(self) -> tuple[Statement, ...]:
        """The parts between commas and conjunctions; short ones stay with the one before."""
        parts: list[str] = []
        start = 0
        for match in _CLAUSE.finditer(self.text):
            if (
                re.match(r"[,，:：]", match.group())
                and re.search(r"\d[,，:]\Z", self.text[: match.end()])
                and re.match(r"\d", self.text[match.end() :])
            ):
                continue
            parts.append(self.text[start : match.start()])
            start = match.start() if match.group()[:1].isalpha() else match.end()
        parts.append(self.text[start:])
        parts = _merged(parts)
        parts = [part for part in parts if part.strip()]
        if len(parts) < 2:
            return (self,)
        first = Statement(parts[0], self.about)
        return (first, *(Statement(part, self.about | first.terms) for part in parts[1:]))

    def share(self, known: Known) -> float:
        """Share of the topic that is known; a paraphrase in Chinese keeps characters more than pairs."""
        topic = self.topic or self.terms
        if not topic:
            return 1.0
        worth = {term: PAIR if len(term) > 1 and not term.isascii() else 1.0 for term in topic}
        return sum(worth[term] for term in topic if known.akin(term)) / sum(worth.values())


def _merged(parts: Sequence[str]) -> list[str]:
    """The parts, those that say next to nothing with the one before."""
    merged: list[str] = []
    for part in parts:
        told = sum(not _NUMERAL.search(term) for term in content_terms(part))
        if merged and told < LEAST and not _EXCEPTION.match(part):
            merged[-1] += f", {part}"
        else:
            merged.append(part)
    return merged


class Evidence:
    """A passage that claims are held against."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def whole(self) -> Statement:
        return Statement(self.text)

    @cached_property
    def sentences(self) -> tuple[Statement, ...]:
        return tuple(_read(self.text))

    def share(self, claim: str) -> float:
        return Statement(claim).share(self.whole.known)

    def nearest(self, claim: Statement) -> list[Statement]:
        """Up to WINDOW sentences that together know most of the claim, the best one first."""
        chosen: list[Statement] = []
        missing = set(claim.terms)
        rest = list(self.sentences)
        while rest and len(chosen) < WINDOW:
            best = max(rest, key=lambda one: sum(one.known.akin(term) for term in missing))
            gained = {term for term in missing if best.known.akin(term)}
            if chosen and not gained:
                break
            chosen.append(best)
            rest.remove(best)
            missing -= gained
        return chosen


def _read(text: str) -> Iterator[Statement]:
    """The sentences, each with what it may go on about: in Chinese, or after a pronoun, how those before begin."""
    before = Statement("")
    for start, end in sentences(text):
        goes_on = _GOES_ON.match(text, start)
        one = Statement(text[start:end], before.about | before.clauses[0].terms if goes_on else frozenset())
        yield one
        before = one


def belongs_elsewhere(
    claim: Statement,
    near: Sequence[Statement],
    *,
    holds: Callable[[Statement], bool],
    rivals: Callable[[Statement], bool],
    itself: str = "",
) -> bool:
    """Whether what the claim says of something is said, in the clauses nearby, of something else.

    `holds` tells of a clause whether the claim's number or name is in it, `rivals` whether another one of its kind is.
    """
    said = next((clause for clause in claim.clauses if holds(clause)), claim).topic - {itself}
    clauses = [clause for one in near for clause in one.clauses]
    owners = [clause for clause in clauses if holds(clause)]
    others = [clause for clause in clauses if not holds(clause) and rivals(clause)]
    for other in others:
        theirs = [said & (other.topic - owner.topic) for owner in owners]
        ours = [said & (owner.topic - other.topic) for owner in owners]
        if owners and all(theirs) and not any(ours):
            return True
    return False
