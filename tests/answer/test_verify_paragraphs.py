"""A mark at the end of a paragraph speaks for the sentences before it, as far as its source bears them out."""

from __future__ import annotations

import pytest

from ragcli.answer.verify import verify
from ragcli.types import Source

SOURCES = [
    Source(
        n=1,
        path="/docs/warranty.md",
        title="Warranty",
        format="md",
        text="The gateway has a warranty of three years. Repairs take ten working days. "
        "探头的保修期是十八个月。电池不在保修之内。",
        score=1.0,
    )
]


@pytest.mark.parametrize(
    ("answer", "grounded"),
    [
        ("The gateway has a warranty of three years. Repairs take ten working days [1].", True),
        ("探头的保修期是十八个月。电池不在保修之内 [1]。", True),
        ("The gateway has a warranty of nine years. Repairs take ten working days [1].", False),
        ("Repairs take ten working days [1]. The gateway was designed in Zurich by Anna Keller.", False),
        ("The gateway was designed in Zurich by Anna Keller.\n\nRepairs take ten working days [1].", False),
        ("The gateway has a warranty of three years.\n\nRepairs take ten working days [1].", False),
    ],
)
def test_sentences_before_a_mark_count_as_cited_only_where_its_source_supports_them(
    answer: str, grounded: bool
) -> None:
    assert verify(answer, SOURCES).grounded is grounded
