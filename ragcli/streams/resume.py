"""Recovery of an answer that breaks off: never replayed, but continued from the text so far."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import wraps
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ragcli.errors import ConnectionLost, TransientError
from ragcli.streams.seam import Seam
from ragcli.types import Delta, Message, Notice, Prompt, Usage

QUOTED_WORDS = 4
QUOTED_CHARACTERS = 40
"""How much of its end a broken answer is quoted with: enough to find the place, too much to be met by chance."""

INSTRUCTION = (
    "Your answer above broke off after “{end}”. Go on from exactly there: begin by repeating these last words, finish "
    "the last one if it is cut off, and continue in the same language and form. Do not start again, do not comment."
)


class ResumePolicy(Struct, frozen=True, kw_only=True):
    """How often a broken answer is continued, and one that reached the limit of its length."""

    max_resumes: int = 3
    max_extensions: int = 2


class Resumable(Protocol):
    """A stream that can also begin behind a text that it had already got to."""

    def __call__(self, prompt: Prompt, so_far: str = "") -> AsyncGenerator[Delta | Notice, None]: ...


def resumable(
    policy: ResumePolicy | None = None,
) -> Callable[[Callable[[Prompt, str], AsyncGenerator[Delta | Notice, None]]], Resumable]:
    """Continues the function's stream where it broke or was cut for its length, trimmed at the seam, with a `Notice`.

    The function is called with the prompt and the text so far; `continuation` makes one prompt of them. Before the
    first item an error is not for here: it is raised, as is one of a continuation that brought nothing at all.
    """
    chosen = policy or ResumePolicy()

    def decorate(function: Callable[[Prompt, str], AsyncGenerator[Delta | Notice, None]]) -> Resumable:
        @wraps(function)
        async def resuming(prompt: Prompt, so_far: str = "") -> AsyncGenerator[Delta | Notice, None]:
            text, usage = so_far, None
            resumes = extensions = 0
            while True:
                seam, finish = Seam(text), None
                began, before = False, len(text)
                try:
                    async with aclosing(function(prompt, text)) as stream:
                        async for item in stream:
                            if isinstance(item, Notice):
                                yield item
                                continue
                            began = True
                            usage = _sum(usage, item.usage)
                            finish = item.finish or finish
                            fresh = seam.feed(item.text)
                            text += fresh
                            if fresh or item.reasoning:
                                yield Delta(text=fresh, reasoning=item.reasoning)
                    if finish is None:
                        raise ConnectionLost("the answer ended before it was finished", remedy="try again")
                except TransientError as error:  # what the seam still holds was said before, and will be again
                    if not began or resumes == chosen.max_resumes:
                        raise
                    resumes += 1
                    yield Notice("resume", f"{error.message}; going on from there ({resumes} of {chosen.max_resumes})")
                    continue
                rest = seam.flush()
                text += rest
                if rest:
                    yield Delta(text=rest)
                if finish == "length" and extensions < chosen.max_extensions and len(text) > before:
                    extensions += 1
                    yield Notice("extend", "the answer reached its longest length; going on from there")
                    continue
                yield Delta(finish=finish, usage=usage)
                return

        return resuming

    return decorate


def continuation(prompt: Prompt, so_far: str) -> Prompt:
    """The prompt that asks to go on from the text so far."""
    if not so_far.strip():
        return prompt
    said = Message("assistant", so_far)
    return replace(prompt, messages=(*prompt.messages, said, Message("user", INSTRUCTION.format(end=_end(so_far)))))


def _end(text: str) -> str:
    words = text[-QUOTED_CHARACTERS:].split()
    if len(text) > QUOTED_CHARACTERS and len(words) > 1:
        words = words[1:]  # it may be the rest of one
    return " ".join(words[-QUOTED_WORDS:])


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return one or other
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        total_tokens=one.total_tokens + other.total_tokens,
        estimated=one.estimated or other.estimated,
    )
