"""What a user types becomes a query, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.ports import KeywordQuery
from ragcli.retrieve.query import LONGEST, parse, without_phrases


@pytest.mark.parametrize(
    ("typed", "text", "keywords"),
    [
        ("plain words", "plain words", KeywordQuery("plain words")),
        (
            'restart "reset button" now',
            "restart reset button now",
            KeywordQuery("restart now", phrases=("reset button",)),
        ),
        ("查“退货期限”", "查 退货期限", KeywordQuery("查", phrases=("退货期限",))),
        ("router -wifi", "router", KeywordQuery("router", excluded=("wifi",))),
        ('router -"old model"', "router", KeywordQuery("router", excluded=("old model",))),
        ("退货 -运费", "退货", KeywordQuery("退货", excluded=("运费",))),
        ("days path:*.md path:faq", "days", KeywordQuery("days", paths=("*.md", "faq"))),
        ('path:"my notes" days', "days", KeywordQuery("days", paths=("my notes",))),
        ("at -5 degrees", "at -5 degrees", KeywordQuery("at -5 degrees")),
        ("tar -x --wait well-known", "tar -x --wait well-known", KeywordQuery("tar -x --wait well-known")),
        ("-wifi", "-wifi", KeywordQuery("-wifi")),
        ('open " quote', 'open " quote', KeywordQuery('open " quote')),
        ("a\x00b\x1b", "a b", KeywordQuery("a b")),
    ],
)
def test_operators_are_told_from_text(typed: str, text: str, keywords: KeywordQuery) -> None:
    question = parse(typed)
    assert (question.text, question.keywords) == (text, keywords)


def test_in_a_long_question_quotes_only_emphasise() -> None:
    long = 'The team would like to know whether the so-called "virtual system" is what the users of the interface see.'
    assert parse(long).keywords.phrases == ()
    assert "virtual system" in parse(long).keywords.text


def test_phrases_can_be_given_up() -> None:
    question = without_phrases(parse('restart "reset button" -wifi'))
    assert question.keywords == KeywordQuery("restart reset button", excluded=("wifi",))


@given(st.text(alphabet=st.characters(codec=None), max_size=200) | st.text(alphabet='"“”「」-: pathab退'))
def test_nothing_fails(typed: str) -> None:
    question = parse(typed)
    assert question.text.isprintable() or not question.text.isascii()


def test_a_book_is_cut() -> None:
    assert len(parse("word " * 100_000).text) <= LONGEST
