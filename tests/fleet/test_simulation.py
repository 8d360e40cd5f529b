"""What the README says of a million questions a second is arithmetic; the real cache bears it out on a small scale."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from redis_server import require_redis

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from capacity import Fleet, load, popularity
from simulate import REQUESTS, SMALL, TOLERANCE, main, replayed, shares, size


async def test_the_real_cache_answers_from_each_tier_what_was_computed() -> None:
    require_redis()
    measured, expected = await replayed(SMALL, REQUESTS // 6), shares(load(SMALL))
    assert measured == pytest.approx(expected, abs=3 * TOLERANCE)
    assert sum(expected.values()) == pytest.approx(1)


def test_popularity_is_a_distribution_also_where_questions_are_counted_in_bins() -> None:
    for distinct, zipf in ((1, 1.0), (999, 0.8), (1001, 1.0), (10_000_000, 1.2)):
        counts, probability = popularity(distinct, zipf)
        assert counts.sum() == distinct
        assert counts @ probability == pytest.approx(1)
        assert (probability[:-1] >= probability[1:]).all()


def test_what_helps_a_cache_helps_the_computed_one() -> None:
    base = Fleet(rate=1e5, distinct=1_000_000, nodes=20, shards=4, memory_mb=1000.0)
    work = load(base)
    assert load(replace(base, memory_mb=2 * base.memory_mb)).memory > work.memory
    assert load(replace(base, nodes=10)).memory > work.memory
    assert load(replace(base, ingest_every=60)).model > work.model > load(replace(base, ingest_every=0)).model
    assert load(replace(base, zipf=1.2)).model < work.model
    assert size(replace(base, memory_us=1000.0)).nodes > size(base).nodes


def test_the_report_names_nodes_shards_and_what_breaks_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--no-check", "--rate", "50000", "--distinct", "100000", "--model-calls", "10"]) == 0
    said = capsys.readouterr().out
    assert "what carries how many questions a second" in said
    assert "calls of the model, after an ingest" in said.splitlines()[-6]
    assert "<- too little" in said.splitlines()[-6]
