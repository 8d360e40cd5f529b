"""The semantic tier beside its gate: the scope, the vectors, the script, and trouble with the embedder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cache_makers import kept, key

from ragcli.answer.semantic import Semantic
from ragcli.errors import ConnectionLost
from ragcli.retrieve.fuse import reads
from ragcli.store.answers import SQLiteAnswers

if TYPE_CHECKING:
    from ragcli.types import Vector

ONE, OTHER = "How long is the warranty?", "What is the warranty period?"
EINS, ANDERS = "保修期是多长时间？", "请问质保期有多久"


async def near(text: str) -> Vector:
    return np.array([1.0, 0.1 * ("What" in text)], dtype=np.float32)


async def far(text: str) -> Vector:
    return np.array([0.0, 1.0], dtype=np.float32)


async def longer(text: str) -> Vector:
    return np.ones(3, dtype=np.float32)


async def down(text: str) -> Vector:
    raise ConnectionLost("nobody is there")


@pytest.fixture
def semantic(tmp_path: Path) -> Semantic:
    file = tmp_path / "answers.db"
    return Semantic(SQLiteAnswers(file, max_bytes=1 << 20, max_entries=100, ttl_s=60, clock=lambda: 1000.0))


@pytest.mark.parametrize(("asked", "again"), [(ONE, OTHER), (EINS, ANDERS)])
async def test_other_words_are_found_in_the_same_scope_alone(semantic: Semantic, asked: str, again: str) -> None:
    await semantic.keep(key(asked), kept(asked=asked), near)
    found = await semantic.find(key(again), near)
    assert found is not None
    assert found.asked == asked
    assert await semantic.find(key(again, scope="other"), near) is None
    assert await semantic.find(key(again, generation=4), near) is None


async def test_equal_meaning_is_not_enough_where_the_vectors_are_far_apart_or_of_another_model(
    semantic: Semantic,
) -> None:
    await semantic.keep(key(ONE), kept(asked=ONE), near)
    assert await semantic.find(key(OTHER), far) is None
    assert await semantic.find(key(OTHER), longer) is None


async def test_an_endpoint_that_is_down_costs_the_semantic_hit_alone(semantic: Semantic) -> None:
    await semantic.keep(key(ONE), kept(asked=ONE), down)
    assert await semantic.store.get(key(ONE)) == kept(asked=ONE)
    assert await semantic.find(key(OTHER), near) is None
    await semantic.keep(key(ONE), kept(asked=ONE), near)
    assert await semantic.find(key(OTHER), down) is None


def test_an_embedder_that_cannot_read_the_script_takes_no_part() -> None:
    minilm = "fastembed:sentence-transformers/all-MiniLM-L6-v2:384"
    assert reads(minilm, ONE)
    assert not reads(minilm, EINS)
    assert reads("static:wordllama-l2-256", EINS)
    assert reads("openai:text-embedding-3-small:1536", EINS)
