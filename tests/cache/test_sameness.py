"""The gate of the semantic cache: two questions that differ in what counts never have one meaning."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ragcli.answer.sameness import meaning

HERE = Path(__file__).parent
LEAST = 0.4
"""Share of paraphrases that must hit, in each language."""


def pairs(name: str) -> list[tuple[str, str, bool]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [(pair["a"], pair["b"], pair["same"]) for pair in map(json.loads, lines)]


def same(one: str, other: str) -> bool:
    return bool(meaning(one)) and meaning(one) == meaning(other)


def chinese(text: str) -> bool:
    return any("\u3400" <= character <= "\u9fff" for character in text)


SETS = [f"question_pairs{name}.jsonl" for name in ("", "_unseen", "_third", "_fourth")]


@pytest.mark.parametrize("name", SETS)
def test_no_pair_that_must_not_hit_does_and_enough_paraphrases_do(name: str) -> None:
    """Those after the first set were written when the gate stood, and measured before it was mended for them."""
    found = pairs(name)
    assert [(one, other) for one, other, wanted in found if not wanted and same(one, other)] == []
    for language in (False, True):
        paraphrases = [pair for pair in found if pair[2] and chinese(pair[0]) == language]
        hits = sum(same(one, other) for one, other, _ in paraphrases)
        assert hits >= LEAST * len(paraphrases), f"{hits} of {len(paraphrases)}"


def test_there_are_enough_pairs_and_half_of_them_are_chinese() -> None:
    found = pairs("question_pairs.jsonl")
    assert len(found) >= 200
    assert sum(chinese(one) for one, _, _ in found) >= 0.49 * len(found)


ENGLISH = [
    "How many days of leave does {} get in 2026?",
    "What is the price of {} for {} users?",
    "Why did {} change the policy before March {}?",
    "Can I return {} within {} days?",
    "Which form does {} need after step {}?",
]
CHINESE = [
    "{}在2026年有几天年假？",
    "{}套餐{}人用多少钱？",
    "为什么{}在3月{}日之前修改规定？",
    "{}天内可以退{}吗？",
    "怎么用{}申请第{}项？",
]
NAMES = ["Ada", "Wrenbox", "ERR_CONN_RESET", "X-200", "v2.1", "Müller", "node.js", "Jones", "US", "C++"]


@given(
    st.sampled_from([*ENGLISH, *CHINESE]),
    st.sampled_from(NAMES),
    st.integers(0, 9999),
    st.integers(0, 9999),
)
@settings(max_examples=80, deadline=None)
def test_another_number_is_another_question(template: str, name: str, one: int, other: int) -> None:
    assume(one != other)
    slots = template.count("{}")
    questions = [
        template.format(*([name, number][:slots] if slots > 1 else [f"{name} {number}"])) for number in (one, other)
    ]
    assert meaning(questions[0])
    assert not same(*questions)


@given(st.sampled_from([*ENGLISH, *CHINESE]), st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True))
@settings(max_examples=50, deadline=None)
def test_another_name_is_another_question(template: str, names: list[str]) -> None:
    first, second = (template.format(*([name, 7][: template.count("{}")])) for name in names)
    assert not same(first, second)


@given(st.text(string.ascii_uppercase, min_size=2, max_size=8), st.text(string.ascii_uppercase, min_size=2, max_size=8))
@settings(max_examples=50, deadline=None)
def test_any_two_identifiers_are_two(one: str, other: str) -> None:
    assume(one != other)
    for question in ("What is error {}-17?", "错误{}_17怎么处理？"):
        assert not same(question.format(one), question.format(other))


NEGATABLE = [
    ("Is overtime paid?", "Is overtime not paid?"),
    ("Can I return opened items?", "Can I not return opened items?"),
    ("Which orders are shipped?", "Which orders are not shipped?"),
    ("Do employees have to sign?", "Don't employees have to sign?"),
    ("What is sold with batteries?", "What is sold without batteries?"),
    ("Why does it work?", "Why doesn't it work?"),
    ("哪些订单已付款？", "哪些订单未付款？"),
    ("可以退货吗？", "不可以退货吗？"),
    ("为什么收到邮件？", "为什么没收到邮件？"),
    ("有保修吗？", "没有保修吗？"),
    ("使用权限有哪些？", "禁用权限有哪些？"),
]
OPPOSITES = [
    ("turn on", "turn off"), ("enable", "disable"), ("lock", "unlock"), ("import", "export"), ("increase", "decrease"),
    ("add", "remove"), ("open", "close"), ("install", "uninstall"), ("start", "stop"), ("connect", "disconnect"),
    ("upload", "download"), ("accept", "reject"), ("join", "leave"), ("subscribe to", "unsubscribe from"),
]  # fmt: skip
CHINESE_OPPOSITES = [
    ("启用", "禁用"), ("打开", "关闭"), ("开启", "关闭"), ("导入", "导出"), ("增加", "减少"), ("添加", "删除"),
    ("安装", "卸载"), ("上传", "下载"), ("加入", "退出"), ("锁定", "解锁"), ("购买", "出售"), ("接受", "拒绝"),
]  # fmt: skip
ATTRIBUTES = [
    ("maximum", "minimum"), ("first", "last"), ("before", "after"), ("internal", "external"), ("upper", "lower"),
    ("old", "new"), ("fastest", "slowest"), ("more than", "less than"), ("at least", "at most"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), NEGATABLE)
def test_a_negation_makes_another_question(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize("words", OPPOSITES + CHINESE_OPPOSITES + ATTRIBUTES)
def test_opposites_are_never_the_same(words: tuple[str, str]) -> None:
    if words in CHINESE_OPPOSITES:
        templates = ["怎么{}通知？", "什么时候可以{}账户？", "谁负责{}数据？"]
    elif words in OPPOSITES:
        templates = ["How do I {} notifications?", "Can I {} the account?", "Who may {} the service in 2026?"]
    else:
        templates = ["What is the {} step?", "Is the {} limit ten days?", "What happens {} the deadline?"]
    for template in templates:
        assert not same(template.format(words[0]), template.format(words[1]))


QUESTION_WORDS = ["How", "Why", "When", "Where", "Who", "What", "Which", "How often", "How many", "How long", "Whose"]


def test_each_question_word_asks_for_something_else() -> None:
    english = {meaning(f"{word} does the office close?") for word in QUESTION_WORDS if word != "Which"}
    assert len(english) == len(QUESTION_WORDS) - 1
    asked = ["怎么关门", "为什么关门", "什么时候关门", "在哪里关门", "谁关门", "多久关门", "可以关门吗", "关门吗"]
    assert len({meaning(question) for question in asked}) == len(asked)


@pytest.mark.parametrize(
    "text", ["", "???", "Сколько длится гарантия?", "保証期間はどのくらいですか", "x" * 400, "the?"]
)
def test_what_cannot_be_read_with_certainty_has_no_meaning(text: str) -> None:
    assert meaning(text) == ()
