"""A short version of `tests/torture.py`: ingests that are really killed, and what is found afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from torture import rounds

PLANS: list[tuple[str | None, bool]] = [
    ("pending", False),
    ("in Chroma's call", True),
    ("flushing", True),
]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="the kill is POSIX's")
def test_killed_ingests_lose_nothing_and_index_nothing_twice(tmp_path: Path) -> None:
    """Readers find whole documents after each kill, and the next ingest brings all indexes in line."""
    lines = list(rounds(tmp_path / "run", 3, PLANS))

    assert [line.split()[0] for line in lines] == ["killed"] * len(PLANS)
