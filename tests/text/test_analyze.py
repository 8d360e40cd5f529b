"""What is written differently and means the same gives the same terms; what is part of something is found in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.text.analyze import MAX_TERM, terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refunded orders", "refund order"),
        ("退貨政策與電腦系統", "退货政策与电脑系统"),
        ("ＲＡＧ１２３ ｶﾀｶﾅ", "rag123 カタカナ"),
        ("Beyoncé’s café", "Beyonce cafe"),
        ("ERR_CONN_RESET", "errConnReset"),
        ("e-mail Wi-Fi", "email wifi"),
        ("1,234.50 dollars", "1234.50 dollar"),
    ],
)
def test_spellings_of_one_thing_share_their_terms(one: str, other: str) -> None:
    assert set(terms(other)) <= set(terms(one))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("RAG系统的检索", "rag"),
        ("RAG系统的检索", "检索"),
        ("throws ERR_CONN_RESET", "conn reset"),
        ("since v2.3.1", "2.3.1"),
        ("since v2.3.1", "v2"),
        ("calls getUserName()", "user name"),
        ("see src/app/main.py", "main"),
        ("错误E-4012已修复", "4012"),
        ("错误E-4012已修复", "E4012"),
        ("written in C++", "c++"),
        ("the state-of-the-art", "art"),
        ("https://docs.example.com/guide", "example"),
        ("iPhone15", "phone"),
    ],
)
def test_parts_are_found_inside(text: str, asked: str) -> None:
    assert set(terms(asked)) <= set(terms(text))


def test_chinese_becomes_characters_and_overlapping_pairs() -> None:
    assert terms("退货期") == ["退", "退货", "货", "货期", "期"]


def test_repeats_are_kept() -> None:
    assert terms("data about data") == ["data", "about", "data"]


def test_english_stop_words_are_dropped_unless_asked_for() -> None:
    assert terms("To be or not to be") == []
    assert terms("To be, IT said", keep_stop_words=True) == ["to", "be", "it", "said"]


@pytest.mark.parametrize("text", ["", "   ", "?!…——", "😀🎉", "\x00\x1b[31m"[:1]])
def test_text_without_words_has_no_terms(text: str) -> None:
    assert terms(text) == []


@given(st.text(max_size=300))
def test_terms_never_hold_white_space_nor_grow_without_bound(text: str) -> None:
    assert all(0 < len(term) <= MAX_TERM and not any(map(str.isspace, term)) for term in terms(text))


@given(st.text(alphabet="退货期限政策", min_size=2, max_size=8), st.text(max_size=20), st.text(max_size=20))
def test_a_chinese_phrase_is_a_run_of_terms_wherever_it_stands(phrase: str, before: str, after: str) -> None:
    whole, part = terms(f"{before} {phrase}{after}"), terms(phrase)
    assert any(whole[start : start + len(part)] == part for start in range(len(whole)))
