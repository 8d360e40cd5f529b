"""Answers in memory: found again, bounded in bytes and in entries, forgotten in time."""

from __future__ import annotations

from cache_makers import kept, key

from ragcli.store.answers_memory import MemoryAnswers


def memory(max_bytes: int = 1 << 20, *, max_entries: int = 1000, now: float = 1000.0) -> MemoryAnswers:
    return MemoryAnswers(max_bytes, max_entries=max_entries, ttl_s=60, clock=lambda: now)


async def test_gives_back_what_was_put_and_nothing_else() -> None:
    tier = memory()
    await tier.put(key("保修期多久？"), kept("两年 [1]。"))
    assert await tier.get(key("保修期多久？")) == kept("两年 [1]。")
    assert await tier.get(key("保修期多久")) is None
    assert await tier.get(key("保修期多久？", generation=4)) is None
    assert await tier.get(key("保修期多久？", scope="other")) is None


async def test_the_least_recently_used_go_when_the_bytes_are_full() -> None:
    tier = memory(16_000)
    for number in range(20):
        await tier.put(key(f"q{number}"), kept("x" * 200))
        await tier.get(key("q0"))
    stats = await tier.stats()
    assert stats.bytes <= 16_000
    assert 3 < stats.entries < 20
    assert await tier.get(key("q0")) is not None
    assert await tier.get(key("q1")) is None


async def test_no_more_entries_than_allowed_and_none_that_is_too_large_or_too_old() -> None:
    tier = memory(max_entries=2, now=1061.0)
    for number in range(4):
        await tier.put(key(f"q{number}"), kept())
    assert (await tier.stats()).entries == 2
    assert await tier.get(key("q3")) is None, "older than its time to live"
    await tier.put(key("long"), kept("x" * (1 << 18), at=1061.0))
    assert await tier.get(key("long")) is None


async def test_clear_tells_how_many_there_were() -> None:
    tier = memory()
    await tier.put(key("a"), kept())
    await tier.put(key("a"), kept("again"))
    await tier.put(key("b"), kept())
    assert await tier.clear() == 2
    assert (await tier.stats()).bytes == 0
