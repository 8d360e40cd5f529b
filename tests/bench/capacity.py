"""A fleet of nodes in front of Redis, as arithmetic: which tier answers what share of a Zipf stream of questions.

A memory that keeps the C last used of many answers holds each for about the same time, the characteristic time T of
    sum over questions of (1 - exp(-rate x T)) = C
(Che, Tung and Wang, "Hierarchical Web caching systems", 2002), and a request finds its answer unless the last one for
it is longer ago. An ingest, or the end of the time to live, makes all answers void at once: time falls into epochs, and
the first request of an epoch always misses. What one tier misses is the stream of the next one, taken as random again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

EXACT, BINS = 1000, 800
"""The most popular questions are counted one by one, the rest in bins of similar popularity."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Rates are questions a second of the whole fleet, costs microseconds of CPU, times seconds."""

    rate: float = 1e6
    distinct: int = 10_000_000
    zipf: float = 1.0
    ttl: float = 2_592_000.0
    ingest_every: float = 3600.0
    nodes: int = 100
    shards: int = 10
    cores: int = 16
    answer_bytes: int = 2500
    memory_mb: float = 8192.0
    memory_bytes: int = 7000
    shard_gb: float = 32.0
    memory_us: float = 10.0
    redis_us: float = 400.0
    miss_us: float = 25_000.0
    answer_s: float = 5.0
    reads_per_s: float = 25.0
    miss_ops: float = 130.0
    shard_ops: float = 100_000.0
    shard_mb_s: float = 1000.0
    model_calls: float = 1000.0
    used: float = 0.6

    @property
    def epoch(self) -> float:
        """How long an answer is good for."""
        return min(self.ttl, self.ingest_every or self.ttl)


@dataclass(frozen=True)
class Load:
    """What the tiers of a fleet have to do; shares of all questions, the rest a second."""

    memory: float
    redis: float
    model: float
    redis_ops: float
    hottest_ops: float
    redis_mb_s: float
    stored: float
    rate: float
    node_us: float
    model_calls: float
    first_second_calls: float
    first_second_ops: float


def popularity(distinct: int, zipf: float) -> tuple[Floats, Floats]:
    """How many questions there are in each bin, and the probability of each one of them, most popular first."""
    edges = np.unique(
        np.concatenate([np.arange(1, min(distinct, EXACT) + 1), np.geomspace(1, distinct + 1, BINS).astype(np.int64)])
    )
    edges = np.append(edges[edges <= distinct], distinct + 1).astype(np.float64)
    counts = np.diff(edges)
    middle = np.where(counts == 1, edges[:-1], np.sqrt(edges[:-1] * (edges[1:] - 1)))
    weights = middle**-zipf
    return counts, weights / float(counts @ weights)


def characteristic_time(counts: Floats, rates: Floats, capacity: float) -> float:
    """How long a memory of `capacity` answers holds one that nobody asks for again; infinite where all have room."""
    if capacity >= counts.sum():
        return float("inf")
    low, high = 0.0, 1.0
    while float(counts @ -np.expm1(-rates * high)) < capacity:
        low, high = high, 2 * high
    for _ in range(25):
        middle = (low + high) / 2
        low, high = (middle, high) if float(counts @ -np.expm1(-rates * middle)) < capacity else (low, middle)
    return high


def missed(counts: Floats, rates: Floats, capacity: float, epoch: float) -> Floats:
    """Misses a second of one question of each bin."""
    held = min(characteristic_time(counts, rates, capacity), epoch)
    # At the moment t of an epoch the last request must be younger than t, and than the time that answers are held.
    misses: Floats = (-np.expm1(-rates * held) + (epoch - held) * rates * np.exp(-rates * held)) / epoch
    return misses


def load(fleet: Fleet) -> Load:
    counts, probability = popularity(fleet.distinct, fleet.zipf)
    of_node = fleet.rate * probability / fleet.nodes
    in_memory = fleet.memory_mb * 1e6 / fleet.memory_bytes
    to_redis = fleet.nodes * missed(counts, of_node, in_memory, fleet.epoch)
    to_model = missed(counts, to_redis, fleet.shards * fleet.shard_gb * 1e9 / fleet.answer_bytes, fleet.epoch)
    redis, model = float(counts @ to_redis), float(counts @ to_model)
    share_redis, share_model = redis / fleet.rate, model / fleet.rate
    # In the first second of an epoch every question is asked for the first time, and whoever asks follows its leader.
    asked = -np.expm1(-fleet.rate * probability)
    followers = fleet.nodes * -np.expm1(-of_node)
    per_question = followers * (1 + fleet.reads_per_s) + asked * fleet.miss_ops / fleet.answer_s
    return Load(
        memory=1 - share_redis,
        redis=share_redis - share_model,
        model=share_model,
        redis_ops=redis + model * fleet.miss_ops,
        hottest_ops=float(per_question.max()),
        redis_mb_s=redis * fleet.answer_bytes / 1e6,
        stored=float(counts @ -np.expm1(-to_redis * fleet.epoch)),
        rate=fleet.rate,
        node_us=fleet.memory_us + share_redis * fleet.redis_us + share_model * fleet.miss_us,
        model_calls=model,
        first_second_calls=float(counts @ asked),
        first_second_ops=float(counts @ per_question),
    )


def nodes_needed(fleet: Fleet, work: Load) -> float:
    return work.rate * work.node_us / (1e6 * fleet.cores * fleet.used)


def shards_needed(fleet: Fleet, work: Load) -> dict[str, float]:
    """By what each limit asks for."""
    return {
        "commands": work.redis_ops / (fleet.shard_ops * fleet.used),
        "bytes sent": work.redis_mb_s / (fleet.shard_mb_s * fleet.used),
        "memory": work.stored * fleet.answer_bytes / (fleet.shard_gb * 1e9 * fleet.used),
    }
