"""Reasoning that a server leaves in the answer, between <think> tags at its start, told apart from it."""

from __future__ import annotations

OPENING, CLOSING = "<think>", "</think>"


class ThinkingSplitter:
    """Feed it the pieces of an answer; it returns what of them is text and what is reasoning.

    Only the start of an answer counts: an answer may speak of the tags. What may be half a tag is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._tag: str | None = OPENING
        self._after_closing = False

    def feed(self, piece: str) -> tuple[str, str]:
        """(text, reasoning)."""
        if self._tag is None:
            return (self._begin(piece), "") if self._after_closing else (piece, "")
        self._held += piece
        if self._tag == OPENING:
            start = self._held.lstrip()
            if not start.startswith(OPENING):
                return ("", "") if OPENING.startswith(start) else self.flush()
            self._held, self._tag = start.removeprefix(OPENING), CLOSING
        reasoning, closing, text = self._held.partition(CLOSING)
        if closing:
            self._held, self._tag, self._after_closing = "", None, True
            return self._begin(text), reasoning
        kept = next((size for size in range(len(CLOSING) - 1, 0, -1) if reasoning.endswith(CLOSING[:size])), 0)
        self._held = reasoning[len(reasoning) - kept :]
        return "", reasoning[: len(reasoning) - kept]

    def flush(self) -> tuple[str, str]:
        """What is held back, as no more pieces come."""
        held, self._held = self._held, ""
        thinking, self._tag = self._tag == CLOSING, None
        return ("", held) if thinking else (held, "")

    def _begin(self, text: str) -> str:
        """Without the empty lines that separate the reasoning from the answer."""
        text = text.lstrip()
        self._after_closing = not text
        return text
