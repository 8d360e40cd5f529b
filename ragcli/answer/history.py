"""The chat so far, within its share of the budget: the latest turns as they were, older ones as their gist."""

from __future__ import annotations

from collections.abc import Sequence

from ragcli.answer.compress import Count, compress, cut
from ragcli.types import Message, Turn

MESSAGE = 4
"""Tokens that a message costs beside its text."""
GIST = "Earlier in this conversation:\n"
GIST_SHARE = 3
"""The gist of older turns gets one part in this many of the budget."""


def recalled(history: Sequence[Turn], question: str, budget: int, count: Count) -> tuple[Message, ...]:
    """Messages of the history within `budget` tokens; what does not fit is cut to what bears on the question."""
    costs = [count(turn.question) + count(turn.answer) + 2 * MESSAGE for turn in history]
    if sum(costs) <= budget:
        return tuple(message for turn in history for message in _messages(turn))
    gist_budget = budget // GIST_SHARE
    room, first = budget - gist_budget, len(history)
    while first and costs[first - 1] <= room:
        first -= 1
        room -= costs[first]
    recent = tuple(message for turn in history[first:] for message in _messages(turn))
    return (*_gist(history[:first], question, gist_budget + room, count), *recent)


def _messages(turn: Turn) -> tuple[Message, Message]:
    return Message("user", turn.question), Message("assistant", turn.answer)


def _gist(turns: Sequence[Turn], question: str, budget: int, count: Count) -> tuple[Message, ...]:
    """One message that tells of the older turns, the latest of them first to get room."""
    latest_first = [f"Q: {turn.question}\nA: {turn.answer}" for turn in reversed(turns)]
    room = budget - MESSAGE - count(GIST) - len(turns)
    if room <= 0:
        return ()
    texts = [text for text in reversed(compress(question, latest_first, room, count)) if text]
    return (Message("user", cut(GIST + "\n".join(texts), budget, count)),) if texts else ()
