"""Question -> what each leg is asked: free text, and the operators that a user may write.

"exact phrase"   must stand in the passage      (also “ ” and 「 」)
-word  -"a b"    must not stand in it
path:faq  path:*.md   only documents whose path matches
"""

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

from ragcli.ports import KeywordQuery
from ragcli.text.question import content_terms

LONGEST = 10_000
"""Characters of a question that count; a pasted book is not searched to its end."""

_SHORT = 80
"""Characters beside its phrases, a Chinese one counted twice, up to which a query's quotes are meant as an operator."""
_QUOTED = r'"([^"]+)"|“([^”]+)”|「([^」]+)」'
_OPERATOR = re.compile(
    rf'(?<!\S)path:(?:"([^"]+)"|(\S+))'  # groups 1, 2
    rf"|(?<!\S)-(?:{_QUOTED}|([^\W\d_]\w[^\s]*|[\u3400-\u9fff]\S*))"  # groups 3 to 6
    rf"|{_QUOTED}"  # groups 7 to 9
)


class Question(Struct, frozen=True):
    """A question, parsed. `text` is without operators, phrases kept; `terms` are what it is about, repeats kept."""

    text: str
    keywords: KeywordQuery
    terms: tuple[str, ...]

    @property
    def filtered(self) -> bool:
        """Only some passages may answer."""
        return bool(self.keywords.phrases or self.keywords.excluded or self.keywords.paths)


def parse(query: str) -> Question:
    """Never fails: what is no operator is text, and a question of nothing but exclusions is taken as text."""
    cleaned = _clean(query)
    paths: list[str] = []
    excluded: list[str] = []
    phrases: list[str] = []

    def take(match: re.Match[str]) -> str:
        path = match[1] or match[2]
        unwanted = match[3] or match[4] or match[5] or match[6]
        phrase = match[7] or match[8] or match[9] or ""
        if path:
            paths.append(path)
            return " "
        if unwanted:
            excluded.append(unwanted)
            return " "
        if phrase.strip():
            phrases.append(phrase.strip())
        return f" {phrase} "

    text = " ".join(_OPERATOR.sub(take, cleaned).split())
    if not text and not paths:
        text, excluded = cleaned, []
    free = _without(text, phrases)
    if len(free) + sum(character > "\u2e7f" for character in free) > _SHORT:
        free, phrases = text, []
    keywords = KeywordQuery(free, phrases=tuple(phrases), excluded=tuple(excluded), paths=tuple(paths))
    return Question(text, keywords, tuple(content_terms(text)))


def without_phrases(question: Question) -> Question:
    """The same question with its phrases as free text: for when no passage has them word for word."""
    keywords = KeywordQuery(question.text, excluded=question.keywords.excluded, paths=question.keywords.paths)
    return Question(question.text, keywords, question.terms)


def _clean(query: str) -> str:
    """Cut to LONGEST; control characters and lone surrogates are spaces."""
    query = query[:LONGEST]
    if not query.isprintable():
        query = "".join(" " if unicodedata.category(character) in {"Cc", "Cs"} else character for character in query)
    return query.strip()


def _without(text: str, phrases: list[str]) -> str:
    for phrase in phrases:
        text = text.replace(phrase, " ", 1)
    return " ".join(text.split())
