"""A retriever and a chat model that do as they are told, and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from ragcli.config import Chat
from ragcli.types import Delta, Event, Mode, Notice, Prompt, Retrieval, Source, SourcesFound, Token

CHAT = Chat()


def source(n: int, text: str, path: str = "") -> Source:
    return Source(n=n, path=path or f"doc{n}.md", title=f"doc{n}", format="markdown", text=text, score=1.0 / n)


HANDBOOK = (
    source(7, "Refunds are possible within 30 days of purchase. The form is on the intranet.", "refunds.md"),
    source(8, "Annual leave is 25 days. Requests go to the team lead, Dana Reyes.", "leave.md"),
    source(9, "报销需在二十天内提交。超过五千元须由财务总监批准。", "报销.md"),
    source(10, "The canteen opens at 8:00.", "canteen.md"),
)


@dataclass
class ScriptedRetriever:
    sources: Sequence[Source] = HANDBOOK
    relevant: bool = True
    notices: tuple[Notice, ...] = ()
    error: Exception | None = None
    hangs: bool = False
    queries: list[str] = field(default_factory=list)

    async def search(self, query: str, *, mode: Mode = "hybrid", k: int = 5, rerank: bool = True) -> Retrieval:
        self.queries.append(query)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        found = tuple(self.sources[:k])
        return Retrieval(
            query=query, mode=mode, sources=found, confidence=0.9, relevant=self.relevant, notices=self.notices
        )


Item = Delta | Notice | Exception | str
"""What a script says: a piece of text, an item of the stream, or an error to break off with; `HANG` waits for ever."""
HANG = "\x00hang"


class ScriptedModel:
    """Streams one script a call, the last one again and again; `closed` counts the streams that were closed."""

    provider = "scripted"
    model = "gpt-5-mini"

    def __init__(self, *scripts: Sequence[Item]) -> None:
        self.scripts = list(scripts) or [("Yes.", Delta(finish="stop"))]
        self.prompts: list[Prompt] = []
        self.so_far: list[str] = []
        self.opened = self.closed = 0

    async def stream(self, prompt: Prompt, so_far: str = "") -> AsyncGenerator[Delta | Notice, None]:
        script = self.scripts[min(self.opened, len(self.scripts) - 1)]
        self.prompts.append(prompt)
        self.so_far.append(so_far)
        self.opened += 1
        try:
            for item in script:
                await asyncio.sleep(0)
                if item == HANG:
                    await asyncio.Event().wait()
                elif isinstance(item, Exception):
                    raise item
                else:
                    yield Delta(text=item) if isinstance(item, str) else item
        finally:
            self.closed += 1


async def heard(events: AsyncGenerator[Event, object]) -> list[Event]:
    return [event async for event in events]


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def shown(events: Sequence[Event]) -> tuple[Source, ...]:
    return next(event.retrieval.sources for event in events if isinstance(event, SourcesFound))
