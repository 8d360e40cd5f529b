"""The answer of no model: the sentences of the sources that answer the question, quoted exactly, in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf

from msgspec.structs import replace

from ragcli.answer.meaning import Known, content_terms
from ragcli.answer.polarity import denials
from ragcli.answer.relevance import Sentence, ranked
from ragcli.answer.tables import is_header, told
from ragcli.text.analyze import UNSPACED, terms
from ragcli.types import Source

LONGEST = 4
"""Sentences of one answer."""
WORDS = 80
"""Words beyond which no sentence is added; a character of a script without spaces is WIDE of a word."""
WIDE = 74 / 129
WEAK = 2.5
"""A sentence that scores so much less than the best one (in logarithms of odds) is not worth reading."""
WEAKER = 4.0
"""The same where several things are asked for."""
MOST_READ = 120_000
"""Characters of the sources that are looked at."""

_COUNTED = re.compile(rf"(?P<wide>[{UNSPACED}])|[^\s{UNSPACED}]+")
PARAGRAPH = "\n\n"
TITLE = 8
"""Words below which a line without an end mark and without a figure only names what follows."""

PROPOSED = 4.0
"""What a sentence loses that tells of a proposal where none was asked for: what holds may be something else."""
STRANGE = 1.0
"""What a row loses for each word of its name that was not asked for."""

_THEN = re.compile(
    r"(?:after (?:that|this)|afterwards|otherwise|in (?:that|this|such a) case|if not|if so|until then|before that"
    r"|else|failing that|without (?:it|this|that)|exceptions?)\b|此后|否则|不然|逾期|届时|此前|之后"
    r"|超过的|除此之外|例外",
    re.IGNORECASE,
)
_BROKEN = re.compile(rf"[ \t]*(?:(?<=([{UNSPACED}，。、；：]))\n[ \t]*(?=[{UNSPACED}])|\n[ \t]*)")
_FINISHED = re.compile(r"[.!?…。！？:：;；|\"'”’)\]）」』】`*]\s*\Z|[\d_]")
_SEVERAL = re.compile(
    r"\b(?:and|or)\s+(?:who|what|when|where|why|how|which|by whom)\b|\bwhat (?:are|were)\b|\bwhich \w+s\b"
    r"|\b(?:list|name) (?:the|all)\b"
    r"|哪些|哪几|分别|有哪|以及|[？?].+[？?]",
    re.IGNORECASE,
)
_PROPOSAL = re.compile(r"\bpropos(?:e[sd]?|als?|ing)\b|提议|提案|议案|提議|議案", re.IGNORECASE)
_NUMBER = re.compile(r"\A\s*\d{1,3}[.)]\s+")
_OWN_LINE = re.compile(r"\s*[-*+•·|>#]")
_ITEM = re.compile(r"\s*(?:[-*+•·]|\d{1,3}[.)])\s")
_LEAD_IN = re.compile(r"[:：]\s*\Z")
_FIGURE = re.compile(r"\d[\d.]*\d")
_HEADING = re.compile(r" {0,3}#{1,6}\s")


def select(question: str, sources: Sequence[Source]) -> Iterator[str]:
    """The answer in pieces, one a sentence: each quotes a source and ends in its ` [n]`.

    A row of a table is told with the names of its columns, a list item with what leads in to the list.
    """
    before, shown, led_in = -1, "", ""
    for sentence in best(question, [source.text for source in sources]):
        passage = sources[sentence.passage].text
        quoted, lead = _quoted(passage, sentence), _lead_in(passage, sentence)
        joint = "" if before < 0 else _joint(shown, quoted) if before == sentence.passage else PARAGRAPH
        if lead and (before, led_in) != (sentence.passage, lead):
            joint = f"{PARAGRAPH if joint else ''}{lead}{PARAGRAPH}"
        yield f"{joint}{quoted} [{sources[sentence.passage].n}]"
        before, shown, led_in = sentence.passage, quoted, lead


def _quoted(passage: str, sentence: Sentence) -> str:
    """On one line where it is prose; the number of a list item is dropped: it means nothing outside of its list."""
    row = told(passage, sentence.start, sentence.end)
    if row != sentence.text:
        return f"- {row}"
    return _BROKEN.sub(lambda match: "" if match[1] else " ", _NUMBER.sub("", sentence.text))


def best(question: str, passages: Sequence[str]) -> list[Sentence]:
    """One to four sentences in reading order; none where no passage has any."""
    found = ranked(question, _limited(passages))
    named = _of_their_rows(question, passages, _under_headings(question, passages, found))
    if not _PROPOSAL.search(question):
        named = [replace(one, score=one.score - PROPOSED) if _PROPOSAL.search(one.text) else one for one in named]
    candidates = [one for one in named if not _names_only(passages[one.passage], one)] or found
    followed = {(one.passage, one.start): after for one, after in pairwise(found) if _follows(one, after)}
    candidates.sort(key=lambda sentence: -sentence.score)
    chosen: list[Sentence] = []
    seen: set[str] = set()
    room, margin = float(WORDS), WEAKER if _SEVERAL.search(question) else WEAK
    for sentence in candidates:
        if len(chosen) == LONGEST or sentence.score < candidates[0].score - margin:
            break
        length = words(sentence.text)
        if sentence.text in seen or (chosen and length > room):
            continue
        seen.add(sentence.text)
        chosen.append(sentence)
        room -= length
        after = followed.get((sentence.passage, sentence.start))
        if after and len(chosen) < LONGEST and words(after.text) <= room and after.text not in seen:
            seen.add(after.text)
            chosen.append(after)
            room -= words(after.text)
    return sorted(chosen, key=lambda sentence: (sentence.passage, sentence.start))


def _follows(sentence: Sentence, after: Sentence) -> bool:
    """Whether the next sentence says what else holds: "After that, half of the price is due"."""
    return sentence.passage == after.passage and _THEN.match(after.text) is not None


def _under_headings(question: str, passages: Sequence[str], found: Sequence[Sentence]) -> list[Sentence]:
    """The sentences; those under a heading that answers better than any of them, scored like it."""
    headings = [one for one in found if _names_only(passages[one.passage], one)]
    best_heading = max((one.score for one in headings), default=-inf)
    if best_heading < max((one.score for one in found), default=0.0):
        return list(found)
    denied = denials(question) > 0
    alike = [one for one in headings if one.score > best_heading - WEAK]
    top = max(alike, key=lambda one: ((denials(one.text) > 0) == denied, one.score))
    below = [one for one in found if one.passage == top.passage and one.start > top.start]
    end = next((one.start for one in below if one in headings), inf)
    under = {one.start: best_heading - place / 10 for place, one in enumerate(below) if one.start < end}
    return [
        replace(one, score=under[one.start]) if one.passage == top.passage and one.start in under else one
        for one in found
    ]


def _of_their_rows(question: str, passages: Sequence[str], found: Sequence[Sentence]) -> list[Sentence]:
    """The sentences; rows of a table about another thing than the one row that names what is asked for come last."""
    asked = Known(terms(question))
    keys = {i: content_terms(_cell(row)) for i, one in enumerate(found) if (row := _row(passages, one)) != one.text}
    naming = {found[i].passage for i, key in keys.items() if any(map(asked.akin, key))}
    kept: list[Sentence] = []
    for i, sentence in enumerate(found):
        lost = 0.0
        if i in keys and sentence.passage in naming:
            strange = sum(not asked.akin(term) for term in keys[i])
            lost = WEAKER if strange == len(keys[i]) else STRANGE * strange
        kept.append(replace(sentence, score=sentence.score - lost) if lost else sentence)
    return kept


def _row(passages: Sequence[str], sentence: Sentence) -> str:
    return told(passages[sentence.passage], sentence.start, sentence.end)


def _cell(row: str) -> str:
    """The first cell of a row that was told."""
    return row.partition(" — ")[0]


def _names_only(passage: str, sentence: Sentence) -> bool:
    """Whether it is a heading, a title, a lead-in, or the head of a table."""
    text = _NUMBER.sub("", sentence.text)
    return (
        (words(text) < TITLE and not _FINISHED.search(text) and not _OWN_LINE.match(text))
        or _HEADING.match(sentence.text) is not None
        or _LEAD_IN.search(sentence.text) is not None
        or is_header(passage, sentence.start, sentence.end)
    )


def _lead_in(passage: str, sentence: Sentence) -> str:
    """The line above the list that the sentence is an item of, if it ends in a colon or is a heading with a figure, as
    of a version or a day; else nothing."""
    if not _ITEM.match(sentence.text):
        return ""
    for line in reversed(passage[: sentence.start].splitlines()):
        if line.strip() and not _ITEM.match(line) and not line.startswith((" ", "\t")):
            if _HEADING.match(line):
                return line.strip(" #") if _FIGURE.search(line) else ""
            return line.strip() if _LEAD_IN.search(line) else ""
    return ""


def words(text: str) -> float:
    """Length as a reader feels it, in English words."""
    return sum(WIDE if match["wide"] else 1.0 for match in _COUNTED.finditer(text))


def _limited(passages: Sequence[str]) -> list[str]:
    """The passages, the longest cut so that all together stay within MOST_READ."""
    share = MOST_READ // max(len(passages), 1)
    return [passage[:share] for passage in passages]


def _joint(before: str, quoted: str) -> str:
    lines = bool(_OWN_LINE.match(before)), bool(_OWN_LINE.match(quoted))
    return "\n" if all(lines) else PARAGRAPH if any(lines) else " "
