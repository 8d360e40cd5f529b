"""The chat so far, within its share of the budget: the latest turns as they were, older ones as their gist.

The gist is the model's, where it has summed them up, and the sentences that bear on the question else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ragcli.answer.compress import Count, compress, cut
from ragcli.types import Gist, Message, Turn

MESSAGE = 4
"""Tokens that a message costs beside its text."""
GIST = "Earlier in this conversation:\n"
GIST_SHARE = 3
"""The gist of older turns gets one part in this many of the budget."""


def recalled(
    history: Sequence[Turn], question: str, budget: int, count: Count, gist: Gist | None = None
) -> tuple[Message, ...]:
    """Messages of the history within `budget` tokens; what does not fit is cut to what bears on the question.

    `gist` stands for the turns that it covers, where they do not fit.
    """
    first = outgrown(history, budget, count)
    recent = tuple(message for turn in history[first:] for message in _messages(turn))
    if not first:
        return recent
    room = budget - sum(count(message.content) + MESSAGE for message in recent)
    summed_up, covered = (gist.text, gist.turns) if gist else ("", 0)
    if first <= covered:
        return (Message("user", cut(GIST + summed_up, room - MESSAGE, count)), *recent)
    return (*_gist(summed_up, history[covered:first], question, room, count), *recent)


def outgrown(history: Sequence[Turn], budget: int, count: Count) -> int:
    """How many turns, the oldest ones, do not fit in `budget` tokens as they were."""
    costs = [count(turn.question) + count(turn.answer) + 2 * MESSAGE for turn in history]
    if sum(costs) <= budget:
        return 0
    room, first = budget - budget // GIST_SHARE, len(history)
    while first and costs[first - 1] <= room:
        first -= 1
        room -= costs[first]
    return first


def known_gist(history: Sequence[Turn]) -> Gist | None:
    """The latest gist that is kept with the turns, of just these turns."""
    for turn in reversed(history):
        if turn.gist is not None:
            return turn.gist if turn.gist.digest == digest(history[: turn.gist.turns]) else None
    return None


def digest(turns: Sequence[Turn]) -> str:
    told = repr([(turn.question, turn.answer) for turn in turns])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _messages(turn: Turn) -> tuple[Message, Message]:
    return Message("user", turn.question), Message("assistant", turn.answer)


def _gist(summed_up: str, turns: Sequence[Turn], question: str, budget: int, count: Count) -> tuple[Message, ...]:
    """One message that tells of the older turns, the latest of them first to get room."""
    latest_first = [*(f"Q: {turn.question}\nA: {turn.answer}" for turn in reversed(turns)), *filter(None, [summed_up])]
    room = budget - MESSAGE - count(GIST) - len(turns)
    if room <= 0:
        return ()
    texts = [text for text in reversed(compress(question, latest_first, room, count)) if text]
    return (Message("user", cut(GIST + "\n".join(texts), budget, count)),) if texts else ()
