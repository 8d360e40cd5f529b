"""Words are found in a text where the keyword index finds them: apart, within identifiers, between characters."""

from __future__ import annotations

import pytest

from ragcli.retrieve.proximity import Closeness
from ragcli.text.question import content_terms


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("BM25", "RAG系统先用BM25和向量检索找到段落"),
        ("kubernetes", "系统部署在Kubernetes上"),
        ("AI", "他们在用AI模型"),
        ("30秒", "接口超时为30秒。"),
        ("get user name", "Call getUserName() again"),
        ("server", "an HTTPServer was started"),
        ("1042", "error code E1042"),
        ("conn reset", "it logs ERR_CONN_RESET"),
        ("12500", "a sum of 12,500 euros"),
        ("12,500", "金额为１２，５００元"),
        ("1234567", "1,234,567 people"),
        ("abc", "合同编号：ＡＢＣ－２０２６"),
        ("電腦", "电脑不得退换"),
        ("policies", "The Policy of 2026"),
    ],
)
def test_a_word_is_found_where_it_stands(question: str, text: str) -> None:
    terms = set(content_terms(question))
    _, found = Closeness(dict.fromkeys(terms, 1.0)).read(text)
    assert found >= {term for term in terms if len(term) > 1}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("way", "the GATEWAY and the gateway"),
        ("name", "it was renamed"),
        ("12500", "12,5000 and 312,500"),
        ("AI", "maid, Aid and rain"),
        ("42", "1042 and 420"),
    ],
)
def test_a_word_is_not_found_within_another(question: str, text: str) -> None:
    assert Closeness(dict.fromkeys(content_terms(question), 1.0)).read(text) == (0.0, set())
