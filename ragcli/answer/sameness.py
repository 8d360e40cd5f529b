"""What a question means, as far as that can be told with certainty: the gate of the semantic cache.

Two questions mean the same where nothing is left of them that differs once it is written in one way: polite openings
and articles go, question words and a short list of true synonyms become one word each, spellings and plurals are made
equal. Everything else stays, in its order: numbers, units, names, negation, tense, comparatives, prepositions, who does
what to whom. So a word that is not known to be the same as another *is* another, whatever its vector says: "turn off"
never equals "turn on", nor 2023 2024, and an unknown paraphrase is a miss.
"""

from __future__ import annotations

import re

from ragcli.text.analyze import simplify

LONGEST = 300
"""Characters; what is longer is a text, not a question that somebody asks again in other words."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_READABLE = re.compile(r"[A-Za-z\u3400-\u9fff]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af]")


def meaning(question: str) -> tuple[str, ...]:
    """Equal for questions that ask the same; empty where that cannot be told."""
    text = " ".join(simplify(question).split())
    if len(text) > LONGEST or not _READABLE.search(text) or _OTHER_SCRIPT.search(text):
        return ()
    if _HAN.search(text):
        from ragcli.answer.sameness_chinese import canonical

        return canonical(text)
    from ragcli.answer.sameness_english import canonical as english

    return english(text)
