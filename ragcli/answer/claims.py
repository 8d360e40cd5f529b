"""Whether a passage says what a sentence claims: numbers and dates, names, negation, wording, content words.

Everything here is a sign, not a proof, and it errs towards "unsupported": what is called supported, a reader will not
look up, while a doubt costs a glance at the source. So a claim in words that the passage shares too little of, or with
a number or name that the passage lacks, is not supported, though it may be true.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ragcli.answer.amounts import amounts_hold
from ragcli.answer.meaning import Known
from ragcli.answer.polarity import disagree, overstates
from ragcli.answer.statements import Evidence, Statement, belongs_elsewhere
from ragcli.answer.wording import says_something_else, turned
from ragcli.text.analyze import fold

COVERED = 0.3
"""Share of the claim's content that the passage must know."""
CLOSE = 0.5
"""Share of a clause's content from which on another clause is taken to speak of the same thing."""
CLEARLY = 0.1
"""How much more of it a whole sentence must know to be compared instead of its clauses."""
ALIKE = 0.8
"""Share of a claim beside its first word that a sentence must know to be taken to say it of somebody else."""


def supported(text: str, evidence: Evidence) -> bool:
    """Whether the passage says so, as far as numbers, dates, names, negation and content words can tell."""
    claim = Statement(text)
    near = evidence.nearest(claim)
    if not near:
        return False
    known = Known(term for one in near for term in one.terms)
    return (
        claim.share(known) >= COVERED
        and amounts_hold(claim, near, evidence)
        and _names_hold(claim, near, evidence)
        and _sense_holds(claim, near)
        and _wording_holds(claim, evidence)
    )


def _wording_holds(claim: Statement, evidence: Evidence) -> bool:
    """Whether the claim is not the passage's own sentence with something exchanged in it."""
    passage = fold(evidence.text)
    parts = [part.wording for one in evidence.sentences for part in (*one.clauses, one)]
    if any(says_something_else(clause.wording, parts, passage) for clause in claim.clauses):
        return False
    near = evidence.nearest(claim)[0].wording
    return not any(turned(clause.wording, near) for clause in claim.clauses)


def _names_hold(claim: Statement, near: Sequence[Statement], evidence: Evidence) -> bool:
    if claim.names.missing_from(evidence.text) or _other_subject(claim, near[0], evidence.whole.known):
        return False
    return all(
        not belongs_elsewhere(
            claim,
            near,
            holds=partial(_has_name, name),
            rivals=lambda one: bool(one.names.certain - claim.names.certain),
            itself=name,
        )
        for name in claim.names.certain
    )


def _has_name(name: str, clause: Statement) -> bool:
    return name in clause.names.certain


def _other_subject(claim: Statement, nearest: Statement, known: Known) -> bool:
    """Whether the claim says of its first word, unknown to the passage, what the passage says of its own first word."""
    first, rest = claim.names.first, claim.terms - {claim.names.first}
    if not first or known.akin(first) or len(rest) < 2:
        return False
    theirs = nearest.names.first or next(iter(nearest.names.certain), "")
    said_alike = sum(nearest.known.akin(term) for term in rest) / len(rest)
    return bool(theirs) and theirs not in claim.terms and said_alike >= ALIKE


def _sense_holds(claim: Statement, near: Sequence[Statement]) -> bool:
    """Whether no clause of the claim denies what the clause most like it says."""
    denied = [sentence for clause in claim.clauses if clause.terms for sentence in _denying(clause, near)]
    return not denied or (
        len(claim.clauses) > 1
        and not all(disagree(claim.text, one.text) or overstates(claim.text, one.text) for one in denied)
    )


def _denying(clause: Statement, near: Sequence[Statement]) -> list[Statement]:
    """The sentences that deny what the clause says; none where another one that is as much like it agrees.

    Clauses are compared with clauses; a whole sentence only where it knows clearly more of what is spoken of.
    """
    topic = clause.topic or clause.terms
    candidates = [(other.speaks_of(topic), other, one) for one in near for other in one.clauses]
    best = max(share for share, _, _ in candidates)
    whole = max(one.speaks_of(topic) for one in near)
    if whole > best + CLEARLY:
        candidates = [(one.speaks_of(topic), one, one) for one in near]
        best = whole
    if best < CLOSE:
        return []
    closest = [(other, one) for share, other, one in candidates if share > best - 0.01]
    denied = all(disagree(clause.text, other.text) or overstates(clause.text, one.text) for other, one in closest)
    return [one for _, one in closest] if denied else []
