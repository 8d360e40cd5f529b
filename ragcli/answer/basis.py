"""What of a passage an answer rests on: the sentences that say what the sentences which cite it claim."""

from __future__ import annotations

from collections.abc import Sequence

from ragcli.answer.statements import Evidence, claimed
from ragcli.text.sentences import Span

LEAST = 0.2
"""Share of a claim's content that a sentence must add to be part of what it rests on."""


def basis(text: str, claims: Sequence[str]) -> list[Span]:
    """The sentences of the passage that the claims rest on, in order; none for a claim that it knows nothing of."""
    evidence = Evidence(text)
    used: set[Span] = set()
    for claim in claims:
        statement = claimed(claim)
        missing = set(statement.terms)
        for sentence in evidence.nearest(statement):
            gained = {term for term in missing if sentence.known.akin(term)}
            missing -= gained
            if gained and len(gained) >= LEAST * len(statement.terms):
                used.add(sentence.span)
    return sorted(used)
