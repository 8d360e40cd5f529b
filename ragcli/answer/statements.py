"""What a text states, clause by clause, in a form that can be held against what another one states."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ragcli.answer import quantities
from ragcli.answer.meaning import Known, content_terms
from ragcli.answer.names import Names, names_in
from ragcli.answer.polarity import without_sense
from ragcli.answer.relevance import PRONOUN
from ragcli.answer.synonyms import unified
from ragcli.answer.wording import Wording
from ragcli.text.analyze import fold
from ragcli.text.sentences import Span, sentences

PAIR = 0.5
"""Worth of a pair of Chinese characters, where a character or a word is worth 1."""
LEAST = 2
"""Terms without which a part of a sentence is no clause of its own."""
IMPLIED = 0.7
"""Worth of a term that a clause does not repeat from the one before."""
WINDOW = 3
"""Sentences of the passage that a claim may draw together."""

_CLAUSE = re.compile(
    r"[,，;；:：()（）](?!\s*(?:否则|不然|otherwise\b|or else\b))|\s[–—-]+\s|——"
    r"|\b(?:and|but|while|whereas|although|however|which|who)\b|"
    r"\b(?=unless\b"
    r"|except\b|rather than\b|instead of\b)|除非|但是?|而(?!且)|并且?(?!非)|同时"
    r"|、(?=[^、]{6,})"
)
_NUMERAL = re.compile(r"^[\d.]+$|^(?!第).*[一二三四五六七八九十百千万亿两]")
_EXCEPTION = re.compile(r"\s*(?:unless|except|除)")
_GOES_ON = re.compile(
    rf"[\u3400-\u9fff]|(?:(?:because|since|as|if|when|while|although|but|and|then|so) )?(?:{PRONOUN.pattern})",
    re.IGNORECASE,
)


Amounts: TypeAlias = tuple[list[quantities.Quantity], list[quantities.Date]]


class Statement(Struct, frozen=True, dict=True):
    """A text with what can be checked of it, read when first asked for."""

    text: str
    about: frozenset[str] = frozenset()
    """Terms of what it goes on to speak of without naming it."""
    span: Span = Span(0, 0)
    """Where it stands, if it is a sentence of a passage."""
    given: Amounts | None = None
    """Its amounts where they have been read with what stands around it."""

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
    def spoken_of(self) -> frozenset[str]:
        """Its topic, and of what it goes on to speak of."""
        return self.topic | {term for term in self.about if not _NUMERAL.search(term)}

    @cached_property
    def known(self) -> Known:
        return Known(self.terms)

    @cached_property
    def amounts(self) -> Amounts:
        return self.given or quantities.read(self.text)

    @cached_property
    def wording(self) -> Wording:
        return Wording(self.text, self.amounts)

    @cached_property
    def names(self) -> Names:
        return names_in(self.text)

    @cached_property
    def clauses(self) -> tuple[Statement, ...]:
        """The parts between commas and conjunctions; short ones stay with the one before."""
        pieces = list(_pieces(self.text))
        if len(pieces) < 2:
            return (self,)
        found: list[Statement] = []
        opening = self.about
        for start, end, opens in pieces:
            about = self.about if opens or not found else opening
            clause = Statement(self.text[start:end], about, given=_within(self.amounts, start, end))
            if opens or not found:
                opening = self.about | clause.terms
            found.append(clause)
        return tuple(found)

    def share(self, known: Known) -> float:
        """Share of the topic that is known; a paraphrase in Chinese keeps characters more than pairs."""
        topic = self.topic or self.terms
        if not topic:
            return 1.0
        worth = {term: PAIR if len(term) > 1 and not term.isascii() else 1.0 for term in topic}
        return sum(worth[term] for term in topic if known.akin(term)) / sum(worth.values())


def _pieces(text: str) -> Iterator[tuple[int, int, bool]]:
    """Stretches (start, end, whether it begins anew behind a semicolon); what says next to nothing joins the last."""
    borders = [match for match in _CLAUSE.finditer(text) if not _between_digits(text, match)]
    starts = [0, *(match.start() if match.group()[:1].isalpha() else match.end() for match in borders)]
    ends = [*(match.start() for match in borders), len(text)]
    news = [True, *(match.group() in {";", "；"} for match in borders)]
    last: tuple[int, int, bool] | None = None
    for start, end, new in zip(starts, ends, news, strict=True):
        piece = text[start:end]
        told = sum(not _NUMERAL.search(term) for term in content_terms(piece))
        if last and told < LEAST and not _EXCEPTION.match(piece):
            last = (last[0], end, last[2])
        elif piece.strip():
            if last:
                yield last
            last = (start, end, new)
    if last:
        yield last


def _between_digits(text: str, match: re.Match[str]) -> bool:
    """Whether it is the comma of 1,000 or the colon of 10:30."""
    start, end = match.span()
    return (
        match.group() in {",", "，", ":", "："} and text[start - 1 : start].isdigit() and text[end : end + 1].isdigit()
    )


def _within(amounts: Amounts, start: int, end: int) -> Amounts:
    """Those that begin in [start:end], counted from there."""
    numbers, dates = amounts
    return (
        [replace(one, start=one.start - start, end=one.end - start) for one in numbers if start <= one.start < end],
        [replace(one, start=one.start - start, end=one.end - start) for one in dates if start <= one.start < end],
    )


def claimed(text: str) -> Statement:
    """What a sentence of an answer states, in words that can be compared with those of a passage."""
    return Statement(unified(text))


class Evidence:
    """A passage that claims are held against; `text` is as it was given."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def whole(self) -> Statement:
        return claimed(self.text)

    @cached_property
    def sentences(self) -> tuple[Statement, ...]:
        return tuple(_read(self.text))

    @cached_property
    def folded(self) -> str:
        return fold(self.whole.text)

    @cached_property
    def parts(self) -> list[Wording]:
        """The wording of each clause and of each whole sentence."""
        return [part.wording for one in self.sentences for part in _parts(one)]

    def share(self, claim: str) -> float:
        return claimed(claim).share(self.whole.known)

    def nearest(self, claim: Statement) -> list[Statement]:
        """Up to WINDOW sentences that together know most of the claim, the best one first."""
        chosen: list[Statement] = []
        missing = set(claim.terms)
        rest = [(one, {term for term in missing if one.known.akin(term)}) for one in self.sentences]
        while rest and len(chosen) < WINDOW:
            best, knows = max(rest, key=lambda one: len(one[1] & missing))
            if chosen and not knows & missing:
                break
            chosen.append(best)
            rest.remove((best, knows))
            missing -= knows
        return chosen


def _read(text: str) -> Iterator[Statement]:
    """The sentences, each with what it may go on about: in Chinese, or after a pronoun, how those before begin."""
    before = Statement("")
    for span in sentences(text):
        goes_on = _GOES_ON.match(text, span.start)
        about = before.about | before.clauses[0].terms if goes_on else frozenset()
        one = Statement(unified(text[span.start : span.end]), about, span)
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
        theirs = [said & (other.spoken_of - owner.spoken_of) for owner in owners]
        ours = [said & (owner.spoken_of - other.spoken_of) for owner in owners]
        if owners and all(theirs) and not any(ours):
            return True
    return False


def _parts(sentence: Statement) -> tuple[Statement, ...]:
    return (*sentence.clauses, sentence) if len(sentence.clauses) > 1 else (sentence,)
