"""Where sentences end, in English, Chinese and Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.text.sentences import sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Smith paid $3.50 for v1.2.3.", "It works!", "Does it?"],
        ['He said "Go."', "Then he left."],
        ['"What?" he asked.', "Nobody knew."],
        ["Wait... what?", "Well...", "Then no."],
        ["The U.S. Army came.", "He lives in the U.S.", "The man left."],
        ["J. K. Rowling wrote it.", "See Fig. 3 and No. 5.", "Use e.g. Python 3.11."],
        ["It was made by Acme Inc.", "The firm is old."],
        ["Costs fell (by 3.5 %.)", "Nobody cared."],
        ["他说：“走吧。”", "然后离开了。", "真的吗？！", "价格是3.5元。"],
        ["“你好。”他说。", "是的……后来他走了。"],
        ["版本2.0发布。", "Python是语言.", "下一句没有句号"],
        ["第一句！", "第二句；还是第二句。", "「第三句。」", "完"],
    ],
)
@pytest.mark.parametrize("joint", ["", " ", "\n"])
def test_prose_is_split_where_a_reader_would(expected: list[str], joint: str) -> None:
    """Abbreviations, initials, decimals, versions, ellipses and quotes do not mislead; Chinese needs no spaces."""
    chinese = any("\u3400" <= character <= "\u9fff" for character in "".join(expected))
    text = (joint if chinese else joint or " ").join(expected)
    assert split(text) == expected


def test_lines_that_stand_for_themselves_are_units_of_their_own() -> None:
    """Headings, list items with their continuation, table rows and lines of code; paragraphs run over line ends."""
    text = (
        "# Leave\nStaff get 25 days. Requests go to\nthe team lead.\n\n- item one. with two parts\n"
        "- item two\n  goes on\n"
        "1. first\n2) second\n\n| a | b |\n|---|---|\n| 1. x | y |\n\n```py\nx = 1. \ny = 2\n```\nThe end.\n"
    )
    assert split(text) == [
        "# Leave",
        "Staff get 25 days.",
        "Requests go to\nthe team lead.",
        "- item one. with two parts",
        "- item two\n  goes on",
        "1. first",
        "2) second",
        "| a | b |",
        "|---|---|",
        "| 1. x | y |",
        "```py",
        "x = 1.",
        "y = 2",
        "```",
        "The end.",
    ]


def test_citation_marks_belong_to_the_sentence_before_them() -> None:
    assert split("Thirty days. [1] Not more.[2][3] Really [1].") == [
        "Thirty days. [1]",
        "Not more.[2][3]",
        "Really [1].",
    ]
    assert split("三十天。[1]不能更多。[2, 3]完") == ["三十天。[1]", "不能更多。[2, 3]", "完"]


def test_a_long_list_item_is_split_into_its_sentences() -> None:
    assert len(split("- " + "This is a rather long sentence of a list item. " * 8)) == 8


@given(st.text(alphabet=st.sampled_from('aB1. \n。！？"”|-#`*…[]、，·Dr中文'), max_size=80) | st.text(max_size=80))
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    """Spans are in order, do not overlap, and begin and end with something visible."""
    end = 0
    for span in sentences(text):
        assert not text[end : span.start].strip()
        assert text[span.start : span.end].strip() == text[span.start : span.end] != ""
        end = span.end
    assert not text[end:].strip()


def test_a_row_with_dot_leaders_is_a_unit_of_its_own() -> None:
    text = (
        "Periods run from delivery.\nGateway ........ 36 months\n探头 ………… 十八个月\nAsk us.... if in doubt. Or not.\n"
    )
    found = [text[start:end] for start, end in sentences(text)]
    long = "1. " + "All of it counts. " * 40
    assert sentences(long)[0].start == 0
    assert long[sentences(long)[0].start : sentences(long)[0].end] == "1. All of it counts."
    assert found[:3] == ["Periods run from delivery.", "Gateway ........ 36 months", "探头 ………… 十八个月"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "What is in the box\nThe gateway comes with a power supply, two screws, an aerial and a card.",
            ["What is in the box", "The gateway comes with a power supply, two screws, an aerial and a card."],
        ),
        (
            "一、退货\n商品自签收之日起三十天内可以退货，运费由本公司承担。",
            ["一、退货", "商品自签收之日起三十天内可以退货，运费由本公司承担。"],
        ),
        ("Code Meaning\nERR_ONE lid open\nERR_TWO no power", ["Code Meaning", "ERR_ONE lid open", "ERR_TWO no power"]),
        (
            "name,price,unit,note\nA,1,piece,long note here\nB,2,piece,x",
            ["name,price,unit,note", "A,1,piece,long note here", "B,2,piece,x"],
        ),
        (
            "The house was built in 1900 by\nJohn Smith, who lived there with\nhis wife.",
            ["The house was built in 1900 by\nJohn Smith, who lived there with\nhis wife."],
        ),
        (
            "他率27,000人出发。敌军有6,000人，另有1,200人和3,000人在后。战役结束。",
            ["他率27,000人出发。", "敌军有6,000人，另有1,200人和3,000人在后。", "战役结束。"],
        ),
        (
            "Of 1,000, 2,000 or 3,000 men 4,000 fell. It ended.",
            ["Of 1,000, 2,000 or 3,000 men 4,000 fell.", "It ended."],
        ),
        ("热线的服务时间为每天 8:30 至 20:00，\n包括周末。", ["热线的服务时间为每天 8:30 至 20:00，\n包括周末。"]),
    ],
)
def test_a_line_that_ends_early_stands_for_itself_and_wrapped_prose_goes_on(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected
