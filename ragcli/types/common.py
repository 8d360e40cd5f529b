"""What all journeys share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector: TypeAlias = npt.NDArray[np.float32]
    """Shape (d,), unit length."""
    Vectors: TypeAlias = npt.NDArray[np.float32]
    """Shape (n, d), rows of unit length."""

Mode = Literal["hybrid", "keyword", "vector"]
Finish = Literal["stop", "length", "interrupted", "error"]
Verdict = Literal["supported", "unsupported", "unknown_source"]
CacheTier = Literal["miss", "memory", "disk", "redis", "semantic"]
Lines: TypeAlias = tuple[int, int]
"""First and last line, from 1, both inclusive."""


class Notice(Struct, frozen=True):
    """Something the user should know while waiting; `wait_s` is the length of a wait that begins now."""

    kind: str
    message: str
    wait_s: float | None = None
