"""Whether a passage says what a sentence claims: numbers and dates, names, negation, content words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial

from msgspec import Struct

from ragcli.answer import quantities
from ragcli.answer.meaning import Known, content_terms
from ragcli.answer.names import Names, names_in
from ragcli.answer.polarity import disagree, overstates, without_sense
from ragcli.answer.relevance import PRONOUN
from ragcli.answer.wording import Wording, says_something_else, turned
from ragcli.text.analyze import fold
from ragcli.text.sentences import sentences

COVERED = 0.3
"""Share of the claim's content that the passage must know."""
CLOSE = 0.5
"""Share of a clause's content from which on another clause is taken to speak of the same thing."""
PAIR = 0.5
"""Worth of a pair of Chinese characters, where a character or a word is worth 1."""
LEAST = 2
"""Terms without which a part of a sentence is no clause of its own."""
ALIKE = 0.8
"""Share of a claim beside its first word that a sentence must know to be taken to say it of somebody else."""
IMPLIED = 0.7
"""Worth of a term that a clause does not repeat from the one before."""
WINDOW = 3
"""Sentences of the passage that a claim may draw together."""
ROUNDED = 0.34
"""How far a share in per cent may be off: a third is 33 %."""
NEARLY = 0.03
"""How far a number may be off where the claim itself says "about"."""

_CLAUSE = re.compile(
    r"[,，;；:：()（）]|\s[–—-]+\s|——|\b(?:and|but|while|whereas|although|however|which|who)\b|\b(?=unless\b"
    r"|except\b)|除非|但是?|而(?!且)|并且?(?!非)|同时"
    r"|、(?=[^、]{6,})"
)
_ABOUT = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|some|over|more than|close to)\b|约|大概|左右|近|接近|超过"
    r"|余|多",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"(?:(?P<below>\b(?:less|fewer|lower|shorter|earlier) than|\b(?:under|below|within|not even|at most|up to|no more than)|不到|不足|少于|低于"
    r"|小于|最多|至多|不超过|不得超过|以内)|\b(?:more|longer|higher|greater|later) than|\b(?:over|above|at least|exceeds?)|超过|多于|高于|大于|至少|最少)\s*\Z",
    re.IGNORECASE,
)
_NUMERAL = re.compile(r"^[\d.]+$|[一二三四五六七八九十百千万亿两]")
_GOES_ON = re.compile(
    rf"[\u3400-\u9fff]|(?:(?:because|since|as|if|when|while|although|but|and|then|so) )?(?:{PRONOUN.pattern})",
    re.IGNORECASE,
)
_EXCEPTION = re.compile(r"\s*(?:unless|except|除)")
_RESPECTIVELY = re.compile(r"respectively|分别|依次", re.IGNORECASE)


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
        self.whole = Statement(text)
        self.sentences = tuple(_read(text))

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
    """The sentences, each with what it may go on about: in Chinese, or after a pronoun, the beginning of those before."""
    before = Statement("")
    for start, end in sentences(text):
        goes_on = _GOES_ON.match(text, start)
        one = Statement(text[start:end], before.about | before.clauses[0].terms if goes_on else frozenset())
        yield one
        before = one


def supported(text: str, evidence: Evidence) -> bool:
    """Whether the passage says so, as far as numbers, dates, names, negation and content words can tell."""
    claim = Statement(text)
    near = evidence.nearest(claim)
    if not near:
        return False
    known = Known(term for one in near for term in one.terms)
    return (
        claim.share(known) >= COVERED
        and _amounts_hold(claim, near, evidence)
        and _names_hold(claim, near, evidence)
        and _sense_holds(claim, near)
        and _wording_holds(claim, evidence)
    )


def _wording_holds(claim: Statement, evidence: Evidence) -> bool:
    """Whether the claim is not the passage's own sentence with something exchanged in it."""
    passage = fold(evidence.text)
    clauses = [clause.wording for one in evidence.sentences for clause in (*one.clauses, one)]
    if any(says_something_else(clause.wording, clauses, passage) for clause in claim.clauses):
        return False
    near = evidence.nearest(claim)[0].wording
    return not any(turned(clause.wording, near) for clause in claim.clauses)


# --- numbers and dates -------------------------------------------------------------------------------------


def _amounts_hold(claim: Statement, near: Sequence[Statement], evidence: Evidence) -> bool:
    numbers, dates = claim.amounts
    slack = NEARLY if _ABOUT.search(claim.text) else 0.0
    return all(_date_holds(date, claim, near, evidence.whole) for date in dates) and all(
        _number_holds(number, claim, near, evidence.whole, slack) for number in numbers
    )


def _date_holds(date: quantities.Date, claim: Statement, near: Sequence[Statement], passage: Statement) -> bool:
    numbers, dates = passage.amounts
    if any(date.within(other) for other in dates):
        return not _belongs_elsewhere(
            claim,
            near,
            holds=lambda one: any(date.within(other) for other in one.amounts[1]),
            rivals=lambda one: bool(one.amounts[1]),
        )
    if date.month is None:
        return any(number.value == date.year for number in numbers)
    apart = any(other.year == date.year and other.month is None for other in dates) and any(
        (other.year, other.month, other.day) == (None, date.month, date.day) for other in dates
    )
    return date.year is not None and apart


