"""The circuit breaker, with a clock of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.acquirers.breaker import Breaker, Circuit


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock, failures_max=3, open_s=10)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.allows(5)
    breaker.failed()
    assert not breaker.allows(5)


def test_a_success_between_keeps_it_closed(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.allows(5)


def test_one_probe_goes_through(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s = 10
    assert [breaker.allows(5) for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.circuit is Circuit.CLOSED
    assert breaker.allows(5)


def test_a_failed_probe_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s = 10
    assert breaker.allows(5)
    breaker.failed()
    clock.now_s = 19
    assert not breaker.allows(5)
    clock.now_s = 20
    assert breaker.allows(5)


def test_a_lost_probe_does_not_shut_the_door_for_ever(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now_s = 10
    assert breaker.allows(5)
    clock.now_s = 14
    assert not breaker.allows(5)
    clock.now_s = 15
    assert breaker.allows(5)


@given(st.lists(st.sampled_from(["ok", "fail", "tick"]), max_size=60))
def test_it_never_allows_two_at_once_unless_closed(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock, failures_max=2, open_s=3)
    for step in steps:
        if step == "tick":
            clock.now_s += 1
        elif step == "ok":
            breaker.succeeded()
        else:
            breaker.failed()
        if breaker.circuit is not Circuit.CLOSED:
            assert [breaker.allows(100), breaker.allows(100)][1] is False
