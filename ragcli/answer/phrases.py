"""Phrases that are written in one way: a table of patterns, each compiled only when its cue stands in a text.

A process that answers one question would spend more time on compiling them all than on the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TypeAlias

Phrase: TypeAlias = tuple[str, str, str]
"""Cues of which one must occur, joined by `|`; the pattern; what is written in its place."""


def rewritten(text: str, phrases: Iterable[Phrase]) -> str:
    """The text with each phrase replaced, one after the other."""
    for cues, pattern, written in phrases:
        if any(cue in text for cue in cues.split("|")):
            text = compiled(pattern).sub(written, text)
    return text


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
