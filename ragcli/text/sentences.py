"""Where sentences begin and end, in English and Chinese prose and in Markdown.

Every character that is not white space lies in exactly one span; a span never begins or ends with white space. Lines
that stand for themselves (headings, list items, table rows, code) are spans of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """A sentence is `text[start:end]`."""

    start: int
    end: int


EARLY = 0.8
"""Share of the width of its block that a line, with the next word, must stay below to be taken to end by intent."""
LONGEST_ITEM = 240
"""A list item of more characters than this is split into its sentences."""

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_ITEM = re.compile(
    r"\s*(?:[-*+•·]|\d{1,3}[.)、](?=\s|[^\d\s.])|[(（][\da-zA-Z一二三四五六七八九十]{1,3}[)）])\s*(?=\S)"
)
_BULLET = re.compile(r"\s*(?:[-*+•·]\s|\d{1,3}[.)]\s|[(（][\da-zA-Z一二三四五六七八九十]{1,3}[)）]\s)")
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_LEADER = re.compile(r"\s*\S.*?(?:\.{4,}|…{3,}|(?: \.){4,})[ \t]*\S")  # a row whose columns dots join
_RECORD = re.compile(r"(?!.*(?:[。！？，]|,\s|[.!?] [A-Z]))(?:[^,\n]*,(?!(?<=\d,)\d{3}(?!\d))){3,}[^\n]*\Z")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$")
_WRITTEN = re.compile(r"[^\s][^\n]*[^\s]|[^\s]")  # a line without the white space at its ends
_PUNCTUATED = re.compile(r"[.!?,;](?=\s|\Z)|[。！？，；]")
_UNFINISHED = re.compile(
    r"(?:[,，、;；:：(（&/+–—-]|\b(?:a|an|the|of|and|or|to|in|on|at|by|for|from|with|as|is|are|was|were|that|which|than|per|no))\Z",
    re.IGNORECASE,
)
_INDENTED = re.compile(r"(?: {4}|\t)\s*\S")

_FIRST_WORD = re.compile(r"[\u3040-\u9fff]|[^\s\u3040-\u9fff]{1,20}")
_CLOSERS = "\"'”’»)\\]）」』】》〉］*_"
_CJK = r"\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff"
_END = re.compile(
    rf"(?P<wide>[。！？!?｡]+[。！？!?｡….]*)(?P<wide_closers>[{_CLOSERS}]*)"
    rf"|(?P<dots>\.+)(?P<dot_closers>[{_CLOSERS}]*)"
    rf"|(?P<pause>…+)(?P<pause_closers>[{_CLOSERS}]*)"
)
_MARKS = re.compile(r"(?:[ \t]?\[\d{1,3}(?:[,，、 ]+\d{1,3})*\])+")
_OPENERS = re.compile(r"[\s\"'“‘«(\[（「『【《*_]*")
_WORD_BEFORE = re.compile(r"[^\W_][\w.'’-]*\Z")
_GOES_ON = re.compile(r"\s*[,，、；;:：]")

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof rev fr sr jr st mt ft gen col lt sgt capt maj cmdr adm gov sen rep pres hon messrs mme mlle "
    "vs cf viz ca approx est al ibid op eds ed vol vols pp p no nos nr fig figs eq eqs sec ch chap art para app "
    "dept univ assn bros inc ltd co corp llc plc ave blvd rd hwy jan feb mar apr jun jul aug sep sept oct nov dec "
    "mon tue tues wed thu thur thurs fri e.g i.e eg ie etc a.k.a aka b.c a.d c min max tel ext".split()
)
_ONLY_BEFORE_NUMBERS = frozenset(
    "no nos nr fig figs eq eqs sec ch chap art para p pp vol vols app jan feb mar apr jun "
    "jul aug sep sept oct nov dec mon tue wed thu fri min max ext tel ca est ed".split()
)
_MAY_END = frozenset("etc inc ltd co corp llc plc jr sr al b.c a.d ave blvd rd".split())
_STARTERS = frozenset(
    "the a an this that these those it he she they we you i in on at by for from with as after before when while "
    "if although though however but and so there here his her their its our your what who why how where which one "
    "some many most all each both no not during until under over according because despite since then thus".split()
)


def sentences(text: str) -> list[Span]:
    """The sentences of a text, in order, with exact offsets."""
    return [span for start, end, whole in _blocks(text) for span in _split(text, start, end, whole)]


def is_record(line: str) -> bool:
    """Whether a line is a row of comma-separated values; thousands (27,000) are no such values."""
    return _RECORD.match(line) is not None


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Stretches (start, end, stands for itself) within which sentences are looked for."""
    fenced, begin, item = False, -1, False
    previous_end = 0
    for line in _LINE.finditer(text):
        start, end = line.span()
        if start == end:
            break
        content = line.group()
        blank = not content.strip()
        fence = _FENCE.match(content) is not None
        alone = (
            fenced
            or fence
            or _HEADING.match(content)
            or _ROW.match(content)
            or _LEADER.match(content)
            or _RULE.match(content)
            or is_record(content.rstrip("\n"))
            or (begin < 0 and _INDENTED.match(content) and not _BULLET.match(content))
        )
        starts_item = not alone and _BULLET.match(content) is not None
        if begin >= 0 and (blank or alone or starts_item):
            yield begin, previous_end, item and previous_end - begin <= LONGEST_ITEM
            begin, item = -1, False
        if fence:
            fenced = not fenced
        if alone and not blank:
            yield start, end, True
        elif not blank and begin < 0:
            begin, item = start, starts_item
        previous_end = end
    if begin >= 0:
        yield begin, previous_end, item and previous_end - begin <= LONGEST_ITEM


