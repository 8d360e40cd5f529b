"""What was said in a chat summed up by the model, once the chat has outgrown its share of the prompt.

A gist is kept with the exchange that it was made for and serves until as much again has been said, so that it is paid
for now and then, not at every turn. Later gists are made from the one before and what was said since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

from ragcli.answer.compress import Count, cut
from ragcli.answer.history import digest
from ragcli.errors import TimedOut
from ragcli.ports import ChatModel
from ragcli.types import Delta, Gist, Message, Prompt, Turn

Summariser: TypeAlias = Callable[[Sequence[Turn], Gist | None, int, int, Count], Awaitable[Gist]]
"""(history, gist so far, turns that must be covered, tokens of the prompt, count) -> a gist. Raises EndpointError."""

LONGEST_S = 15.0
"""Seconds; an answer that waits for longer is better made without the summary."""
TOKENS = 400
"""Of a gist."""
INSTRUCTIONS = (
    "Sum up the conversation for yourself, so that you can go on with it. Keep what was asked, what was found, names, "
    "numbers, dates, decisions and what is still open; leave out courtesies and repetitions. Write in the language of "
    "the conversation, at most 200 words, without any comment."
)


def by_model(model: ChatModel, *, longest_s: float = LONGEST_S) -> Summariser:
    """Sums up by asking the model, which gets `longest_s` seconds. Raises EndpointError where it cannot."""

    async def summarise(history: Sequence[Turn], known: Gist | None, older: int, budget: int, count: Count) -> Gist:
        covered = older + (len(history) - older) // 2  # so that it serves the next turns, too
        start = known.turns if known else 0
        prompt = _prompt(history[start:covered], known.text if known else "", budget, count)
        try:
            async with asyncio.timeout(longest_s):
                text = await _said(model, prompt)
        except TimeoutError as error:
            raise TimedOut(f"no summary after {longest_s:g} s") from error
        if not text:
            raise TimedOut("the model sent an empty summary")
        return Gist(covered, digest(history[:covered]), text)

    return summarise


def _prompt(turns: Sequence[Turn], known: str, budget: int, count: Count) -> Prompt:
    room = budget - count(INSTRUCTIONS) - TOKENS - count(known)
    share = max(32, room // (2 * max(1, len(turns))))
    told = [f"User: {cut(turn.question, share, count)}\nAssistant: {cut(turn.answer, share, count)}" for turn in turns]
    if known:
        told.insert(0, f"Summed up before: {known}")
    messages = (Message("system", INSTRUCTIONS), Message("user", "Conversation:\n" + "\n\n".join(told)))
    return Prompt(question="", sources=(), messages=messages, max_tokens=TOKENS)


async def _said(model: ChatModel, prompt: Prompt) -> str:
    pieces: list[str] = []
    async with aclosing(model.stream(prompt)) as stream:
        async for item in stream:
            if isinstance(item, Delta):
                pieces.append(item.text)
    return "".join(pieces).strip()
