"""However a listener leaves an answer, its connection is given back, in order and without a word."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator

import pytest
from endpoint import ModelServer
from replies import answer, hang

from ragcli.config import Chat
from ragcli.providers.openai_chat import OpenAIChat
from ragcli.streams.limit import RateLimiter
from ragcli.streams.reliable import ReliableChat
from ragcli.streams.shelter import sheltered
from ragcli.types import Delta, Message, Notice, Prompt

LONG = answer("一个很长的回答 and a long one. " * 50, delay=0.01)
PROMPT = Prompt(question="?", sources=(), messages=(Message("user", "?"),))
Stream = AsyncGenerator[Delta | Notice, None]


async def _to_the_end(stream: Stream) -> None:
    async for _ in stream:
        pass


class Leaving:
    """Asks the endpoint and leaves after `items` of the answer: before the headers, at the first, in the middle."""

    def __init__(self, server: ModelServer, items: int) -> None:
        self.server, self.items = server, items
        self.open: Stream | None = None
        self.idle = False
        server.enqueue(LONG if items else hang())

    async def begun(self, model: ReliableChat) -> Stream:
        stream = sheltered(model.stream)(PROMPT)
        for _ in range(self.items):
            await anext(stream)
        return stream

    async def run(self, how: str) -> None:
        settings = Chat(model="m", base_url=self.server.url)
        provider = OpenAIChat(settings)
        model = ReliableChat(provider, settings, limiter=RateLimiter(1e6))
        stream = await self.begun(model)
        match how:
            case "close":
                await stream.aclose()
            case "cancel":
                listening = asyncio.ensure_future(_to_the_end(stream))
                await asyncio.sleep(0.02)
                listening.cancel()
                await asyncio.wait({listening})
            case "drop":
                del stream
                gc.collect()
            case "leave":
                self.open = stream
                return  # without closing the provider either
            case "drop at the end":
                return
        self.idle = await asyncio.to_thread(self.server.wait_until_idle)
        await provider.aclose()


@pytest.mark.parametrize("how", ["close", "cancel", "drop", "leave", "drop at the end"])
@pytest.mark.parametrize("items", [0, 1, 5])
def test_the_connection_of_an_answer_that_is_left_is_given_back(
    endpoint: ModelServer, caplog: pytest.LogCaptureFixture, how: str, items: int
) -> None:
    """The server sees it close while the process goes on, at the latest when the event loop ends; nothing is logged."""
    caplog.set_level(logging.DEBUG, "asyncio")
    leaving = Leaving(endpoint, items)
    asyncio.run(leaving.run(how))
    leaving.open = None
    gc.collect()  # an error in a finalizer fails the test
    assert leaving.idle or how in ("leave", "drop at the end")
    assert endpoint.wait_until_idle()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_is_inside_is_closed_from_the_outside_in() -> None:
    """Each closes the next while it is itself closing, so that none is closed by two."""
    closed: list[str] = []

    async def inner() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append("inner")

    @sheltered
    async def outer() -> AsyncGenerator[int, None]:
        stream = inner()
        try:
            async for item in stream:
                yield item
        finally:
            closed.append("outer begins")
            await stream.aclose()
            closed.append("outer")

    stream = outer()
    await anext(stream)
    del stream
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert closed == ["outer begins", "inner", "outer"]


async def test_what_is_sent_and_thrown_reaches_the_generator() -> None:
    @sheltered
    async def echo() -> AsyncGenerator[object, object]:
        said: object = "ready"
        while said != "结束":
            try:
                said = yield said
            except ValueError as error:
                said = error

    stream = echo()
    assert await anext(stream) == "ready"
    assert await stream.asend("x") == "x"
    error = ValueError("thrown")
    assert await stream.athrow(error) is error
    with pytest.raises(StopAsyncIteration):
        await stream.asend("结束")
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
