"""Whether the numbers and dates of a claim are those of the passage, and said of the same things."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from msgspec.structs import replace

from ragcli.answer.quantities import Date, Quantity
from ragcli.answer.statements import Evidence, Statement, belongs_elsewhere

ROUNDED = 0.34
"""How far a share in per cent may be off: a third is 33 %."""
NEARLY = 0.03
"""How far a number may be off where the claim itself says "about"."""
FEW = 10
"""Ranks up to which "the fourth" is not what "4" is: larger numbers seldom meet by chance."""

_ABOUT = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|some|over|more than|close to)\b|约|大概|左右|近|接近|超过"
    r"|余|多",
    re.IGNORECASE,
)
_ONCE = re.compile(r"一个?([年月周天日季])")
_BOUND = re.compile(
    r"(?:(?P<below>\b(?:less|fewer|lower|shorter|earlier) than|\b(?:under|below|not even)|不到|不足|少于|低于|小于)"
    r"|\b(?:more|longer|higher|greater|later) than|\b(?:over|above|exceeds?)|超过|多于|高于|大于)\s*\Z",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:\b(?:within|at most|at least|up to|no more than|no less than)|最多|至多|至少|最少|不超过|不得超过|以内)\s*\Z",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^[ \t]*(?:\|(?![\s:|-]+$)|[-*•]\s|\d+[.)]\s)", re.MULTILINE)
_RANGE = re.compile(r"\s*(?:to|through|till|until|-|–|—|至|到)\s*")
_DIFFERENCE = re.compile(
    r"\b(?:more|less|fewer|longer|shorter|higher|lower|older|younger|later|earlier|faster|slower|rise|rose|risen|increase"
    r"|grew|gain|fell|fall|decrease|reduce|save|up|down|by|between|apart|difference|gap|after|before|for|over|last|took"
    r"|take|span|margin)\w*"
    r"|[增减差多少涨跌升降省隔历持快慢高低早晚]|期间|之间|长达|前后",
    re.IGNORECASE,
)
_TWO = re.compile(r"\b(?:twice|double[sd]?|both|pair)\b|翻[一了]?[番倍]|双", re.IGNORECASE)
_WEEKEND = re.compile(r"\bweekend|周末|双休", re.IGNORECASE)
_WORKDAYS = re.compile(r"\b(?:weekday|working day|business day)|工作日", re.IGNORECASE)
_RESPECTIVELY = re.compile(r"respectively|分别|依次", re.IGNORECASE)


def told(claim: Statement, evidence: Evidence) -> bool:
    """Whether the passage has each number and date of the claim, or what it follows from."""
    numbers, dates = claim.amounts
    return all(_has_date(date, evidence.whole) for date in dates) and all(
        _has(number, claim, evidence.whole)
        or _every(number, claim, evidence.whole)
        or _first_of_all(number, evidence.whole)
        or _twice(number, evidence.whole)
        or _counts_items(number, evidence)
        or _in_week(number, evidence.whole)
        or _counts_its_own(number, claim)
        or _reckoned(number, claim, evidence.whole)
        or _bounded(number, claim, evidence.whole)
        for number in numbers
    )


def told_of_others(claim: Statement, near: Sequence[Statement]) -> bool:
    """Whether a number or date of the claim is said, in the sentences that know most of it, of something else."""
    numbers, dates = claim.amounts
    if any(
        belongs_elsewhere(claim, near, holds=partial(_dated, date), rivals=lambda one: bool(one.amounts[1]))
        for date in dates
    ):
        return True
    if _RESPECTIVELY.search(claim.text) or _RESPECTIVELY.search(near[0].text):
        return False
    return any(
        belongs_elsewhere(claim, near, holds=partial(_has, number, claim), rivals=partial(_measures, number.measure))
        for number in numbers
    )


def _measures(measure: str, text: Statement) -> bool:
    return any(number.measure == measure for number in text.amounts[0])


def _dated(date: Date, text: Statement) -> bool:
    numbers, dates = text.amounts
    if date.month is None and date.day is not None:  # 13日 may be read as thirteen days
        return any(date.day == other.day for other in dates) or any(
            (number.measure, number.value) == ("time", 86400.0 * date.day) for number in numbers
        )
    return any(date.within(other) for other in dates)


def _has_date(date: Date, passage: Statement) -> bool:
    numbers, dates = passage.amounts
    if _dated(date, passage):
        return True
    if date.month is None:
        return any(number.value == date.year for number in numbers)
    apart = any(other.year == date.year and other.month is None for other in dates) and any(
        (other.year, other.month, other.day) == (None, date.month, date.day) for other in dates
    )
    return date.year is not None and apart


def _has(number: Quantity, claim: Statement, text: Statement) -> bool:
    slack = NEARLY if _ABOUT.search(claim.text) else 0.0
    return any(_same(number, other, slack) for other in text.amounts[0]) or _year_in(number, text)


def _every(number: Quantity, claim: Statement, passage: Statement) -> bool:
    """Whether it only says how often: 一年400元 of 每年400元."""
    told = _ONCE.fullmatch(claim.text[number.start : number.end].strip())
    return told is not None and re.search(rf"每{told[1]}|{told[1]}度", passage.text) is not None


def _first_of_all(number: Quantity, passage: Statement) -> bool:
    """Whether it only says "first" where the passage counts nothing."""
    return (number.measure, number.value) == ("rank", 1.0) and all(
        other.measure != "rank" for other in passage.amounts[0]
    )


def _twice(number: Quantity, passage: Statement) -> bool:
    """Whether it is the two of "twice", "both" or 翻番."""
    return number.value == 2 and number.measure in {"", "times"} and _TWO.search(passage.text) is not None


def _counts_items(number: Quantity, evidence: Evidence) -> bool:
    """Whether it counts the rows of a table, or the items of a list."""
    items = len(_ITEM.findall(evidence.text))
    return not number.measure and items > 1 and number.value in {items, items - 1}


def _in_week(number: Quantity, passage: Statement) -> bool:
    """Whether it is a day of the week within a range: Wednesday, of Monday to Friday, weekdays or 工作日."""
    if number.measure != "weekday":
        return False
    days = [other for other in passage.amounts[0] if other.measure == "weekday"]
    return any(
        one.value < number.value < other.value and _RANGE.fullmatch(passage.text[one.end : other.start])
        for one, other in pairwise(days)
    ) or bool((_WEEKEND if number.value > 5 else _WORKDAYS).search(passage.text))


def _reckoned(number: Quantity, claim: Statement, passage: Statement) -> bool:
    """Whether the number is what lies between two of the passage: from 6.8 to 8.3 million it is 1.5 million more."""
    if not _DIFFERENCE.search(claim.text):
        return False
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
    if (
        bound is None
        or not alike
        or any(pattern.search(passage.text[: other.start]) for other in alike for pattern in (_BOUND, _LIMIT))
    ):
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
    if "rank" in {one.measure, other.measure} and one.value <= FEW:
        comparable = one.measure == other.measure
    rounded = ROUNDED if one.measure == "share" else 1e-9
    return comparable and abs(one.value - other.value) <= slack * max(abs(one.value), abs(other.value)) + rounded


def _in_days(number: Quantity) -> Quantity:
    """A month taken for 30 days."""
    size = 30.0 if number.measure == "months" else 1 / 86400
    return replace(number, value=number.value * size, measure="days")


def _year_in(number: Quantity, passage: Statement) -> bool:
    return not number.measure and any(date.year == number.value for date in passage.amounts[1])
