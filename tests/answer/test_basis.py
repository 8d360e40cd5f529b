"""The sentences of a passage that an answer rests on are found, and no others."""

from __future__ import annotations

import pytest

from ragcli.answer.basis import basis

REFUNDS = (
    "# Refunds\n\nUnopened boxes are refunded in full. For opened boxes we keep a restocking fee of 10 per cent.\n"
    "Parcels leave on Mondays. The refund goes to the original means of payment within 10 working days."
)
WARRANTY = "网关保修三年，探头保修十八个月。电池和电源保修六个月，自签收之日起计算。保修期内免费维修。"


@pytest.mark.parametrize(
    ("text", "claims", "used"),
    [
        (
            REFUNDS,
            ["For opened boxes we keep a restocking fee of 10 per cent."],
            ["For opened boxes we keep a restocking fee of 10 per cent."],
        ),
        (
            REFUNDS,
            ["The money is paid back to the original means of payment within ten working days."],
            ["The refund goes to the original means of payment within 10 working days."],
        ),
        (
            REFUNDS,
            ["Unopened boxes are refunded in full, and parcels leave on Mondays."],
            ["Unopened boxes are refunded in full.", "Parcels leave on Mondays."],
        ),
        (WARRANTY, ["电池保修六个月。"], ["电池和电源保修六个月，自签收之日起计算。"]),
        (WARRANTY, ["探头的保修是十八个月"], ["网关保修三年，探头保修十八个月。"]),
        (WARRANTY, ["The canteen opens at eight."], []),
        (REFUNDS, [], []),
    ],
)
def test_a_claim_rests_on_the_sentences_that_say_it(text: str, claims: list[str], used: list[str]) -> None:
    assert [text[start:end] for start, end in basis(text, claims)] == used
