"""Words that stand together say more than the same words scattered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.retrieve.proximity import Closeness
from ragcli.retrieve.query import parse
from ragcli.retrieve.rerank import BuiltinRanker, Candidate, ModelRanker
from ragcli.text.question import content_terms
from ragcli.types import Scores, StoredChunk


def candidate(id: int, text: str, fused: float = 0.5) -> Candidate:
    return Candidate(StoredChunk(id, id, f"/{id}.txt", "", "text", 0, text, 0, len(text)), Scores(fused=fused))


@pytest.mark.parametrize(
    ("question", "together", "scattered"),
    [
        (
            "router reset button",
            "Press the reset button of the router.",
            "The router is here. " + "x " * 100 + "A reset helps. " + "x " * 100 + "A button.",
        ),
        ("退货运费", "退货的运费由公司承担。", "退货见下文。" + "其他事项另行通知。" * 10 + "运费另计。"),
        ("refund policies", "Our policy on refunding", "We refund. " + "x " * 100 + "A policy."),
    ],
)
def test_what_stands_together_is_closer(question: str, together: str, scattered: str) -> None:
    weight = dict.fromkeys(content_terms(question), 1.0)
    assert Closeness(weight).of(together) > Closeness(weight).of(scattered) > 0


def test_a_short_term_is_a_whole_word() -> None:
    assert Closeness({"c": 1.0}).of("abc cd c3") == 0
    assert Closeness({"c": 1.0}).of("written in C.") == 1


@given(st.lists(st.sampled_from(["ab", "退货", "货", "v2.3", "zzz"]), max_size=6), st.text(max_size=200))
def test_closeness_is_a_share(terms: list[str], text: str) -> None:
    assert 0 <= Closeness(dict.fromkeys(terms, 0.7)).of(text) <= 1 + 1e-9


async def test_closeness_decides_between_equals_but_not_against_a_clear_lead() -> None:
    question = parse("router reset button")
    rarity = dict.fromkeys(question.terms, 1.0)
    far, close = (
        candidate(1, "router. " + "x " * 200 + "reset. " + "x " * 200 + "button"),
        candidate(2, "router reset button"),
    )
    ranking = await BuiltinRanker().rank(question, [far, close], rarity)
    assert [each.chunk.id for each in ranking.candidates] == [2, 1]
    ranking = await BuiltinRanker().rank(question, [candidate(1, far.chunk.text, 0.9), close], rarity)
    assert [each.chunk.id for each in ranking.candidates] == [1, 2]


class Slow:
    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        await asyncio.Event().wait()
        return []


class Short:
    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        return [1.0]


@pytest.mark.parametrize(("model", "why"), [(Slow(), "longer than"), (Short(), "does not fit")])
async def test_a_model_that_is_late_or_wrong_is_passed_over_with_one_notice(model: Slow | Short, why: str) -> None:
    question = parse("router")
    candidates = [candidate(1, "router", 0.9), candidate(2, "router", 0.1)]
    ranking = await ModelRanker(model, timeout=0.01 if isinstance(model, Slow) else 60).rank(
        question, candidates, {"router": 1.0}
    )
    assert [each.chunk.id for each in ranking.candidates] == [1, 2]
    (notice,) = ranking.notices
    assert why in notice.message


async def test_a_model_is_not_asked_about_nothing() -> None:
    assert (await ModelRanker(Slow(), timeout=0.01).rank(parse("x"), [], {})).notices == ()