def _number_holds(
    number: quantities.Quantity, claim: Statement, near: Sequence[Statement], passage: Statement, slack: float
) -> bool:
    if not any(_same(number, other, slack) for other in passage.amounts[0]) and not _year_in(number, passage):
        return _counts_its_own(number, claim) or _reckoned(number, passage) or _bounded(number, claim, passage)
    if _RESPECTIVELY.search(claim.text) or _RESPECTIVELY.search(near[0].text):
        return True
    return not _belongs_elsewhere(
        claim,
        near,
        holds=lambda one: any(_same(number, other, slack) for other in one.amounts[0]),
        rivals=lambda one: any(other.measure == number.measure for other in one.amounts[0]),
    )


def _reckoned(number: quantities.Quantity, passage: Statement) -> bool:
    """Whether the number is what lies between two of the passage: from 6.8 to 8.3 million it is 1.5 million more."""
    numbers, dates = passage.amounts
    alike = sorted({other.value for other in numbers if other.measure == number.measure and other.measure})
    years = {date.year for date in dates if date.year} | {other.value for other in numbers if _is_year(other)}
    return any(
        abs(abs(one - other) - number.value) <= 1e-6 * max(one, other, 1.0)
        for values in (alike, [12.0 * year for year in years] if number.measure == "months" else [])
        for one in values
        for other in values
    )


def _bounded(number: quantities.Quantity, claim: Statement, passage: Statement) -> bool:
    """Whether the claim says "less than an hour" of 45 minutes; a limit of the passage's own must be told as it is."""
    bound = _BOUND.search(claim.text[: number.start])
    alike = [other for other in passage.amounts[0] if other.measure == number.measure and number.measure]
    if bound is None or not alike or any(_BOUND.search(passage.text[: other.start]) for other in alike):
        return False
    return any((other.value < number.value) == bool(bound["below"]) for other in alike)


def _is_year(number: quantities.Quantity) -> bool:
    return not number.measure and number.value.is_integer() and 1000 <= number.value < 2100


def _counts_its_own(number: quantities.Quantity, claim: Statement) -> bool:
    """Whether a small number counts what the claim itself lists: "two prizes: one in 1903 and one in 1911"."""
    numbers, dates = claim.amounts
    if number.measure not in {"", "times"} or not 2 <= number.value <= 9:
        return False
    return number.value in {len(dates), len(numbers) - 1, len(re.findall(r"、|和|及|, | and ", claim.text)) + 1}


def _same(one: quantities.Quantity, other: quantities.Quantity, slack: float) -> bool:
    comparable = one.measure == other.measure or not one.measure or not other.measure
    if one.measure == "people" or other.measure == "people":
        comparable = {one.measure, other.measure} <= {"people", "", "times"}
    rounded = ROUNDED if one.measure == "share" else 1e-9
    return comparable and abs(one.value - other.value) <= slack * max(abs(one.value), abs(other.value)) + rounded


def _year_in(number: quantities.Quantity, passage: Statement) -> bool:
    return not number.measure and any(date.year == number.value for date in passage.amounts[1])


# --- names -------------------------------------------------------------------------------------------------


def _names_hold(claim: Statement, near: Sequence[Statement], evidence: Evidence) -> bool:
    if claim.names.missing_from(evidence.text) or _other_subject(claim, near[0], evidence.whole.known):
        return False
    return all(
        not _belongs_elsewhere(
            claim,
            near,
            holds=partial(_has_name, name),
            rivals=lambda one: bool(one.names.certain - claim.names.certain),
            itself=name,
        )
        for name in claim.names.certain
    )


def _has_name(name: str, clause: Statement) -> bool:
    return name in clause.names.certain


def _other_subject(claim: Statement, nearest: Statement, known: Known) -> bool:
    """Whether the claim says of its first word, unknown to the passage, what the passage says of its own first word."""
    first, rest = claim.names.first, claim.terms - {claim.names.first}
    if not first or known.akin(first) or len(rest) < 2:
        return False
    theirs = nearest.names.first or next(iter(nearest.names.certain), "")
    said_alike = sum(nearest.known.akin(term) for term in rest) / len(rest)
    return bool(theirs) and theirs not in claim.terms and said_alike >= ALIKE


def _belongs_elsewhere(
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


# --- sense -------------------------------------------------------------------------------------------------


def _sense_holds(claim: Statement, near: Sequence[Statement]) -> bool:
    """Whether no clause of the claim denies what the clause most like it says."""
    denied = [sentence for clause in claim.clauses if clause.terms for sentence in _denying(clause, near)]
    return not denied or (
        len(claim.clauses) > 1
        and not all(disagree(claim.text, one.text) or overstates(claim.text, one.text) for one in denied)
    )


def _denying(clause: Statement, near: Sequence[Statement]) -> list[Statement]:
    """The sentences that deny what the clause says; none where another one that is as much like it agrees.

    Clauses are compared with clauses; a whole sentence only where it knows clearly more of what is spoken of.
    """
    topic = clause.topic or clause.terms
    candidates = [(other.speaks_of(topic), other, one) for one in near for other in one.clauses]
    best = max(share for share, _, _ in candidates)
    whole = max(one.speaks_of(topic) for one in near)
    if whole > best + 0.1:
        candidates = [(one.speaks_of(topic), one, one) for one in near]
        best = whole
    if best < CLOSE:
        return []
    closest = [(other, one) for share, other, one in candidates if share > best - 0.01]
    denied = all(disagree(clause.text, other.text) or overstates(clause.text, one.text) for other, one in closest)
    return [one for _, one in closest] if denied else []
