"""A citation that does not hold is marked where it stands, by the same verdict as the check of the whole answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.answer.doubts import Doubts
from ragcli.answer.verify import verify
from ragcli.types import Source

SOURCES = (
    Source(n=1, path="a", title="a", format="md", score=1.0, text="Refunds take five days. Parcels leave on Mondays."),
    Source(n=2, path="b", title="b", format="md", score=1.0, text="标准版每月五元。专业版每月五十元。"),
)


@pytest.mark.parametrize(
    "marked",
    [
        "Refunds take five days [1]. Refunds take nine days [1?].",
        "标准版每月五元【2】。专业版每月九十元【2?】。",
        "Parcels leave on Mondays [1, 7?].",
        "Parcels leave on Fridays [1-2?].",
        "- Refunds take nine days. [^1?]\n- Parcels leave on Mondays. [1]",
        "| Refunds take six days [1?] |",
        "Use `a[9]`:\n\n```\nb[9]\n```\n",
        "nothing cited",
    ],
)
def test_each_doubtful_number_gets_a_question_mark(marked: str) -> None:
    text = marked.replace("?", "")
    assert Doubts(SOURCES)(text, True) == (marked, len(marked))
    doubtful = [citation.n for citation in verify(text, SOURCES).citations if citation.verdict != "supported"]
    assert bool(doubtful) is ("?" in marked)


PIECES = (
    "Refunds take five days [1]. |Refunds take nine days [1]|Refunds|.|。|etc. |Dr. |However |3 |[2]| [1]|\n\n|\n|- |"
    "“是”[1]。|他说|`x[1]`|I. |It "
).split("|")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=10), st.integers(min_value=0, max_value=200))
def test_what_is_final_of_an_unfinished_text_stays_as_it_is(pieces: list[str], cut: int) -> None:
    text, doubts = "".join(pieces), Doubts(SOURCES)
    whole, _ = doubts(text, True)
    begun, final = doubts(text[:cut], False)
    assert whole.startswith(begun[:final])
    assert whole.replace("?", "") == text