def _split(text: str, start: int, end: int, whole: bool) -> Iterator[Span]:
    if not whole:
        for line_end in (*_early_ends(text, start, end), end):
            for stop in _stops(text, start, line_end):
                yield from _trimmed(text, start, stop)
                start = stop
            yield from _trimmed(text, start, line_end)
            start = line_end
    yield from _trimmed(text, start, end)


def _early_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where a line ends although the next word would have fitted: behind a title, or a row of plain columns.

    Prose is broken into lines where the width of the block ends; so such a line stands for itself, unless it goes on.
    """
    lines = [(match.start(), match.end()) for match in _WRITTEN.finditer(text, start, end)]
    if len(lines) < 2:
        return
    if len(lines) > 2 and not _PUNCTUATED.search(text, start, end):  # rows of columns, verse, names
        yield from (stop for _, stop in lines)
        return
    width = max(stop - begin for begin, stop in lines)
    for (begin, stop), (following, next_stop) in pairwise(lines):
        word = _FIRST_WORD.match(text, following, next_stop)
        fits = stop - begin + 1 + (word.end() - following if word else 0) <= EARLY * width
        if fits and not _UNFINISHED.search(text, begin, stop) and not text[following].islower():
            yield stop


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    kept = piece.strip()
    if kept:
        start += len(piece) - len(piece.lstrip())
        yield Span(start, start + len(kept))


def _stops(text: str, start: int, end: int) -> Iterator[int]:
    """Offsets just behind the last character of each sentence but the last."""
    block_start = start
    for match in _END.finditer(text, start, end):
        stop = match.end()
        marks = _MARKS.match(text, stop, end)
        if marks:
            stop = marks.end()
        following = text[stop : stop + 1]
        if stop >= end or _GOES_ON.match(text, stop, end):
            continue
        if match["wide"]:
            if _ends_wide(text, match, stop, end, following):
                yield stop
        elif match["dots"]:
            if _ends_with_dots(text, block_start, match, stop, end, marks is not None):
                yield stop
        elif following.isspace() and _next_is_capital(text, stop, end):
            yield stop


def _ends_wide(text: str, match: re.Match[str], stop: int, end: int, following: str) -> bool:
    """An ASCII mark needs white space behind it (or Chinese around it); `"What?" he said` goes on."""
    if any(mark in "。！？｡" for mark in match["wide"]):
        return not (match["wide_closers"] and _reports_speech(text, stop, end))
    before = text[match.start() - 1 : match.start()]
    if re.match(rf"[{_CJK}]", before) or re.match(rf"[{_CJK}]", following):
        return True
    return following.isspace() and not _next_is_lower(text, stop, end)


def _reports_speech(text: str, stop: int, end: int) -> bool:
    """`“走吧。”他说` is one sentence."""
    return re.compile(r"[\u4e00-\u9fff]{1,4}(?:说|道|问|答|喊|叫)").match(text, stop, end) is not None


def _ends_with_dots(text: str, block_start: int, match: re.Match[str], stop: int, end: int, marked: bool) -> bool:
    before, following = text[match.start() - 1 : match.start()], text[stop : stop + 1]
    if match.start() == block_start or not before or text[block_start : match.start()].strip().isdigit():
        return False  # nothing before it but, perhaps, the number of a list item
    if not following.isspace():
        wide = re.compile(rf"[{_CJK}]")
        return bool(wide.match(following)) and (bool(wide.match(before)) or marked) and len(match["dots"]) == 1
    if len(match["dots"]) > 1:
        return _next_is_capital(text, stop, end)
    if _next_is_lower(text, stop, end):
        return False
    if match["dot_closers"] or marked:
        return True
    found = _WORD_BEFORE.search(text, max(block_start, match.start() - 40), match.start())
    if found is None:
        return True
    return not _is_abbreviation(found.group(), text[found.start() : found.start() + 1], _next_word(text, stop, end))


def _is_abbreviation(word: str, first: str, following: str) -> bool:
    """Whether the full stop behind `word` belongs to it rather than to the sentence."""
    lowered = word.lower()
    starter = following.lower() in _STARTERS and following[:1].isupper()
    if len(word) == 1 and first.isupper() and word != "I":
        return not starter
    if "." in word:
        if lowered in {"e.g", "i.e", "a.k.a"}:
            return True
        letters = word.split(".")
        return all(len(letter) <= 2 and letter.isalpha() for letter in letters) and not starter
    if lowered not in _ABBREVIATIONS:
        return False
    if lowered in _ONLY_BEFORE_NUMBERS:
        return following[:1].isdigit() or lowered in {"ca", "est"}
    return not (lowered in _MAY_END and (starter or not following))


def _next_word(text: str, stop: int, end: int) -> str:
    opened = _OPENERS.match(text, stop, end)
    position = opened.end() if opened else stop
    word = re.compile(r"\w+").match(text, position, end)
    return word.group() if word else ""


def _next_is_lower(text: str, stop: int, end: int) -> bool:
    return _next_word(text, stop, end)[:1].islower()


def _next_is_capital(text: str, stop: int, end: int) -> bool:
    first = _next_word(text, stop, end)[:1]
    return first.isupper() or first.isdigit()
