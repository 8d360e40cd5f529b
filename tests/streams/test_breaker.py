"""What failed is left alone for a while, then tried by one."""

from __future__ import annotations

from ragcli.streams.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    return Breaker(first_s=1, longest_s=4, clock=clock)


def test_after_a_failure_one_caller_tries_again_when_the_pause_is_over() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert [breaker.admit(), breaker.admit()] == [0, 0]
    breaker.failed(0, "away")
    assert breaker.admit() is None
    clock.now += 1
    assert breaker.admit() == 1
    assert breaker.admit() is None
    breaker.succeeded()
    assert [breaker.admit(), breaker.admit(), breaker.why] == [0, 0, ""]


def test_the_pause_doubles_up_to_a_limit() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(5):
        ticket = breaker.admit()
        assert ticket is not None
        breaker.failed(ticket, "away")
        before = clock.now
        while breaker.admit() is None:
            clock.now += 0.5
        pauses.append(clock.now - before)
        clock.now += 10
    assert pauses == [1, 2, 4, 4, 4]


def test_failures_of_tries_that_were_let_through_together_count_once() -> None:
    clock = Clock()
    breaker = opened(clock)
    tickets = [breaker.admit() for _ in range(50)]
    for ticket in tickets:
        assert ticket is not None
        breaker.failed(ticket, "away")
    clock.now += 1
    assert breaker.admit() == 1


def test_a_try_without_an_outcome_does_not_lock_the_others_out() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.failed(0, "away")
    clock.now += 1
    assert breaker.admit() is not None
    clock.now += 1
    assert breaker.admit() is not None
