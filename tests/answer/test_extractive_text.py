"""What a person reads without a model: rows with their columns, one sentence where one answers, no bare headings."""

from __future__ import annotations

import pytest
from answer_doubles import source

from ragcli.answer.extractive import select
from ragcli.answer.verify import verify

LEVELS = (
    "## How fast we answer\n\n| Level | Meaning | Flock | Colony |\n| --- | --- | --- | --- |\n"
    "| S1 | Readings have stopped for a whole site | 4 hours | 30 minutes |\n"
    "| S2 | One gateway is silent | 1 day | 4 hours |\n"
)
CHINESE_LEVELS = (
    "## 响应时间\n\n| 级别 | 情形 | 归巢版 | 牧群版 |\n|---|---|---|---|\n"
    "| 一级 | 整个库房没有读数 | 2 小时 | 20 分钟 |\n"
)
PRICES = (
    "article,description,price,unit\nPLAN-A,Basic plan,9,month\nPLAN-B,Team plan,29,month\n"
    "SHIP,Delivery in Europe,14,parcel\n"
)


def said(question: str, *passages: str) -> str:
    return "".join(select(question, [source(n, text) for n, text in enumerate(passages, start=1)]))


@pytest.mark.parametrize(
    ("question", "passage", "row"),
    [
        (
            "How fast is an S1 answered on the Colony plan?",
            LEVELS,
            "- S1 — Meaning: Readings have stopped for a whole site; Flock: 4 hours; Colony: 30 minutes [1]",
        ),
        (
            "牧群版一级故障多久响应？",
            CHINESE_LEVELS,
            "- 一级 — 情形: 整个库房没有读数; 归巢版: 2 小时; 牧群版: 20 分钟 [1]",
        ),
        ("What does the Team plan cost?", PRICES, "- PLAN-B — description: Team plan; price: 29; unit: month [1]"),
    ],
)
def test_a_row_is_told_with_the_names_of_its_columns(question: str, passage: str, row: str) -> None:
    answer = said(question, passage)
    assert answer.splitlines()[0] == row
    assert all(one.verdict == "supported" for one in verify(answer, [source(1, passage)]).citations)


def test_a_row_whose_head_is_not_there_is_quoted_as_it_stands() -> None:
    assert said("How fast is S1?", "| S1 | all silent | 30 minutes |\n") == "| S1 | all silent | 30 minutes | [1]"


def test_the_head_of_a_table_and_a_title_are_no_answer() -> None:
    assert "Level" not in said("What level is a silent gateway?", LEVELS).replace("Level:", "")
    manual = "What is in the box\nThe gateway comes with a power supply, a bracket with two screws and an aerial.\n"
    assert said("What is in the box of the gateway?", manual).startswith("The gateway comes")


def test_one_sentence_is_enough_where_it_clearly_answers() -> None:
    text = (
        "The office is in Bristol. Databases are backed up every night and kept for 35 days. Laptops are encrypted. "
        "The kitchen is cleaned at night."
    )
    assert said("How long are nightly backups of databases kept?", text) == (
        "Databases are backed up every night and kept for 35 days. [1]"
    )


def test_a_list_item_comes_with_its_lead_in() -> None:
    text = "The following are refunded in full:\n\n- unopened boxes\n- faulty gateways within 30 days\n"
    assert said("Are faulty gateways refunded within 30 days?", text).startswith(
        "The following are refunded in full:\n\n- "
    )


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        (
            "A lost device is reported\nwithin two hours.\n",
            "When is a lost device reported?",
            "reported within two hours. [1]",
        ),
        ("遗失的设备须在\n两小时内报告。\n", "遗失的设备多久报告？", "遗失的设备须在两小时内报告。 [1]"),
        ("It ends on 13 March 2026.\nNothing follows.\n", "When does it end?", "13 March 2026. [1]"),
    ],
)
def test_prose_is_quoted_on_one_line_and_whole(text: str, question: str, expected: str) -> None:
    assert expected in said(question, text)


def test_of_the_rows_the_one_that_is_asked_for_is_told() -> None:
    """Its neighbours say as much of tents and prices, only of others."""
    table = (
        "| Pitch | Low season | High season |\n|---|---|---|\n| Tent | 14 EUR | 19 EUR |\n| Cabin | 65 EUR | 89 EUR |\n"
    )
    assert said("Price of a cabin in low season?", table) == "- Cabin — Low season: 65 EUR; High season: 89 EUR [1]"
    articles = (
        "| Article | Description | Price |\n|---|---|---|\n| WB2 | Wrenbox WB-2 gateway | 189 |\n"
        "| WB2-CARE | Longer warranty | 39 |\n| WB2-ANT | Aerial | 9 |\n"
    )
    assert said("What is the price of the WB-2?", articles).startswith("- WB2 — Description: Wrenbox WB-2 gateway")


@pytest.mark.parametrize(
    ("question", "passage", "last"),
    [
        (
            "What happens if I cancel three days before arrival?",
            "Tents are free in May. Bookings can be cancelled up to 7 days before arrival. After that, half is due.",
            "After that, half is due. [1]",
        ),
        (
            "取消预订要提前多久？",
            "场内禁止吸烟。取消预订须在开场前四小时提出。逾期不退款。",
            "逾期不退款。 [1]",
        ),
    ],
)
def test_what_else_holds_is_told_with_the_rule(question: str, passage: str, last: str) -> None:
    assert said(question, passage).endswith(last)


def test_what_stands_under_the_heading_that_was_asked_for_is_the_answer() -> None:
    terms = (
        "3. WHAT IS COVERED\n\nFaults of material and workmanship are mended without charge.\n\n"
        "4. WHAT IS NOT COVERED\n\n- Water inside a gateway.\n- Opening the housing.\n"
    )
    answer = said("What is not covered by the warranty?", terms)
    assert "Opening the housing." in answer
    assert "Faults" not in answer


def test_an_item_comes_with_the_version_that_it_stands_under() -> None:
    notes = "## 4.2.0 · 10 February 2026\n\n- Pip Probe is supported.\n\n## 4.1.0\n\n- Longer names.\n"
    assert said("Which version added support for the Pip Probe?", notes).startswith("4.2.0 · 10 February 2026\n\n- Pip")


def test_what_was_only_proposed_does_not_stand_for_what_holds() -> None:
    """Unless the proposal is what is asked for."""
    notes, policy = "Ann proposed a return period of 60 days.", "Returns are taken within a period of 30 days."
    assert "30 days" in said("What is the return period?", notes, policy)
    assert "60 days" in said("What return period was proposed?", notes, policy)
    assert "三十天" in said("退货期限是多久？", "王芳提议把退货期限延长到六十天。", "退货须在三十天的期限内提出。")
