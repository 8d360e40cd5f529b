"""Every decorator delegates as `yield from` would: values and exceptions go in, closing goes through."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from ragcli.errors import ServerFailed
from ragcli.streams.limit import RateLimiter, rate_limit, time_limit
from ragcli.streams.monitor import Stats, monitored
from ragcli.streams.retry import retry_with_backoff
from ragcli.types import Notice

Listener = Callable[..., AsyncGenerator[Any, Any]]


def decorate_all(function: Listener) -> Listener:
    return time_limit(60)(retry_with_backoff(3)(rate_limit(1e6)(monitored(Stats())(function))))


DECORATORS: dict[str, Callable[[Listener], Listener]] = {
    "retry_with_backoff": retry_with_backoff(3),
    "rate_limit": rate_limit(1e6),
    "rate_limit, shared": rate_limit(limiter=RateLimiter(1e6)),
    "time_limit": time_limit(60),
    "monitored": monitored(Stats()),
    "all of them": decorate_all,
}


class Log:
    def __init__(self) -> None:
        self.heard: list[object] = []
        self.closed = asyncio.Event()

    async def conversation(self, greeting: str) -> AsyncGenerator[str, str | None]:
        """Repeats what it is told, in upper case; "bye" ends it; a ValueError is answered."""
        try:
            said: str | None = greeting
            while said != "bye":
                try:
                    said = yield (said or "silence").upper()
                except ValueError as error:
                    said = yield f"caught {error}"
                self.heard.append(said)
        finally:
            await asyncio.sleep(0)
            self.closed.set()


@pytest.fixture(params=DECORATORS)
def decorator(request: pytest.FixtureRequest) -> Callable[[Listener], Listener]:
    return DECORATORS[request.param]


async def test_values_that_are_sent_reach_the_stream(decorator: Callable[[Listener], Listener]) -> None:
    log = Log()
    stream = decorator(log.conversation)("hello")
    assert await anext(stream) == "HELLO"
    assert await stream.asend("再来") == "再来"
    assert await stream.asend("more") == "MORE"
    assert await anext(stream) == "SILENCE"
    with pytest.raises(StopAsyncIteration):
        await stream.asend("bye")
    assert log.heard == ["再来", "more", None, "bye"]
    assert log.closed.is_set()


async def test_exceptions_that_are_thrown_reach_the_stream(decorator: Callable[[Listener], Listener]) -> None:
    log = Log()
    stream = decorator(log.conversation)("hello")
    await anext(stream)
    assert await stream.athrow(ValueError("this")) == "caught this"
    with pytest.raises(KeyError):
        await stream.athrow(KeyError("not caught"))
    assert log.closed.is_set()


async def test_closing_closes_the_stream(decorator: Callable[[Listener], Listener]) -> None:
    log = Log()
    stream = decorator(log.conversation)("hello")
    await anext(stream)
    await stream.aclose()
    assert log.closed.is_set()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_garbage_collection_closes_the_stream(decorator: Callable[[Listener], Listener]) -> None:
    log = Log()
    await anext(decorator(log.conversation)("hello"))
    gc.collect()
    await asyncio.wait_for(log.closed.wait(), 60)


async def test_cancellation_while_waiting_closes_the_stream(decorator: Callable[[Listener], Listener]) -> None:
    closed = asyncio.Event()

    async def stuck() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def consume() -> None:
        async for _ in decorator(stuck)():
            pass

    task = asyncio.create_task(consume())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()


async def test_an_empty_stream_stays_empty(decorator: Callable[[Listener], Listener]) -> None:
    async def empty() -> AsyncGenerator[int, None]:
        return
        yield

    assert [item async for item in decorator(empty)()] == []


async def test_a_reply_to_a_notice_goes_nowhere_and_the_stream_begins_as_usual() -> None:
    failures = [ServerFailed("down")]

    async def talk() -> AsyncGenerator[str, str]:
        if failures:
            raise failures.pop()
        said = yield "ready"
        yield said

    async def at_once(_: float) -> None: ...

    stream = retry_with_backoff(3, sleep=at_once)(talk)()
    assert isinstance(await anext(stream), Notice)
    assert await stream.asend("too early") == "ready"
    assert await stream.asend("now") == "now"
    await stream.aclose()
