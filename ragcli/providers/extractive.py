"""The chat model that needs no model: it quotes the sources, as a function that it is given decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

from ragcli.types import Delta, Prompt, Source, Usage

Select = Callable[[str, Sequence[Source]], Iterable[str]]
"""(question, sources) -> the pieces of the answer."""


class ExtractiveModel:
    """A ports.ChatModel; it never fails and counts no tokens."""

    provider = "extractive"
    model = "extractive"

    def __init__(self, select: Select) -> None:
        self._select = select

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        pieces = await asyncio.to_thread(lambda: list(self._select(prompt.question, prompt.sources)))
        for piece in pieces:
            yield Delta(text=piece)
            await asyncio.sleep(0)
        yield Delta(finish="stop", usage=Usage(estimated=False))
