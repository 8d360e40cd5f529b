"""Vectors in short rule out what is far; what is near is never among it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ragcli.store.coarse import CoarseRows, EachSlice, highest

WIDTH = 8
NUMBERS = st.floats(-1e3, 1e3, width=32).map(lambda number: number if abs(number) > 1e-3 else 0.0)


def at_once(call: object, rows: int) -> None:
    call(slice(0, rows))  # type: ignore[operator]


def in_slices_of_three(call: object, rows: int) -> None:
    for start in range(0, rows, 3):
        call(slice(start, start + 3))  # type: ignore[operator]


@st.composite
def many_rows(draw: st.DrawFn) -> np.ndarray:
    """Some of them equal, others nearly so."""
    rng = np.random.default_rng(draw(st.integers(0, 1_000_000)))
    rows = rng.standard_normal((draw(st.integers(1, 1_500)), WIDTH))
    noise = rng.standard_normal(rows.shape) * draw(st.sampled_from([0.0, 1e-4, 1e-2]))
    return (np.round(rows, draw(st.integers(0, 3))) + noise).astype(np.float32)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 12), st.just(WIDTH)), elements=NUMBERS) | many_rows(),
    arrays(np.float32, WIDTH, elements=NUMBERS),
    st.integers(1, 20),
    st.sampled_from([at_once, in_slices_of_three]),
)
def test_the_nearest_rows_are_among_the_candidates(
    rows: np.ndarray, vector: np.ndarray, k: int, each_slice: EachSlice
) -> None:
    candidates = set(CoarseRows(rows).compare(vector, each_slice).candidates(k).tolist())
    scores = np.vecdot(rows, vector)
    nearest = np.lexsort((np.arange(len(rows)), -scores))[:k]
    assert candidates >= set(nearest.tolist())


def test_most_rows_of_a_large_matrix_are_ruled_out() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((5_000, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert len(CoarseRows(rows).compare(rows[0], at_once).candidates(10)) < 1_000


def test_vectors_of_any_width_are_summed_without_overflow() -> None:
    rows = np.ones((3, 4_096), dtype=np.float32)
    rows[1] *= -1
    rough = CoarseRows(rows).compare(rows[0], at_once)
    assert rough.candidates(2).tolist() == [0, 2]


def test_comparing_gives_away_nothing_that_is_not_its_own() -> None:
    """The library that multiplies has a way of being asked that takes None apart, in the end."""
    rows = CoarseRows(np.eye(WIDTH, dtype=np.float32))
    before = sys.getrefcount(None)
    for _ in range(2_000):
        rows.compare(np.ones(WIDTH, dtype=np.float32), at_once)
    assert sys.getrefcount(None) > before - 500


@pytest.mark.parametrize("count", [5, 1_000])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_the_highest_scores_come_with_their_equals(count: int, k: int) -> None:
    scores = np.random.default_rng(k).integers(0, 50, count).astype(np.float32)
    rows = highest(scores, k)
    assert sorted(scores[rows])[-min(k, count) :] == sorted(scores)[-min(k, count) :]
    assert set(np.flatnonzero(scores == sorted(scores)[-min(k, count)])) <= set(rows)
