"""What speaks for and against a claim that has its numbers and names from the passage: one figure a sign.

No single one of them is a proof. A word in the place of another one is a lie in one sentence and a paraphrase in the
next; what else of the claim the passage knows tells which. So ragcli.answer.claims weighs them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import itemgetter

from ragcli.answer import amounts
from ragcli.answer.meaning import Known, says_something
from ragcli.answer.polarity import denials, disagree, negated, opposites, overstates
from ragcli.answer.statements import Evidence, Statement, belongs_elsewhere
from ragcli.answer.wording import counted_otherwise, departures, turned

CLOSE = 0.5
"""Share of a clause's content from which on another clause is taken to speak of the same thing."""
CLEARLY = 0.1
"""How much more of it a whole sentence must know to be compared instead of its clauses."""
NEARLY = 0.2
"""How much less than the best clause another one may know, to be asked, too, whether it agrees."""
MOST = 0.6
"""Share of a claim's clause that stands in the passage, from which on what differs looks like the point of it."""
NEARLY_ALL = 0.75
"""The same, from which on a denial is a denial of that very clause."""


def signs(claim: Statement, near: Sequence[Statement], evidence: Evidence) -> dict[str, float]:
    """Each from 0 to 1. `near` are the sentences of the passage that know most of the claim, the best one first.

    That a number was found, or several clauses are told, speaks for a claim: those made up mostly differ in one word.
    """
    nearest = near[0]
    together = claim.share(Known(term for one in near for term in one.terms))
    return {
        "certain": 1.0,
        "chinese": float(not claim.text.isascii()),
        "little known": max(0.0, 0.5 - together),
        "clauses": float(len(claim.clauses) > 1),
        "amounts": float(any(claim.amounts)),
        "amount of others": float(amounts.told_of_others(claim, near)),
        "counted otherwise": float(counted_otherwise(claim.wording, [one.wording for one in evidence.sentences])),
        "unknown name": float(claim.names.doubtful_in(evidence.folded)),
        "name of others": float(_named_of_others(claim, near)),
        **_sense(claim, near),
        **_wording(claim, evidence),
        "turned": float(any(turned(clause.wording, nearest.wording) for clause in claim.clauses)),
    }


def _wording(claim: Statement, evidence: Evidence) -> dict[str, float]:
    found = [departures(clause.wording, evidence.parts, evidence.folded) for clause in claim.clauses]
    pairs = [(clause.text, one) for clause, one in zip(claim.clauses, found, strict=True)]
    content = sum(one.content for one in found) or 1
    return {
        "same": sum(one.same * one.content for one in found) / content,
        "fits": sum(one.fits * one.content for one in found) / content,
        "swapped": max(one.swapped for one in found),
        "swapped in most": float(any(one.swapped >= MOST for one in found)),
        "lone swapped": max(one.lone and one.swapped for one in found),
        "lone novel": max(one.lone and one.novel for one in found),
        "lone in most": float(any(one.lone and one.same >= MOST for one in found)),
        "other amount": max(one.amount for one in found),
        "denied in the same words": max(one.same * disagree(clause, one.like) for clause, one in pairs),
        "overstated word for word": float(
            any(one.same >= MOST and overstates(clause, one.like) for clause, one in pairs)
        ),
        "denied word for word": float(
            any(one.same >= NEARLY_ALL and disagree(clause, one.like) for clause, one in pairs)
        ),
    }


def _named_of_others(claim: Statement, near: Sequence[Statement]) -> bool:
    return any(
        belongs_elsewhere(
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


def _sense(claim: Statement, near: Sequence[Statement]) -> dict[str, float]:
    denied = [sentence for clause in claim.clauses if clause.terms for sentence in _denying(clause, near)]
    topic = claim.topic or claim.terms
    ranked = sorted(
        ((other.speaks_of(topic), other) for one in near for other in one.clauses),
        key=itemgetter(0),
        reverse=True,
    )
    best = ranked[0][1]
    others = [other for share, other in ranked if share >= ranked[0][0] - NEARLY]
    scopes = _scopes(claim, near)
    alike = scopes["denies alike"]
    found = {
        "denied throughout": float(
            bool(denied)
            and (
                len(claim.clauses) == 1
                or all(disagree(claim.text, one.text) or overstates(claim.text, one.text) for one in denied)
            )
        ),
        "disagrees with all": float(all(disagree(claim.text, other.text) for other in others) and not alike),
        "disagrees with sentence": float(disagree(claim.text, near[0].text) and not alike),
        "denies the opposite": float(opposites(claim.text, best.text) % 2 == 1 and not disagree(claim.text, best.text)),
        "denies alone": float(
            denials(claim.text) > 0 and not any(denials(one.text) for one in near) and disagree(claim.text, best.text)
        ),
        "leaves out denial": float(
            not denials(claim.text) and denials(best.text) > 0 and disagree(claim.text, best.text)
        ),
    }
    return scopes | found


def _scopes(claim: Statement, near: Sequence[Statement]) -> dict[str, float]:
    """What is denied on one side and said on the other, and what is denied on both."""
    denied, _ = negated(claim.text)
    theirs = [negated(one.text) for one in near]
    denied_there = frozenset().union(*(one for one, _ in theirs))
    said_there = frozenset().union(*(one for _, one in theirs))
    telling = {
        term for term in denied | denied_there if says_something(term) and not (len(term) == 1 and term.isalpha())
    }
    both = Known(denied_there & telling)
    return {
        "denies what is said": float(
            bool(denied & said_there & telling) and not any(both.akin(term) for term in denied & telling)
        ),
        "denies alike": float(any(both.akin(term) for term in denied & telling)),
    }


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
