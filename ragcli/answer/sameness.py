"""What a question means, as far as that can be told with certainty."""

from __future__ import annotations


def meaning(question: str) -> tuple[str, ...]:
    """Equal for questions that ask the same; empty where that cannot be told."""
    return ()
