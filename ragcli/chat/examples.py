"""Questions that the indexed documents can answer, made from their headings, for the first start."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ragcli.text.clean import cells, one_line

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_NUMBERING = re.compile(r"^\s*(?:\d[\d.]*\s*[.)、]?\s|[一二三四五六七八九十]+、|第[一二三四五六七八九十\d]+.)\s*")
_SAYS_LITTLE = re.compile(
    r"(?:introduction|overview|contents|summary|notes?|misc|general|appendix|about|readme|index|background|references?|"
    r"sheet\s*\d+|slide\s*\d+|page\s*\d+|概述|简介|目录|前言|附录|总则|其他|说明|背景|[\W\d_]*)",
    re.IGNORECASE,
)
_NAMES = re.compile(r"[A-Z]\w*[A-Z\d]|[A-Z][a-z]+\s+[A-Z]")
SHORTEST, LONGEST = 4, 44
"""Columns of a heading that makes a good question."""
LONGEST_NAME = 26
"""Columns of a title that is named in it, so that the question fits on a line."""


def examples(outline: Iterable[tuple[str, str]], count: int = 3) -> list[str]:
    """At most `count` questions, each of another document, from its first heading that says something.

    `outline` holds pairs of a document's title and a heading in it.
    """
    questions: dict[str, str] = {}
    for title, heading in outline:
        topic = one_line(_NUMBERING.sub("", heading), 200).strip(" :：*#`")
        name = one_line(title, 200).strip(" #")
        if name in questions or _SAYS_LITTLE.fullmatch(topic) or topic.casefold() in name.casefold():
            continue
        if SHORTEST <= cells(topic) <= LONGEST:
            questions[name] = _question(name, topic)
    return _mixed(list(questions.values()), count)


def _question(name: str, topic: str) -> str:
    if topic.endswith(("?", "？")):
        return topic
    known = 0 < cells(name) <= LONGEST_NAME
    if _CHINESE.search(topic):
        return f"《{name}》里关于{topic}是怎么说的？" if known else f"关于{topic}是怎么说的？"
    topic = topic if _NAMES.search(topic) else topic[:1].lower() + topic[1:]
    return f"What does “{name}” say about {topic}?" if known else f"What do the documents say about {topic}?"


def _mixed(questions: list[str], count: int) -> list[str]:
    """The first ones, with one in Chinese and one in another language where there are both."""
    chinese = [question for question in questions if _CHINESE.search(question)]
    other = [question for question in questions if not _CHINESE.search(question)]
    room = count - min(1, len(chinese))
    chosen = other[:room] + chinese[: max(count - len(other[:room]), 0)]
    return [question for question in questions if question in chosen][:count]
