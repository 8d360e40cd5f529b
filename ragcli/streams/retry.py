"""Retries for streams: only what may pass, only before the first item, visibly.

After the first item a replay would repeat what was already shown; going on from there is `resumable`'s business.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import ParamSpec, TypeVar

from msgspec import Struct

from ragcli.errors import TransientError
from ragcli.streams.relay import Aside, Opened, relay
from ragcli.types import Notice

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")
S = TypeVar("S")


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """When to try again. Waits double from `first_wait_s` to `longest_wait_s`; `jitter` is the share left to chance.

    `budget_s` limits the whole, from the first attempt to the end of the last wait.
    """

    max_retries: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    jitter: float = 0.5
    budget_s: float = 120.0


def backoff(policy: RetryPolicy, retry: int, chance: float) -> float:
    """Seconds to wait before retry number `retry` (from 1); `chance` in [0, 1) is the random draw.

    Exponential backoff with equal jitter: Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
    """
    wait = min(policy.longest_wait_s, policy.first_wait_s * 2.0 ** min(retry - 1, 60))
    return wait * (1 - policy.jitter + policy.jitter * chance)


def next_wait(
    policy: RetryPolicy, retry: int, error: TransientError, *, elapsed_s: float, chance: float
) -> float | None:
    """Seconds to wait before the next attempt, at least what the server asked for; None: give up."""
    if retry > policy.max_retries:
        return None
    wait = max(backoff(policy, retry, chance), error.retry_after or 0.0)
    return wait if elapsed_s + wait <= policy.budget_s else None


def retry_with_backoff(
    max_retries: int = 3,
    *,
    policy: RetryPolicy | None = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> Callable[[Callable[P, AsyncGenerator[Y, S]]], Callable[P, AsyncGenerator[Y | Notice, S]]]:
    """Opens the stream again after a TransientError, as long as it has yielded nothing; each wait is a `Notice`.

    `policy` goes before `max_retries`. Raises the last error when it gives up, any other error at once.
    """
    chosen = policy or RetryPolicy(max_retries=max_retries)

    def decorate(function: Callable[P, AsyncGenerator[Y, S]]) -> Callable[P, AsyncGenerator[Y | Notice, S]]:
        async def attempts(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Aside[Notice] | Opened[Y, S], None]:
            began = clock()
            retry = 0
            while True:
                stream = function(*args, **kwargs)
                try:
                    first = await anext(stream)
                except StopAsyncIteration:
                    return
                except TransientError as error:
                    retry += 1
                    wait = next_wait(chosen, retry, error, elapsed_s=clock() - began, chance=chance())
                    if wait is None:
                        raise
                    yield Aside(announce(error, retry, chosen.max_retries, wait))
                    await sleep(wait)
                else:
                    yield Opened(stream, first)
                    return

        @wraps(function)
        def retrying(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y | Notice, S]:
            return relay(attempts(*args, **kwargs))

        return retrying

    return decorate


async def call_with_backoff(
    function: Callable[[], Awaitable[R]],
    *,
    policy: RetryPolicy,
    announced: Callable[[Notice], None] | None = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> R:
    """The same for a call that has one result; `announced` is told of each wait."""

    @retry_with_backoff(policy=policy, sleep=sleep, clock=clock, chance=chance)
    async def once() -> AsyncGenerator[tuple[R], None]:
        yield (await function(),)

    async with aclosing(once()) as items:
        async for item in items:
            if not isinstance(item, Notice):
                return item[0]
            if announced is not None:
                announced(item)
    raise AssertionError("a stream of one item ended without it")


def announce(error: TransientError, retry: int, max_retries: int, wait_s: float) -> Notice:
    return Notice("retry", f"{error.message}; retry {retry} of {max_retries}", wait_s)
