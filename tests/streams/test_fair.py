"""A time limit that counts what the work had, not what others took of the loop."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from ragcli.streams.fair import within


async def test_what_is_done_in_time_is_given() -> None:
    assert await within(60, asyncio.sleep(0, "三")) == "三"


async def test_what_is_not_done_in_time_is_cancelled() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    with pytest.raises(TimeoutError):
        await within(0.01, work)
    assert work.cancelled()


async def test_a_loop_that_is_blocked_for_longer_than_the_limit_takes_no_time_away() -> None:
    """The reply is there when the loop is free again, and is taken."""
    mine, theirs = socket.socketpair()
    here, there = await asyncio.open_connection(sock=mine)
    reading = asyncio.ensure_future(within(0.02, here.readline()))
    await asyncio.sleep(0)
    theirs.sendall(b"pong\n")
    time.sleep(0.1)  # noqa: ASYNC251  # what a busy program does
    assert await reading == b"pong\n"
    there.close()
    theirs.close()


async def test_failures_and_cancellation_pass() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await within(60, fail())
    waiting = asyncio.ensure_future(within(60, asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
