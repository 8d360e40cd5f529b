"""Whether a passage says what a sentence claims: numbers and dates, names, negation, wording, content words.

Everything here is a sign, not a proof, and it errs towards "unsupported": what is called supported, a reader will not
look up, while a doubt costs a glance at the source. So a claim in words that the passage shares too little of, or with
a number or name that the passage lacks, is not supported, though it may be true.
"""

from __future__ import annotations

import re

from ragcli.answer import amounts
from ragcli.answer.signs import signs
from ragcli.answer.statements import Evidence, claimed

_HAN = re.compile(r"[\u3400-\u9fff]")

WEIGHTS: dict[str, float] = {
    "certain": -0.09,
    "chinese": -0.68,
    "little known": -2.67,
    "clauses": 1.61,
    "amounts": 1.5,
    "amount of others": -2.61,
    "counted otherwise": -0.31,
    "unknown name": -0.31,
    "name of others": -0.54,
    "denies what is said": -0.57,
    "denies alike": 0.85,
    "denied throughout": -1.43,
    "disagrees with all": -1.28,
    "disagrees with sentence": -0.43,
    "denies alone": -0.17,
    "leaves out denial": -1.49,
    "same": 0.61,
    "fits": 1.14,
    "swapped": -1.51,
    "swapped in most": -0.86,
    "lone swapped": -0.77,
    "lone novel": -0.59,
    "lone in most": -1.08,
    "other amount": -3.03,
    "denied in the same words": -1.15,
    "overstated word for word": -0.67,
    "denied word for word": -0.83,
    "turned": -2.12,
}
"""Log odds that a sign adds. A logistic regression on the pairs of the tests that have their numbers and names, on true
claims held against other passages and on true claims denied; no sign may speak against what it is a sign of."""


def supported(text: str, evidence: Evidence) -> bool:
    """Whether the passage says so, as far as numbers, dates, names, negation and content words can tell."""
    claim = claimed(text)
    names = claim.names
    if (
        names.missing_from(evidence.whole.text)
        or names.strange_to(evidence.folded)
        or not amounts.told(claim, evidence)
    ):
        return False
    if _chinese(text) != _chinese(evidence.text) and (any(claim.amounts) or claim.names.certain):
        return True  # said in another language: numbers and names are all that can be compared
    near = evidence.nearest(claim)
    return bool(near) and sum(WEIGHTS[name] * value for name, value in signs(claim, near, evidence).items()) > 0


def _chinese(text: str) -> bool:
    return _HAN.search(text) is not None
