"""Whether the numbers and dates of a claim are those of the passage, and said of the same things."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from ragcli.answer.quantities import Date, Quantity
from ragcli.answer.statements import Evidence, Statement, belongs_elsewhere

ROUNDED = 0.34
"""How far a share in per cent may be off: a third is 33 %."""
NEARLY = 0.03
"""How far a number may be off where the claim itself says "about"."""

_ABOUT = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|some|over|more than|close to)\b|约|大概|左右|近|接近|超过"
    r"|余|多",
    re.IGNORECASE,
)
_ONCE = re.compile(r"一个?([年月周天日季])")
_BOUND = re.compile(
    r"(?:(?P<below>\b(?:less|fewer|lower|shorter|earlier) than"
    r"|\b(?:under|below|within|not even|at most|up to|no more than)"
    r"|不到|不足|少于|低于|小于|最多|至多|不超过|不得超过|以内)"
    r"|\b(?:more|longer|higher|greater|later) than|\b(?:over|above|at least|exceeds?)"
    r"|超过|多于|高于|大于|至少|最少)\s*\Z",
    re.IGNORECASE,
)
_RESPECTIVELY = re.compile(r"respectively|分别|依次", re.IGNORECASE)


def amounts_hold(claim: Statement, near: Sequence[Statement], evidence: Evidence) -> bool:
    """`near` are the sentences of the passage that know most of the claim."""
    numbers, dates = claim.amounts
    slack = NEARLY if _ABOUT.search(claim.text) else 0.0
    return all(_date_holds(date, claim, near, evidence.whole) for date in dates) and all(
        _number_holds(number, claim, near, evidence.whole, slack) for number in numbers
    )


def _date_holds(date: Date, claim: Statement, near: Sequence[Statement], passage: Statement) -> bool:
    numbers, dates = passage.amounts
    if any(date.within(other) for other in dates):
        return not belongs_elsewhere(
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
    number: Quantity, claim: Statement, near: Sequence[Statement], passage: Statement, slack: float
) -> bool:
    if not any(_same(number, other, slack) for other in passage.amounts[0]) and not _year_in(number, passage):
        return (
            _every(number, claim, passage)
            or _counts_its_own(number, claim)
            or _reckoned(number, passage)
            or _bounded(number, claim, passage)
        )
    if _RESPECTIVELY.search(claim.text) or _RESPECTIVELY.search(near[0].text):
        return True
    return not belongs_elsewhere(
        claim,
        near,
        holds=lambda one: any(_same(number, other, slack) for other in one.amounts[0]),
        rivals=lambda one: any(other.measure == number.measure for other in one.amounts[0]),
    )


def _every(number: Quantity, claim: Statement, passage: Statement) -> bool:
    """Whether it only says how often: 一年400元 of 每年400元."""
    told = _ONCE.fullmatch(claim.text[number.start : number.end].strip())
    return told is not None and re.search(rf"每{told[1]}|{told[1]}度", passage.text) is not None


def _reckoned(number: Quantity, passage: Statement) -> bool:
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


def _bounded(number: Quantity, claim: Statement, passage: Statement) -> bool:
    """Whether the claim says "less than an hour" of 45 minutes; a limit of the passage's own must be told as it is."""
    bound = _BOUND.search(claim.text[: number.start])
    alike = [other for other in passage.amounts[0] if other.measure == number.measure and number.measure]
    if bound is None or not alike or any(_BOUND.search(passage.text[: other.start]) for other in alike):
        return False
    return any((other.value < number.value) == bool(bound["below"]) for other in alike)


def _is_year(number: Quantity) -> bool:
    return not number.measure and number.value.is_integer() and 1000 <= number.value < 2100


def _counts_its_own(number: Quantity, claim: Statement) -> bool:
    """Whether a small number counts what the claim itself lists: "two prizes: one in 1903 and one in 1911"."""
    numbers, dates = claim.amounts
    if number.measure not in {"", "times"} or not 2 <= number.value <= 9:
        return False
    return number.value in {len(dates), len(numbers) - 1, len(re.findall(r"、|和|及|, | and ", claim.text)) + 1}


def _same(one: Quantity, other: Quantity, slack: float) -> bool:
    if {one.measure, other.measure} == {"months", "time"}:
        one, other = _in_days(one), _in_days(other)
    comparable = one.measure == other.measure or not one.measure or not other.measure
    if one.measure == "people" or other.measure == "people":
        comparable = {one.measure, other.measure} <= {"people", "", "times"}
    rounded = ROUNDED if one.measure == "share" else 1e-9
    return comparable and abs(one.value - other.value) <= slack * max(abs(one.value), abs(other.value)) + rounded


def _in_days(number: Quantity) -> Quantity:
    """A month taken for 30 days."""
    size = 30.0 if number.measure == "months" else 1 / 86400
    return replace(number, value=number.value * size, measure="days")


def _year_in(number: Quantity, passage: Statement) -> bool:
    return not number.measure and any(date.year == number.value for date in passage.amounts[1])
