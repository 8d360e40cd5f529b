"""Puts the answer cache together, and says what an answer depends on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ragcli.errors import CacheFailed, StoreError

if TYPE_CHECKING:
    from ragcli.answer.tiers import AnswerCache
    from ragcli.config import Settings
    from ragcli.ports import AnswerTier, TierStats
    from ragcli.store.answers import SQLiteAnswers
    from ragcli.store.embeddings import SQLiteVectors
    from ragcli.store.layout import Place
    from ragcli.store.redis_link import RedisLink

MEGABYTE = 1 << 20


def disk_answers(home: Path, settings: Settings) -> SQLiteAnswers:
    """`answers.db`, whether or not it exists."""
    from ragcli.store.answers import SQLiteAnswers

    cache = settings.cache
    return SQLiteAnswers(
        home / "answers.db",
        max_bytes=cache.disk_mb * MEGABYTE,
        max_entries=cache.entries,
        ttl_s=cache.days * 86400,
    )


def answer_cache(home: Path, settings: Settings, link: RedisLink | None = None) -> AnswerCache:
    """The tiers that the settings name: memory, then Redis where there is a `link`, then the file.

    Questions that mean the same are found in the file.
    """
    from ragcli.answer.semantic import Semantic
    from ragcli.answer.tiers import AnswerCache

    cache = settings.cache
    tiers: list[AnswerTier] = []
    if cache.memory_mb:
        from ragcli.store.answers_memory import MemoryAnswers

        memory = MemoryAnswers(cache.memory_mb * MEGABYTE, max_entries=cache.entries, ttl_s=cache.days * 86400)
        tiers.append(memory)
    flights = None
    if link is not None:
        from ragcli.store.redis_answers import RedisAnswers
        from ragcli.store.redis_flights import RedisFlights

        tiers.append(RedisAnswers(link, ttl_s=cache.days * 86400))
        flights = RedisFlights(link, ttl_s=cache.days * 86400)
    semantic = None
    if cache.disk_mb:
        disk = disk_answers(home, settings)
        tiers.append(disk)
        semantic = Semantic(disk) if cache.semantic else None
    return AnswerCache(tiers, semantic=semantic, flights=flights)


def vectors(home: Path, settings: Settings) -> SQLiteVectors:
    """`embeddings.db`, whether or not it exists."""
    from ragcli.store.embeddings import SQLiteVectors

    return SQLiteVectors(home / "embeddings.db", max_bytes=settings.cache.embeddings_mb * MEGABYTE)


async def kept(home: Path, settings: Settings, link: RedisLink | None) -> dict[str, TierStats]:
    """What lies in each place that outlives the process, by its name."""
    from ragcli.ports import TierStats

    cache = answer_cache(home, replace(settings, cache=replace(settings.cache, memory_mb=0)), link)
    try:
        found: dict[str, TierStats] = {stats.tier: stats for stats in await cache.stats()}
    finally:
        await cache.aclose()
    file = vectors(home, settings)
    try:
        entries, size = file.held()
        stats = TierStats(tier="disk", entries=entries, bytes=size, max_bytes=file.max_bytes)
    except CacheFailed as error:
        stats = TierStats(tier="disk", max_bytes=file.max_bytes, trouble=str(error))
    finally:
        file.close()
    return {**found, "embeddings": stats}


async def forget(home: Path, settings: Settings, link: RedisLink | None) -> int:
    """Empties all of these, also those that are turned off now; how many answers there were. Raises CacheFailed."""
    everything = replace(settings.cache, memory_mb=0, disk_mb=settings.cache.disk_mb or 1)
    cache = answer_cache(home, replace(settings, cache=everything), link)
    file = vectors(home, settings)
    try:
        file.clear()
        return await cache.clear()
    finally:
        file.close()
        await cache.aclose()


async def forget_stale(home: Path, settings: Settings, place: Place) -> None:
    """Answers about what a collection held before; about all of it where it is gone. Trouble is for the next one."""
    from ragcli.store.catalog import Catalog

    file = disk_answers(home, settings)
    with suppress(CacheFailed, StoreError):
        generation = None
        if place.exists:
            with Catalog.read(place) as catalog:
                generation = catalog.generation
        await file.forget(place.folder.name, before=generation)
    await file.aclose()


def settled(settings: Settings, *, state: str, embedder: str, provider: str, model: str, extra: str) -> bytes:
    """All that decides an answer beside question and chat. No secret is part of it; waiting times decide nothing."""
    from ragcli import __version__
    from ragcli.answer.prompt import SYSTEM

    chat = replace(
        settings.chat,
        api_key="",
        model=model,
        system=settings.chat.system or SYSTEM,
        timeout=1.0,
        connect_timeout=1.0,
        idle_timeout=1.0,
        max_retries=0,
        requests_per_second=1.0,
    )
    rerank = replace(settings.rerank, api_key="")
    return msgspec.json.encode((__version__, state, embedder, provider, chat, settings.retrieve, rerank, extra))
