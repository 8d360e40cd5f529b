"""Retries: only what may pass, only before the first item, announced, within a budget."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.errors import ConnectionLost, RateLimited, ServerFailed, TransientError, UnknownModel, WrongKey
from ragcli.streams.retry import RetryPolicy, backoff, call_with_backoff, next_wait, retry_with_backoff
from ragcli.types import Notice


class Time:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Flaky:
    """Fails as often as it is told, each time with the next error, then streams."""

    def __init__(self, *errors: Exception, after: int = 0) -> None:
        self.errors, self.after = list(errors), after
        self.calls = 0

    async def __call__(self) -> AsyncGenerator[str, None]:
        self.calls += 1
        if self.errors and not self.after:
            raise self.errors.pop(0)
        for n, item in enumerate(["甲", "b", "丙"]):
            if self.errors and n == self.after:
                raise self.errors.pop(0)
            yield item


def retrying(flaky: Flaky, time: Time, **options: object) -> Callable[[], AsyncGenerator[str | Notice, None]]:
    policy = RetryPolicy(**{"jitter": 0.0, **options})  # type: ignore[arg-type]
    decorated = retry_with_backoff(policy=policy, sleep=time.sleep, clock=time.clock, chance=lambda: 0.0)(flaky)
    return decorated


async def drain(stream: AsyncGenerator[object, None], seen: list[object]) -> None:
    async for item in stream:
        seen.append(item)


async def test_transient_failures_before_the_first_item_are_retried_with_doubling_waits() -> None:
    time, flaky = Time(), Flaky(ServerFailed("down"), ConnectionLost("reset"))
    items = [item async for item in retrying(flaky, time)()]
    assert [item for item in items if not isinstance(item, Notice)] == ["甲", "b", "丙"]
    assert time.waits == [0.5, 1.0]
    assert flaky.calls == 3


async def test_each_wait_is_announced_with_its_length_before_it_begins() -> None:
    time = Time()
    stream = retrying(Flaky(ServerFailed("the endpoint failed (HTTP 500)")), time)()
    notice = await anext(stream)
    assert notice == Notice("retry", "the endpoint failed (HTTP 500); retry 1 of 3", 0.5)
    assert time.waits == []
    await stream.aclose()
    assert time.waits == []


async def test_nothing_is_retried_after_the_first_item() -> None:
    seen: list[object] = []
    flaky = Flaky(ConnectionLost("reset"), after=1)
    with pytest.raises(ConnectionLost):
        await drain(retrying(flaky, Time())(), seen)
    assert seen == ["甲"]
    assert flaky.calls == 1


@pytest.mark.parametrize("error", [WrongKey("no"), UnknownModel("no"), ValueError("bug")])
async def test_permanent_failures_are_raised_at_once(error: Exception) -> None:
    time, flaky = Time(), Flaky(error)
    with pytest.raises(type(error)):
        await anext(retrying(flaky, time)())
    assert flaky.calls == 1
    assert time.waits == []


async def test_the_last_error_is_raised_when_the_retries_are_used_up() -> None:
    flaky = Flaky(*(ServerFailed(f"failure {n}") for n in range(9)))
    seen: list[object] = []
    with pytest.raises(ServerFailed, match="failure 3"):
        await drain(retrying(flaky, Time(), max_retries=3)(), seen)
    assert flaky.calls == 4
    assert len(seen) == 3


async def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    time = Time()
    flaky = Flaky(RateLimited("slow down", retry_after=7.0))
    assert [item async for item in retrying(flaky, time)()][1:] == ["甲", "b", "丙"]
    assert time.waits == [7.0]


async def test_a_wait_beyond_the_budget_is_not_begun() -> None:
    time = Time()
    with pytest.raises(RateLimited):
        await anext(retrying(Flaky(RateLimited("slow down", retry_after=61.0)), time, budget_s=60)())
    assert time.waits == []


async def test_zero_retries_is_plain_delegation() -> None:
    with pytest.raises(ServerFailed):
        await anext(retrying(Flaky(ServerFailed("down")), Time(), max_retries=0)())


async def test_the_decorator_keeps_the_name_of_its_function() -> None:
    @retry_with_backoff(max_retries=3)
    async def tokens(count: int) -> AsyncGenerator[int, None]:
        """Counts."""
        for n in range(count):
            yield n

    assert (tokens.__name__, tokens.__doc__) == ("tokens", "Counts.")
    assert [n async for n in tokens(count=2)] == [0, 1]


async def test_a_call_with_one_result_is_retried_the_same_way() -> None:
    time, notices = Time(), list[Notice]()
    failures = [ServerFailed("down")]

    async def call() -> list[int]:
        if failures:
            raise failures.pop()
        return [1, 2]

    result = await call_with_backoff(
        call, policy=RetryPolicy(), announced=notices.append, sleep=time.sleep, clock=time.clock
    )
    assert result == [1, 2]
    assert [notice.wait_s for notice in notices] == time.waits


@given(
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.builds(
        RetryPolicy,
        first_wait_s=st.floats(0, 100),
        longest_wait_s=st.floats(0, 100),
        jitter=st.floats(0, 1),
    ),
)
def test_backoff_never_leaves_its_range(retry: int, chance: float, policy: RetryPolicy) -> None:
    wait = backoff(policy, retry, chance)
    assert 0 <= wait <= policy.longest_wait_s
    assert wait >= backoff(policy, retry, 0.0)


@given(st.integers(1, 10), st.floats(0, 1e3), st.floats(0, 1e3), st.none() | st.floats(0, 1e3))
def test_no_wait_is_shorter_than_asked_for_or_ends_beyond_the_budget(
    retry: int, elapsed: float, budget: float, asked: float | None
) -> None:
    policy = RetryPolicy(max_retries=5, budget_s=budget)
    wait = next_wait(policy, retry, TransientError("", retry_after=asked), elapsed_s=elapsed, chance=0.5)
    if wait is not None:
        assert retry <= 5
        assert wait >= (asked or 0)
        assert elapsed + wait <= budget
