"""What keeps answers that were given, and what lets equal questions that come at the same time share one.

An answer is looked for in the tiers in their order (memory, then disk or Redis); a miss is made once, by whoever leads
its flight, while all others who want it follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ragcli.types import Answer, CacheTier, Retrieval

SCHEMA = 1
"""Version of what is stored. A tier treats what has another one as absent, and overwrites it."""


class CacheKey(Struct, frozen=True, kw_only=True):
    """What an answer depends on.

    `collection` names the index for good (another one of the same name has another), `generation` its state.
    `scope` is the hex digest of everything else but the question that decides the answer: embedder, model, endpoint,
    prompt, settings of search and model, piped and picked sources, history; it holds `collection` and `generation`,
    too. `question` stands alone.
    """

    collection: str
    generation: int
    scope: str
    question: str

    @property
    def digest(self) -> str:
        """64 hex digits: equal for equal scope and question, and for nothing else. What a tier stores under."""
        return hashlib.sha256(f"{self.scope}\n{self.question}".encode("utf-8", "surrogatepass")).hexdigest()


class CachedAnswer(Struct, frozen=True, kw_only=True):
    """An answer as it is kept: a finished and grounded one, of no session; never a secret.

    `asked` is the question as it stood alone, `created_at` in seconds since 1970 by the clock of whoever made it.
    """

    answer: Answer
    asked: str
    created_at: float
    schema: int = SCHEMA


class TierStats(Struct, frozen=True, kw_only=True):
    """What a tier holds now; `max_bytes` 0: bounded elsewhere. `trouble` says why the rest is not known."""

    tier: CacheTier
    entries: int = 0
    bytes: int = 0
    max_bytes: int = 0
    trouble: str = ""


class AnswerTier(Protocol):
    """One place that keeps answers; safe to share between the tasks of one event loop.

    An implementation
    - gives back what was put under an equal `digest`, whole, or None: never another's, an older schema's, half an
      answer, or one that is older than its time to live;
    - bounds what it holds in bytes and entries by itself, least recently used first, and may drop anything any time;
    - refuses in silence what is larger than a small share of its bound;
    - raises `CacheFailed` for any trouble of its own and nothing else (but CancelledError), within 250 ms an attempt:
      the caller makes that a miss and one notice, and goes on asking, so it recovers when the trouble is over;
    - does not make the caller wait for what it can do later, and never blocks the event loop for more than 5 ms.
    """

    @property
    def name(self) -> CacheTier:
        """How a hit is reported."""
        ...

    async def get(self, key: CacheKey) -> CachedAnswer | None: ...

    async def put(self, key: CacheKey, answer: CachedAnswer) -> None:
        """In place of what was there. Entries of other generations of the collection may go: nothing asks for them."""
        ...

    async def clear(self) -> int:
        """Forgets everything that ragcli put there, of all collections; how many answers that were."""
        ...

    async def stats(self) -> TierStats: ...

    async def aclose(self) -> None:
        """Lets go of files and connections; a closed tier is not used again."""
        ...


class MeaningStore(AnswerTier, Protocol):
    """A tier that can also find answers by what their questions mean, for the semantic tier."""

    async def put(self, key: CacheKey, answer: CachedAnswer, *, meaning: bytes = b"", vector: bytes = b"") -> None:
        """`meaning` is a digest of what the question means, `vector` its float32 bytes."""
        ...

    async def find(
        self, key: CacheKey, meaning: Callable[[], bytes], most: int
    ) -> tuple[CachedAnswer | None, list[tuple[CachedAnswer, bytes]]]:
        """As `get`; where that finds nothing, answers to questions of that scope and meaning, the newest first.

        Beside each its question's vector. `meaning` is called in any thread, and gives nothing for one without.
        """
        ...


class Piece(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an answer on its way to followers: exactly one field is set.

    First `retrieval` (what the answer is made from), then `text` and `reasoning` as they come, last the whole `answer`.
    """

    retrieval: Retrieval | None = None
    text: str = ""
    reasoning: str = ""
    answer: Answer | None = None


class Flight(Protocol):
    """This process's part in one answer that several processes want now; what they share is the log of its pieces.

    The log belongs to the flight, not to a leader: when one leader is gone, the next one reads what there is, has the
    model go on from that text, and publishes the rest behind it. So whoever reads the log from its beginning reads
    every word once. It is deleted a while after its last piece, by which time the answer is in the tiers.

    Any trouble of the medium is `CacheFailed`, within 250 ms: the caller goes on alone.
    """

    @property
    def leading(self) -> bool:
        """Decided when joining. The leader keeps its lease alive, in the background, until it leaves."""
        ...

    def pieces(self, start: int = 0) -> AsyncGenerator[Piece, None]:
        """The log from piece number `start` on (counted from 0), none twice and none left out.

        For the leader: what former leaders have published, and no more. For a follower: that and what comes, as it
        comes; it ends after the piece with `answer`, or without one as soon as the leader is known to be gone (it left,
        or its lease ran out): then join again.
        """
        ...

    async def publish(self, piece: Piece, *, lasting: bool = True) -> None:
        """Adds to the log, for the leader alone. Pieces may be sent on together, within 50 ms.

        A last piece that is not `lasting` is for those who follow already; who comes later makes the answer anew.
        Raises CacheFailed where another has taken the lead meanwhile (a fencing token tells): publish no more then.
        """
        ...

    async def leave(self) -> None:
        """Gives the lease back where it leads, with all pieces sent, and ends what runs in the background."""
        ...


class Flights(Protocol):
    """Joins flights across processes; within one process `answer/flights.py` joins them before this is asked."""

    async def join(self, digest: str) -> Flight:
        """Leads where nobody does and the log is not complete, else follows. Raises CacheFailed."""
        ...

    async def aclose(self) -> None: ...


class VectorCache(Protocol):
    """Vectors of texts that were embedded before, by whatever collection. Trouble is `CacheFailed`; calls block."""

    def get(self, space: str, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """float32 bytes by content hash; `space` names model and dimensions."""
        ...

    def put(self, space: str, vectors: Mapping[bytes, bytes]) -> None: ...

    def close(self) -> None: ...
