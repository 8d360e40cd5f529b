"""What a question means, as far as that can be told with certainty: the gate of the semantic cache.

Two questions mean the same where nothing is left of them that differs once it is written in one way: polite openings
and articles go, question words and a short list of true synonyms become one word each, spellings and plurals are made
equal. Everything else stays, in its order: numbers, units, names, negation, tense, comparatives, prepositions, who does
what to whom. So a word that is not known to be the same as another *is* another, whatever its vector says: "turn off"
never equals "turn on", nor 2023 2024, and an unknown paraphrase is a miss.
"""

from __future__ import annotations

from ragcli.text.analyze import simplify

LONGEST = 300
"""Characters; what is longer is a text, not a question that somebody asks again in other words."""


def meaning(question: str) -> tuple[str, ...]:
    """Equal for questions that ask the same; empty where that cannot be told."""
    text = " ".join(simplify(question).split())
    if len(text) > LONGEST or any(map(_other_script, text)):
        return ()
    if any("\u3400" <= character <= "\u9fff" for character in text):
        from ragcli.answer.sameness_chinese import canonical

        return canonical(text)
    from ragcli.answer.sameness_english import canonical as english

    return english(text) if any(character.isascii() and character.isalpha() for character in text) else ()


def _other_script(character: str) -> bool:
    """Greek, Cyrillic and what follows them, kana, Hangul; a pattern for them takes milliseconds to compile."""
    return "\u0370" <= character <= "\u1fff" or "\u3040" <= character <= "\u30ff" or "\uac00" <= character <= "\ud7af"
