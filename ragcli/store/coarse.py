"""Vectors at a byte a number, which tell in a third of the time which rows cannot be among the nearest.

A row x is kept as s c, a scale and integers in -127..127; the question q as t d. Both leave something out, r = x - s c
and u = q - t d, and that bounds by how much a rough score can be wrong (Cauchy and Schwarz):

    |q x - t s (d c)|  <=  |q| |r| + |u| |s c|

Of the rows whose rough score lies more than twice that below the k-th best rough score none is among the k nearest. A
few hundred remain, and they are compared as they are: so nothing is lost, and no setting has to be right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import simsimd

if TYPE_CHECKING:
    import numpy.typing as npt

    from ragcli.types import Vector, Vectors

EachSlice: TypeAlias = Callable[[Callable[[slice], object], int], object]
"""Calls a function with slices that together are a number of rows, in one thread or in several."""

_LARGEST = 127
_ROUNDING = 1e-5
"""Far above what float32 loses in a sum of some thousand products."""
_AT_ONCE = 1_000  # rows that are shortened at a time: the copies that this takes stay small
_TINY = 1e-30  # instead of the scale of a row of zeros


class CoarseRows:
    """The rows of a matrix in short; made of 100,000 x 256 in 0.2 s, by one thread that leaves the interpreter free."""

    def __init__(self, rows: Vectors) -> None:
        self._codes = np.empty(rows.shape, dtype=np.int8)
        self._scales = np.empty(len(rows), dtype=np.float32)
        self._lost = self._longest = 0.0
        for start in range(0, len(rows), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            self._codes[some], self._scales[some], short = _shortened(rows[some])
            self._lost = max(self._lost, float(_lengths(rows[some] - short).max()))
            self._longest = max(self._longest, float(_lengths(short).max()))

    def compare(self, vector: Vector, each_slice: EachSlice) -> RoughScores:
        codes, scales, short = _shortened(vector[None])
        rough = np.empty(len(self._codes), dtype=np.float32)

        def fill(some: slice) -> None:  # not with `out`, for which 6.5 gives away a None that it does not own
            products = simsimd.cdist(codes, self._codes[some], metric="dot", out_dtype="float32")
            np.multiply(np.asarray(products)[0], self._scales[some], out=rough[some])

        each_slice(fill, len(rough))
        length, left_out = float(_lengths(vector[None])[0]), float(_lengths(vector[None] - short)[0])
        error = length * self._lost + left_out * self._longest + _ROUNDING * length * self._longest
        return RoughScores(rough, error / float(scales[0]))


class RoughScores:
    """A score for each row, off by `error` at most."""

    def __init__(self, scores: npt.NDArray[np.float32], error: float) -> None:
        self._scores = scores
        self._error = error

    def candidates(self, k: int) -> npt.NDArray[np.int64]:
        """Rows, ascending, that hold the k nearest whatever the true scores are."""
        rows = highest(self._scores, k, margin=2 * self._error)
        scores = self._scores[rows]
        if len(rows) <= k:
            return rows
        near: npt.NDArray[np.int64] = rows[scores >= np.partition(scores, -k)[-k] - 2 * self._error]
        return near


_RUN = 64


def highest(scores: npt.NDArray[np.float32], k: int, *, margin: float = 0.0) -> npt.NDArray[np.int64]:
    """Rows, ascending, with the k highest scores among them, all that are equal to the last, and few others.

    The k-th highest of the maxima of runs of rows is no higher than the k-th highest of all scores, and is found in a
    tenth of the time. `margin` takes in what lies so far below.
    """
    if k >= len(scores):
        return np.arange(len(scores))
    runs = len(scores) // _RUN
    among = scores[: runs * _RUN].reshape(runs, _RUN).max(axis=1) if runs >= k else scores
    return np.flatnonzero(scores >= np.partition(among, -k)[-k] - margin)


def _shortened(rows: Vectors) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32], Vectors]:
    """Integers, scales, and what both say together."""
    scales = np.maximum(np.abs(rows).max(axis=1), _TINY) / _LARGEST
    whole = np.rint(rows / scales[:, None])
    return whole.astype(np.int8), scales, whole * scales[:, None]


def _lengths(rows: Vectors) -> Vectors:
    lengths: Vector = np.sqrt(np.vecdot(rows, rows))
    return lengths
