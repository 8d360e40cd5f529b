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
    "certain": -0.25,
    "chinese": -0.63,
    "little known": -2.56,
    "clauses": 1.54,
    "amounts": 1.58,
    "amount of others": -2.44,
    "counted otherwise": -0.2,
    "unknown name": -0.5,
    "name of others": -1.15,
    "denies what is said": -0.7,
    "denies alike": 0.55,
    "denied throughout": -1.53,
    "disagrees with all": -1.24,
    "disagrees with sentence": -0.48,
    "denies the opposite": 0.33,
    "denies alone": -0.26,
    "leaves out denial": -1.32,
    "same": 0.68,
    "fits": 1.02,
    "swapped": -1.53,
    "swapped in most": -0.89,
    "lone swapped": -0.55,
    "lone novel": -0.94,
    "lone in most": -0.72,
    "other amount": -3.06,
    "denied in the same words": -1.01,
    "overstated word for word": -0.53,
    "denied word for word": -0.44,
    "turned": -1.99,
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
