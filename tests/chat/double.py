"""The one stand-in for an assistant: it plays what a test enqueues and remembers what it was asked."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TypeAlias

from msgspec.structs import replace
from rich.console import Console

from ragcli.errors import RagcliError
from ragcli.ports import Caching
from ragcli.render.console import make_console
from ragcli.types import (
    Answer,
    Citation,
    Done,
    Event,
    Pick,
    Reply,
    Requests,
    Retrieval,
    Search,
    Source,
    SourcesFound,
    Stop,
    Token,
    Turn,
    Usage,
)

SOURCES = (
    Source(
        n=1, path="/docs/handbook.md", title="Handbook", format="markdown", score=0.91, lines=(3, 9),
        text="Refunds take five days. Parcels leave on Mondays.", heading=("Orders", "Refunds"),
    ),
    Source(n=2, path="/docs/价格.pdf", title="价格", format="pdf", score=0.42, page=2, text="标准版每月五元。"),
)  # fmt: skip


Item: TypeAlias = "str | Event | RagcliError | Callable[[], object] | float"


@dataclass
class Script:
    """One answer: pieces of text, other events, waits (with an eye on `stop`), what is to happen, an error to end with.

    What is to happen may be awaited.
    """

    items: Sequence[Item]
    sources: tuple[Source, ...] = SOURCES
    citations: tuple[Citation, ...] = ()
    provider: str = "openai"


@dataclass
class Asked:
    question: str
    history: tuple[Turn, ...]
    session: str | None
    resume: Answer | None = None
    replies: list[Reply] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    caching: Caching = "use"


class ScriptedAssistant:
    """Ends at `stop` and at `Stop` as the real one does, also in the middle of a wait."""

    collection = "default"
    provider = "openai"
    model = "scripted"
    documents = 14
    generation = 1
    context_tokens = 8192
    requests: Requests | None = None

    def __init__(self, *scripts: Script | Sequence[str]) -> None:
        self.scripts = [script if isinstance(script, Script) else Script(list(script)) for script in scripts]
        self.history: list[Asked] = []
        self.closed = 0

    def outline(self) -> list[tuple[str, str]]:
        return [("Handbook", "Overview"), ("Handbook", "Refunds"), ("价格", "一、标准版"), ("FAQ", "Who can apply?")]

    def around(self, source: Source) -> tuple[str, str]:
        return ("Orders leave the warehouse at noon.", "退款原路返回。") if source.n == 1 else ("", "")

    async def answer(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        session: str | None = None,
        stop: asyncio.Event | None = None,
        resume: Answer | None = None,
        caching: Caching = "use",
    ) -> AsyncGenerator[Event, Reply | None]:
        asked = Asked(question, tuple(history), session, resume, caching=caching)
        self.history.append(asked)
        script = self.scripts.pop(0) if self.scripts else Script([f"You asked: {question}"])
        stop = stop or asyncio.Event()
        text, error, stopped, sources = resume.answer if resume else "", None, False, script.sources
        found = SourcesFound(Retrieval(query=question, mode="hybrid", sources=sources))
        try:
            for item in [found, *script.items]:
                if stopped := stopped or stop.is_set():
                    break
                reply: Reply | None = None
                if isinstance(item, (int, float)):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(item):
                            await stop.wait()
                elif isinstance(item, str):
                    text += item
                    reply = yield Token(item)
                elif isinstance(item, RagcliError):
                    error = item
                    break
                elif callable(item):
                    if isawaitable(happening := item()):
                        await happening
                    await asyncio.sleep(0)
                else:
                    reply = yield item
                while isinstance(reply, Search):
                    asked.searches.append(reply.query)
                    reply = yield SourcesFound(replace(found.retrieval, query=reply.query))
                if reply is not None:
                    asked.replies.append(reply)
                if isinstance(reply, Pick):
                    sources = tuple(source for source in sources if source.n in reply.numbers)
                stopped = isinstance(reply, Stop)
            stopped = stopped or stop.is_set()
            yield Done(
                Answer(
                    question=question,
                    answer=text,
                    finish="error" if error else "interrupted" if stopped else "stop",
                    grounded=not error,
                    sources=sources,
                    citations=script.citations or tuple(Citation(n, text, "supported") for n in (1,) if "[1]" in text),
                    provider=script.provider,
                    model=self.model,
                    usage=Usage(prompt_tokens=1000, completion_tokens=len(text), total_tokens=1000 + len(text)),
                    session=session,
                ),
                error,
            )
        finally:
            self.closed += 1


class ScriptedAssistants:
    """Opens an assistant anew, or raises what a test has put into `failure`."""

    def __init__(self, *assistants: ScriptedAssistant) -> None:
        self.assistants = list(assistants)
        self.asked: list[dict[str, object]] = []
        self.failure: RagcliError | None = None
        self.served: Sequence[str] | RagcliError = ("scripted", "other-model")
        self.listed = 0

    async def reopen(self, **switched: object) -> ScriptedAssistant:
        self.asked.append({name: value for name, value in switched.items() if value is not None})
        if self.failure:
            raise self.failure
        return self.assistants.pop(0)

    def collections(self) -> list[str]:
        return ["default", "合同"]

    async def models(self) -> Sequence[str]:
        self.listed += 1
        if isinstance(self.served, RagcliError):
            raise self.served
        return self.served


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(columns: int = 80, lines: int = 24, **environment: str) -> Console:
    """A console on such a stream, with colours."""
    size = {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm-256color"}
    return make_console(Terminal(), environment=size | environment)
