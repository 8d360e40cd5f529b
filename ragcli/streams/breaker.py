"""Leaving something alone for a while after it failed."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Says when to try again: after a pause that doubles with each failure, and then by one caller at first.

    Failures of tries that were let through together count as one. Calls of several threads do no harm.
    """

    def __init__(
        self, *, first_s: float = 0.5, longest_s: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first_s, self._longest_s, self._clock = first_s, longest_s, clock
        self._failures = 0
        self._opens_at = float("-inf")
        self.why = ""
        """Why it is left alone; empty while all is well."""

    def admit(self) -> int | None:
        """A ticket for one try, or None: not now."""
        now = self._clock()
        if now < self._opens_at:
            return None
        if self._failures:
            self._opens_at = now + self._pause  # the others wait for the outcome of this one
        return self._failures

    def succeeded(self) -> None:
        self._failures, self._opens_at, self.why = 0, float("-inf"), ""

    def failed(self, ticket: int, why: str) -> None:
        self.why = why
        if ticket == self._failures:
            self._failures += 1
            self._opens_at = self._clock() + self._pause

    @property
    def _pause(self) -> float:
        return min(self._longest_s, self._first_s * 2.0 ** (min(self._failures, 20) - 1))
