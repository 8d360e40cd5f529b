"""Numbers, amounts and dates of a text, in English and Chinese, in one form that can be compared.

`1,200 元`, `一千二百元`, `$3.5 million`, `百分之三十`, `30 percent`, `two weeks`, `2021年3月5日`, `March 5, 2021`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from ragcli.answer.units import UNITS

_CN_DIGIT = {"〇": 0, "零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_CN_UNIT = {"十": 10, "百": 100, "千": 1000}
_CN_LARGE = {"万": 10_000, "亿": 100_000_000}
_CN_NUMERAL = "〇零一二两三四五六七八九十百千万亿"

_SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen "
        "eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_ORDINAL = {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        start=1,
    )
}
_ENGLISH_PART = {"a": 1, "one": 1, "two": 2, "three": 3, "half": 2, "third": 3, "fifth": 5, "tenth": 10}
_LARGE = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0, "k": 1e3}
_SHORT = {"k": 1e3, "m": 1e6, "b": 1e9}
_MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan,february feb,march mar,april apr,may,june jun,july jul,august aug,september sep sept,october oct,"
        "november nov,december dec".split(","),
        start=1,
    )
    for name in names.split()
}

_WORD_NUMBER = "|".join((*_SMALL, *_TENS))
_SCALE = "hundred|thousand|million|billion|trillion|dozen"
_MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATES = (
    re.compile(
        r"(?<![0-9A-Za-z.-])(?P<y>[12]\d{3})[-/.](?P<m>0?[1-9]|1[0-2])(?:[-/.](?P<d>0?[1-9]|[12]\d|3[01]))?(?![\d-])"
    ),
    re.compile(
        rf"(?P<y>[12]\d{{3}}|[一二][{_CN_NUMERAL}]{{3}})\s*年(?:\s*(?P<m>1[0-2]|0?[1-9]|十[一二]?"
        rf"|[一二三四五六七八九])\s*月(?:份|\s*(?P<d>[0-3]?\d|[一二三]?十[一二三四五六七八九]?"
        rf"|[一二三四五六七八九])\s*[日号])?)?"
    ),
    re.compile(
        r"(?P<m>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])\s*月(?:份|\s*(?P<d>[0-3]?\d"
        r"|[一二三]?十[一二三四五六七八九]?|[一二三四五六七八九])\s*[日号])"
    ),
    re.compile(
        rf"\b(?P<m>{_MONTH_NAME})\s+(?P<d>[0-3]?\d)(?:st|nd|rd|th)?\b(?:,?\s+(?P<y>[12]\d{{3}})\b)?", re.IGNORECASE
    ),
    re.compile(
        rf"\b(?P<d>[0-3]?\d)(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>{_MONTH_NAME})(?:,?\s+(?P<y>[12]\d{{3}}))?\b",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?P<m>{_MONTH_NAME})\s+(?:of\s+)?(?P<y>[12]\d{{3}})\b", re.IGNORECASE),
    re.compile(
        r"\b(?P<m>January|February|April|June|July|August|September|October|November|December)\b|(?<=in )(?P<m2>March"
        r"|May)\b"
    ),
)
_DAY = re.compile(
    r"(?<=每月)(?P<d>[0-3]?\d|[一二三]?十[一二三四五六七八九]?|[一二三四五六七八九])[日号]"
    r"|(?<![第\d-])(?P<d2>[0-3]?\d|[一二三]?十[一二三四五六七八九]?)号(?![线楼门机店院车台仓站柱文码令馆厅桌房铺球染钢字元公通])"
)
"""A day of whatever month: 每月五日, 5号之前."""
_HALF = re.compile(
    r"\b(?:an?|one) (?P<more>hour|day|week|month|year) and a half\b|\bhalf an? (?P<half>hour|day|year)\b",
    re.IGNORECASE,
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAY = re.compile(
    r"\b(?P<en>Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:day|sday|nesday|rsday|urday|s|rs|r|nes)?s?\b|(?:星期|周|礼拜)(?P<cn>[一二三四五六日天])"
    r"(?![个周年月\d])"
)
_CLOCK = re.compile(
    r"(?P<half>上午|下午|晚上|早上|中午|凌晨|傍晚)?\s*(?P<h>[01]?\d|2[0-4]|[一二两三四五六七八九十]{1,3})"
    r"(?:[:：](?P<min>[0-5]\d)|(?P<dian>\s*[点时](?!间))(?P<ban>半)?)(?P<pm>\s*[ap]\.?m\b\.?)?|"
    r"\b(?P<h2>1[0-2]|[1-9])\s*(?P<pm2>[ap]\.?m\b\.?)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    rf"\b(?P<part>a|one|two|three)[ -](?P<of>half(?= of\b)|third|fifth|tenth)s?\b"
    rf"|(?P<of_cn>(?!百分|千分|万分)[{_CN_NUMERAL}]+)分之(?P<part_cn>[{_CN_NUMERAL}]+)"
    rf"|(?P<premier>首[次个届位](?!长))"
    rf"|(?P<percent_cn>百分之(?P<pc>[{_CN_NUMERAL}点]+|\d+(?:\.\d+)?))"
    rf"|(?P<tenths>[一二三四五六七八九]成(?:半)?)(?![为立员功本就绩长分])"
    rf"|(?P<money>[$€£¥￥]\s?)?(?P<plain>\d{{1,3}}(?:[,，]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<ord>st|nd|rd|th)?"
    rf"(?:\s*(?P<scale>{_SCALE})\b|(?P<k>k|(?(money)(?:mn?|bn?)))\b|\s*(?P<cn_scale>[百千]?[万亿]|[百千](?!米|克|瓦|分)))?"
    rf"|\b(?P<words>(?:(?:{_WORD_NUMBER})(?:[ -](?:{_WORD_NUMBER}))?|a|half a)(?:[ -](?:{_SCALE}))+"
    rf"|(?:{_WORD_NUMBER})(?:[ -](?:{_WORD_NUMBER}))?)\b"
    rf"|\b(?P<ordinal>{'|'.join(_ORDINAL)})\b"
    rf"|(?P<cn>第?[{_CN_NUMERAL}]+(?:点[{_CN_NUMERAL}]+)?)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\s*(?:-\s*)?(?:business |working |calendar |full |more |additional |consecutive |paid )?(?P<unit>"
    + "|".join(
        re.escape(unit) + (r"(?![A-Za-z])" if unit.isascii() and unit.isalpha() else "")
        for unit in sorted(UNITS, key=len, reverse=True)
    )
    + ")",
    re.IGNORECASE,
)
_TENTHS = re.compile(r"[一二三四五六七八九](?![一二三四五六七八九十百千万亿个米元])")  # 一米三, 三块五
_CODE_BEFORE = re.compile(r"[A-Za-z][A-Za-z]*[-_]?\Z|\d\.\Z")
_THE_TWO = re.compile(r"\b(?:the|these|those)\s\Z", re.IGNORECASE)
_VERSION_GOES_ON = re.compile(r"\.\d")
_CN_IDIOM = re.compile(
    r"(?:(?<!提)前|[上后同每])一[年月周天]|一(?:个(?!月|小时|星期|工作日|季度)|些|样|般|直|定|起|旦|致|并|切|律|下|点|种|边|方面|部分|体|系列|经|同|时|向"
    r"|贯|条|项|份|名|位|家|款|台|次性|级|"
    r"共|等|流|线|带|度|心|手|步|面|把|只|本|张|封|段|旁|生)|唯一|统一|同一|之一|万一|进一|单一|专一"
    r"|十分(?!钟|之)|千万|万分|百姓|四川|三亚|九江|"
    r"三明|五金|八卦|七夕|万科|二手|三方|第三方|六安|两者|双|万能|千瓦|百货|百度|三星|五粮|两岸|十字"
)


class Quantity(Struct, frozen=True):
    """`value` of `measure` (empty: a bare number), at `text[start:end]`."""

    value: float
    measure: str
    start: int
    end: int


class Date(Struct, frozen=True):
    year: int | None
    month: int | None
    day: int | None
    start: int
    end: int

    def within(self, other: Date) -> bool:
        """Whether `other` says all that this one says."""
        return all(
            mine is None or mine == theirs
            for mine, theirs in ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        )


def read(text: str) -> tuple[list[Quantity], list[Date]]:
    """The quantities and dates of a text; what belongs to a date or to a code (`X-200`, `v2.1`) is no quantity."""
    dates = list(_dates(text))
    blanked = _blank(text, [(date.start, date.end) for date in dates])
    others = [*_weekdays(blanked), *_halves(blanked)]
    blanked = _blank(blanked, [(one.start, one.end) for one in others])
    clocks = list(_clocks(blanked))
    blanked = _blank(blanked, [(one.start, one.end) for one in clocks])
    return [*others, *clocks, *_quantities(blanked)], dates


def _halves(text: str) -> Iterator[Quantity]:
    """An hour and a half, half an hour."""
    for match in _HALF.finditer(text):
        measure, size = UNITS[(match["more"] or match["half"]).lower()]
        yield Quantity((1.5 if match["more"] else 0.5) * size, measure, *match.span())


def _weekdays(text: str) -> Iterator[Quantity]:
    """Days of the week, Monday being 1."""
    for match in _WEEKDAY.finditer(text):
        day = _DAYS.index(match["en"]) if match["en"] else "一二三四五六日天".index(match["cn"])
        yield Quantity(float(min(day, 6) + 1), "weekday", *match.span())


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "\x00" * (end - start) + text[end:]
    return text


def _dates(text: str) -> Iterator[Date]:
    for pattern in _DATES:
        found = list(pattern.finditer(text))
        for match in found:
            parts = match.groupdict()
            year, month, day = parts.get("y"), parts.get("m") or parts.get("m2"), parts.get("d")
            yield Date(_year(year), _month(month), int(chinese(day)) if day else None, *match.span())
        text = _blank(text, [match.span() for match in found])
    for match in _DAY.finditer(text):
        yield Date(None, None, int(chinese(match["d"] or match["d2"])), *match.span())


def _year(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isdigit() and text.isascii() else int("".join(str(_CN_DIGIT.get(c, 0)) for c in text))


def _month(text: str | None) -> int | None:
    if text is None:
        return None
    return _MONTHS.get(text.lower().rstrip(".")) or int(chinese(text))


def _clocks(text: str) -> Iterator[Quantity]:
    """Times of day, in minutes."""
    for match in _CLOCK.finditer(text):
        hour = int(chinese(match["h"] or match["h2"]))
        after = (match["pm"] or match["pm2"] or "").strip().lower()
        if (after.startswith("p") or match["half"] in {"下午", "晚上", "傍晚"}) and hour < 12:
            hour += 12
        minutes = int(match["min"] or (30 if match["ban"] else 0))
        yield Quantity(60.0 * hour + minutes, "clock", *match.span())


def _quantities(text: str) -> Iterator[Quantity]:
    idioms = {match.start() for match in _CN_IDIOM.finditer(text)}
    inside = {i for match in _CN_IDIOM.finditer(text) for i in range(*match.span())}
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if match["plain"] and _VERSION_GOES_ON.match(text, match.end("plain")):
            continue
        if match["plain"] and _CODE_BEFORE.search(text[max(0, match.start("plain") - 20) : match.start("plain")]):
            continue
        if match["cn"] and (start in idioms or start in inside):
            continue
        unit = _UNIT.match(text, end)
        if unit and unit["unit"] == "G":  # 5G is no weight
            unit = None
        value = _value(match)
        if value is None or (match["cn"] and not _counts(match["cn"], text, end, unit)):
            continue
        if match["words"] and not unit and (match["words"].lower() == "one" or _THE_TWO.search(text, 0, start)):
            continue
        measure, size = _measure_of(match, unit)
        if match["cn"] and measure in {"length", "yuan"} and unit and (tenths := _TENTHS.match(text, unit.end())):
            value += _CN_DIGIT[tenths.group()] / 10
        yield Quantity(value * size, measure, start, unit.end() if unit and measure else end)


def _measure_of(match: re.Match[str], unit: re.Match[str] | None) -> tuple[str, float]:
    if match["percent_cn"] or match["tenths"] or match["part"] or match["part_cn"]:
        return "share", 1.0
    if match["premier"] or match["ord"] or match["ordinal"] or (match["cn"] or "").startswith("第"):
        return "rank", 1.0
    if match["money"]:
        return UNITS[match["money"].strip()]
    return UNITS[unit["unit"].lower()] if unit else ("", 1.0)


def _counts(numeral: str, text: str, end: int, unit: re.Match[str] | None) -> bool:
    """Whether Chinese numerals are meant as a number: several of them, an ordinal, or one before something counted."""
    if numeral.strip("第") in {"万", "千", "百", "亿", "零", "〇"}:
        return False
    if len(numeral) > 1 or unit is not None:
        return True
    return (
        re.compile(r"[个片粒颗盒瓶包袋份支枚根滴次名位种台件层楼条项家款本张套批组倍级类门间所座辆岁页章节步轮]").match(
            text, end
        )
        is not None
    )


def _value(match: re.Match[str]) -> float | None:
    if match["part"]:
        return round(100 * _ENGLISH_PART[match["part"].lower()] / _ENGLISH_PART[match["of"].lower()])
    if match["part_cn"]:
        return round(100 * chinese(match["part_cn"]) / (chinese(match["of_cn"]) or 1.0))
    if match["premier"]:
        return 1.0
    if match["percent_cn"]:
        return chinese(match["pc"])
    if match["tenths"]:
        return 10.0 * _CN_DIGIT[match["tenths"][0]] + (5 if match["tenths"].endswith("半") else 0)
    if match["plain"]:
        value = float(re.sub("[,，]", "", match["plain"]))
        if match["scale"]:
            value *= _LARGE[match["scale"].lower()]
        for large in match["cn_scale"] or "":
            value *= (_CN_LARGE | _CN_UNIT)[large]
        return value * _SHORT[match["k"][0].lower()] if match["k"] else value
    if match["words"]:
        return _english(match["words"])
    if match["ordinal"]:
        return float(_ORDINAL[match["ordinal"].lower()])
    return chinese(match["cn"].lstrip("第"))


def _english(words: str) -> float:
    total, current = 0.0, 0.0
    for word in re.split(r"[ -]", words.lower()):
        if word in _LARGE:
            current = (current or 1.0) * _LARGE[word]
        else:
            current += {"a": 0.0, "half": 0.5}.get(word, 0.0) + _SMALL.get(word, 0) + _TENS.get(word, 0)
    return total + current


def chinese(text: str) -> float:
    """Value of a numeral in digits or Chinese: 1200, 一千二百, 三十, 二〇二一, 一点五, 三万五."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    whole, _, fraction = text.partition("点")
    value: float = _chinese_whole(whole)
    return value + sum(_CN_DIGIT.get(c, 0) / 10.0**i for i, c in enumerate(fraction, start=1))


def _chinese_whole(text: str) -> float:
    if len(text) > 1 and not any(c in _CN_UNIT or c in _CN_LARGE for c in text):
        return float("".join(str(_CN_DIGIT[c]) for c in text))
    total, section, digit, last = 0.0, 0.0, 0.0, 1.0
    for character in text:
        if character in _CN_DIGIT:
            digit = float(_CN_DIGIT[character])
            last = 10.0 if character in "零〇" else last
        elif character in _CN_UNIT:
            last = float(_CN_UNIT[character])
            section += (digit or 1.0) * last
            digit = 0.0
        else:
            last = float(_CN_LARGE[character])
            total = (total + section + digit) * last
            section, digit = 0.0, 0.0
    return total + section + digit * (last / 10 if last > 10 else 1.0)
