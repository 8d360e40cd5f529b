"""The measures of a ranking, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.retrieve.metrics import mean, ndcg, recall, reciprocal_rank

RANKED = ["甲", "b", "c", "丁", "e"]


@pytest.mark.parametrize(
    ("expected", "gain", "found", "rank"),
    [
        ({"甲"}, 1.0, 1.0, 1.0),
        ({"c"}, 0.5, 1.0, 1 / 3),
        ({"甲", "c"}, 1.5 / (1 + 1 / math.log2(3)), 1.0, 1.0),
        ({"b", "无"}, (1 / math.log2(3)) / (1 + 1 / math.log2(3)), 0.5, 0.5),
        ({"无"}, 0.0, 0.0, 0.0),
        (set(), 0.0, 0.0, 0.0),
    ],
)
def test_each_measure_on_a_small_ranking(expected: set[str], gain: float, found: float, rank: float) -> None:
    assert ndcg(RANKED, expected) == pytest.approx(gain)
    assert recall(RANKED, expected) == pytest.approx(found)
    assert reciprocal_rank(RANKED, expected) == pytest.approx(rank)


def test_only_the_first_k_count() -> None:
    assert ndcg(RANKED, {"e"}, 4) == recall(RANKED, {"e"}, 4) == reciprocal_rank(RANKED, {"e"}, 4) == 0


def test_more_than_k_expected_do_not_lower_the_recall() -> None:
    assert recall(RANKED, set(RANKED) | {"f", "g"}, 5) == 1


def test_an_item_counts_where_it_stands_first() -> None:
    assert ndcg(["a", "a", "b"], {"b"}) == ndcg(["a", "b"], {"b"})


def test_the_mean_of_nothing_is_nothing() -> None:
    assert mean([]) == 0
    assert mean([1.0, 0.0]) == 0.5


@given(st.lists(st.integers(0, 9)), st.sets(st.integers(0, 9), min_size=1), st.integers(1, 10))
def test_every_measure_is_a_share_and_full_marks_are_for_the_best_ranking(
    ranked: list[int], expected: set[int], k: int
) -> None:
    for measure in (ndcg, recall, reciprocal_rank):
        assert 0 <= measure(ranked, expected, k) <= 1 + 1e-12
        assert measure([*expected, *ranked], expected, k) == pytest.approx(1)
