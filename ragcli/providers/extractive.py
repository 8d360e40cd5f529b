"""The chat model that needs no model: it quotes the sources, as a function that it is given decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

from ragcli.types import Delta, Prompt, Source, Usage

Select = Callable[[str, Sequence[Source]], Iterable[str]]
"""(question, sources) -> the pieces of the answer."""


class ExtractiveModel:
    """A ports.ResumableModel; it never fails and counts no tokens."""

    provider = "extractive"
    model = "extractive"

    def __init__(self, select: Select) -> None:
        self._select = select

    async def stream(self, prompt: Prompt, so_far: str = "") -> AsyncGenerator[Delta, None]:
        """The same question and sources make the same answer: it goes on only where `so_far` is its beginning."""
        pieces = await asyncio.to_thread(lambda: list(self._select(prompt.question, prompt.sources)))
        skipped = len(so_far) if "".join(pieces).startswith(so_far) else sum(map(len, pieces))
        for piece in pieces:
            rest, skipped = piece[skipped:], max(0, skipped - len(piece))
            if not rest:
                continue
            yield Delta(text=rest)
            await asyncio.sleep(0)
        yield Delta(finish="stop", usage=Usage(estimated=False))
