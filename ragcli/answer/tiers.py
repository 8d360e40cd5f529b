"""Where answers are looked for before one is made: the tiers in their order, then the questions that mean the same.

Whatever goes wrong with a tier is a miss and one notice; the next one is told when the tier had recovered in between.
Where all tiers took the last answer, nobody waits for them to take the next one: what goes wrong then is told at the
next question.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ragcli.answer.flights import SHOWN_FIRST_S, LocalFlights, worth_keeping
from ragcli.errors import CacheFailed
from ragcli.ports import AnswerTier, CachedAnswer, CacheKey, Flights, TierStats
from ragcli.text.figures import age
from ragcli.types import Answer, CacheTier, Notice, Timings, Usage

if TYPE_CHECKING:
    from ragcli.answer.semantic import Embed, Semantic


Doing: TypeAlias = Literal["find", "keep"]


class Hit(Struct, frozen=True):
    """An answer that was given before, and where it was found."""

    tier: CacheTier
    cached: CachedAnswer


class AnswerCache:
    """All tiers as one; what it hands out and takes is never an exception."""

    def __init__(
        self,
        tiers: Sequence[AnswerTier],
        *,
        semantic: Semantic | None = None,
        flights: Flights | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`flights` joins what this process makes with what others make."""
        self._shared = flights
        self.flights = LocalFlights(flights)
        self.clock = clock
        self._tiers = tuple(tiers)
        self._semantic = semantic
        self._troubled: set[tuple[str, Doing]] = set()
        self._untold: list[Notice] = []
        self._keeping: dict[str, asyncio.Task[None]] = {}
        """Answers on their way into the tiers, by digest."""
        self._trusted: set[str] = set()
        """Tiers that took the last answer."""

    async def find(self, key: CacheKey, embed: Embed | None, tell: Callable[[Notice], None]) -> Hit | None:
        """`embed` makes a question's vector; None where only the very same question counts.

        Tiers that have lost what a later one still has are given it again.
        """
        self._tell(tell)
        semantic = self._semantic if embed is not None else None
        lost: list[AnswerTier] = []
        for tier in self._all() if semantic else self._tiers:
            if tier.name != "memory" and (kept := self._keeping.get(key.digest)):
                await asyncio.wait({kept})
                self._tell(tell)
            try:
                if semantic is not None and embed is not None and tier is semantic.store:
                    cached = await semantic.find(key, embed)
                else:
                    cached = await tier.get(key)
            except CacheFailed as error:
                self._trouble(tier.name, "find", error)
                self._tell(tell)
                continue
            self._troubled.discard((tier.name, "find"))
            if cached is None:
                lost.append(tier)
                continue
            if lost:
                await self._remember(key, cached)
            if semantic is not None and tier is semantic.store and cached.asked != key.question:
                return Hit("semantic", cached)
            self._put(key, cached, None, lost)
            return Hit(tier.name, cached)
        return None

    async def landed(self, key: CacheKey) -> Hit | None:
        """What a flight has brought since `find` began; whoever boards without a pause after this misses none."""
        for tier in self._tiers:
            if tier.name == "memory" and (cached := await tier.get(key)) is not None:
                return Hit(tier.name, cached)
        return None

    async def keep(self, key: CacheKey, answer: Answer, embed: Embed | None, tell: Callable[[Notice], None]) -> None:
        """In every tier, where it is worth keeping; it is in the memory when this returns."""
        if not worth_keeping(answer):
            return
        cached = self._of(key, answer)
        await self._remember(key, cached)
        keeping = self._put(key, cached, embed, self._all() if embed is not None else self._tiers)
        if keeping is not None:
            await asyncio.shield(keeping)
            self._tell(tell)

    def _put(
        self, key: CacheKey, cached: CachedAnswer, embed: Embed | None, tiers: Sequence[AnswerTier]
    ) -> asyncio.Task[None] | None:
        """Into all of these but the memory, after a former one of the same key; what to wait for, if anything."""
        tiers = [tier for tier in tiers if tier.name != "memory"]
        if not tiers:
            return None
        trusted = self._trusted.issuperset(tier.name for tier in tiers)
        digest = key.digest
        former = self._keeping.get(digest)

        async def put() -> None:
            if former is not None:
                await asyncio.wait({former})
            if trusted:
                await asyncio.sleep(SHOWN_FIRST_S)
            await asyncio.gather(*(self._put_into(tier, key, cached, embed) for tier in tiers))

        def done(task: asyncio.Task[None]) -> None:
            if self._keeping[digest] is task:
                del self._keeping[digest]

        task = self._keeping[digest] = asyncio.create_task(put())
        task.add_done_callback(done)
        return None if trusted else task

    async def _put_into(self, tier: AnswerTier, key: CacheKey, cached: CachedAnswer, embed: Embed | None) -> None:
        try:
            if self._semantic is not None and embed is not None and tier is self._semantic.store:
                await self._semantic.keep(key, cached, embed)
            else:
                await tier.put(key, cached)
        except CacheFailed as error:
            self._trouble(tier.name, "keep", error)
            self._trusted.discard(tier.name)
        else:
            self._troubled.discard((tier.name, "keep"))
            self._trusted.add(tier.name)

    async def hold(self, key: CacheKey, answer: Answer) -> None:
        """In memory alone: another process has made it and keeps it."""
        if worth_keeping(answer):
            await self._remember(key, self._of(key, answer))

    def _of(self, key: CacheKey, answer: Answer) -> CachedAnswer:
        bare = replace(answer, session=None, gist=None, cache="miss", usage=Usage(), timings=Timings())
        return CachedAnswer(answer=bare, asked=key.question, created_at=self.clock())

    async def clear(self) -> int:
        """How many answers were forgotten. Raises CacheFailed where a tier could not, after all others did."""
        most, failed = 0, None
        await self.at_rest()
        for tier in self._all():
            try:
                most = max(most, await tier.clear())
            except CacheFailed as error:
                failed = error
        if failed is not None:
            remedy = failed.remedy or "all else is forgotten; when that has passed: ragcli cache clear"
            raise CacheFailed(failed.message, remedy=remedy) from failed
        return most

    async def stats(self) -> list[TierStats]:
        found = []
        await self.at_rest()
        for tier in self._all():
            try:
                found.append(await tier.stats())
            except CacheFailed as error:
                found.append(TierStats(tier=tier.name, trouble=str(error)))
        return found

    async def aclose(self) -> None:
        await self.at_rest()
        for tier in self._all():
            await tier.aclose()
        if self._shared is not None:
            await self._shared.aclose()

    async def at_rest(self) -> None:
        """When all answers are where they belong; what they were made with is needed until then."""
        await self.flights.at_rest()
        while self._keeping:
            await asyncio.wait(self._keeping.values())

    def _all(self) -> Sequence[AnswerTier]:
        """The semantic tier's store comes last."""
        store = self._semantic.store if self._semantic else None
        return [*self._tiers, *([store] if store is not None and store not in self._tiers else [])]

    async def _remember(self, key: CacheKey, cached: CachedAnswer) -> None:
        for tier in self._tiers:
            if tier.name == "memory":
                await tier.put(key, cached)

    def _trouble(self, name: CacheTier, doing: Doing, error: CacheFailed) -> None:
        if not self._troubled & {(name, "find"), (name, "keep")}:
            self._untold.append(Notice("cache", f"answering without it: {error}"))
        self._troubled.add((name, doing))

    def _tell(self, tell: Callable[[Notice], None]) -> None:
        untold, self._untold = self._untold, []
        for notice in untold:
            tell(notice)


def told(hit: Hit, question: str, now: float) -> Notice:
    """How a hit is shown: "cached 2 h ago, exact"."""
    same = hit.cached.asked == question
    how = "exact" if same else f'semantic: asked as "{hit.cached.asked}"'
    return Notice("cached", f"cached {age(now - hit.cached.created_at)}, {how}")
