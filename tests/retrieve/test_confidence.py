"""A question about something that the folder does not speak of is told from one that it answers."""

from __future__ import annotations

import math

import pytest

from ragcli.retrieve.confidence import THRESHOLD, confidence
from ragcli.retrieve.fuse import Weight, fuse, keyword_bound, vector_weight
from ragcli.retrieve.query import parse
from ragcli.types import Scores, Source

STATIC = "static:wordllama-l2-256"


def source(text: str, *, keyword: float | None, vector: float | None) -> Source:
    return Source(
        n=1, path="/a", title="", format="text", text=text, score=0, scores=Scores(keyword=keyword, vector=vector)
    )


def sure(query: str, text: str, *, found: float | None, cosine: float | None, embedder: str = STATIC) -> float:
    """`found` is the share of the BM25 bound that the text reaches."""
    question = parse(query)
    rarity = dict.fromkeys(question.terms, 3.0)
    bound = keyword_bound(dict.fromkeys(question.terms, 1), rarity)
    keyword = None if found is None else found * bound
    sources = [source(text, keyword=keyword, vector=cosine)]
    return confidence(question, rarity, sources, chunks=1_000, embedder=embedder)


@pytest.mark.parametrize(
    ("query", "answering", "foreign"),
    [
        (
            "How long is the warranty of the gateway?",
            "The warranty of a gateway is three years.",
            "Her gateway drug was tea.",
        ),
        ("网关的保修期是多久？", "网关的保修期为三年。", "网上购物很方便。"),
    ],
)
def test_what_holds_the_question_is_relevant_and_what_shares_a_word_is_not(
    query: str, answering: str, foreign: str
) -> None:
    assert sure(query, answering, found=0.5, cosine=0.6) > THRESHOLD > sure(query, foreign, found=0.1, cosine=0.3)


@pytest.mark.parametrize(
    ("word", "text"),
    [("turbine", "The turbine spins."), ("turbine rpm", "9,400 rpm. Turbine."), ("锅炉", "锅炉房")],
)
def test_a_word_or_two_that_stand_in_the_folder_are_never_refused(word: str, text: str) -> None:
    """However weak each sign is: whoever types a word wants to see where it stands."""
    assert sure(word, text, found=0.05, cosine=0.0) > THRESHOLD


@pytest.mark.parametrize("query", ["zyzzogeton", "wobble frumious bandersnatch", "饕餮", "魑魅魍魉怎么办？"])
def test_words_that_stand_nowhere_are_refused_however_near_the_offline_embedder_thinks_they_are(query: str) -> None:
    nowhere = dict.fromkeys(parse(query).terms, math.log1p(1_000.5 / 0.5))
    sources = [source("The turbine spins. 锅炉", keyword=None, vector=0.9)]
    assert confidence(parse(query), nowhere, sources, chunks=1_000, embedder=STATIC) < 0.01


def test_the_same_share_of_a_longer_question_is_better_evidence() -> None:
    short, long = "gateway warranty covers floods", "gateway warranty covers floods fires storms lightning theft"
    half = "The gateway warranty is three years."
    same = sure(short, half, found=0.3, cosine=0.4)
    assert sure(long, f"{half} Fires and storms too.", found=0.3, cosine=0.4) > same


def test_what_one_passage_of_many_holds_by_chance_is_weaker_evidence() -> None:
    question = parse("When does the gateway warranty of a broken turbine end?")
    rarity = dict.fromkeys(question.terms, 3.0)
    sources = [source("The gateway warranty is three years.", keyword=5.0, vector=0.4)]
    few, many = (confidence(question, rarity, sources, chunks=n, embedder=STATIC) for n in (100, 5_000))
    assert few > many


@pytest.mark.parametrize("query", ["", "???", "😀"])
def test_no_words_no_confidence(query: str) -> None:
    assert sure(query, "anything", found=0.0, cosine=0.9) == 0


def test_no_sources_no_confidence() -> None:
    assert confidence(parse("router"), {"router": 1.0}, [], chunks=1_000, embedder=STATIC) == 0


def test_each_leg_alone_can_be_sure() -> None:
    text = "The warranty of a gateway is three years."
    assert sure("warranty of the gateway", text, found=0.6, cosine=None) > THRESHOLD
    assert sure("warranty of the gateway", text, found=None, cosine=0.7) > THRESHOLD


def test_a_contextual_embedder_is_believed_where_no_word_is_shared() -> None:
    assert sure("保修多久", "The warranty is three years.", found=0.0, cosine=0.6, embedder="openai:x:1536") > THRESHOLD
    assert sure("保修多久", "The warranty is three years.", found=0.0, cosine=0.6) < THRESHOLD


def test_fusion_keeps_both_legs_and_prefers_what_both_found() -> None:
    hits = fuse({1: 4.0, 2: 3.9}, {2: 0.6, 3: 0.6}, bound=8.0, weight=Weight(0.3))
    assert [hit.id for hit in hits] == [2, 1, 3]
    assert [hit.scores.fused for hit in hits] == pytest.approx([0.7 * 3.9 / 8 + 0.18, 0.35, 0.18])
    places = [(hit.ranks.keyword, hit.ranks.vector, hit.ranks.fused) for hit in hits]
    assert places == [(2, 1, 1), (1, None, 2), (None, 2, 3)]


def test_cosines_that_lie_close_together_are_spread() -> None:
    hits = fuse({}, {1: 0.80, 2: 0.84, 3: 0.82}, bound=0.0, weight=Weight(1.0, spread=True))
    assert [(hit.id, round(hit.scores.fused or 0, 2)) for hit in hits] == [(2, 1.0), (3, 0.5), (1, 0.0)]
    assert fuse({}, {1: 0.8}, bound=0.0, weight=Weight(1.0, spread=True))[0].scores.fused == pytest.approx(1.0)


def test_english_only_models_have_little_to_say_about_chinese() -> None:
    model = "fastembed:sentence-transformers/all-MiniLM-L6-v2:384"
    assert vector_weight(model, "退货期限").vector < 0.1 < vector_weight(model, "return period").vector
    assert 0 < vector_weight("other:model:3", "return period").vector <= 0.1
