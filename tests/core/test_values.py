"""Names, numbers and times that are made up here."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import Ids
from core.messaging.receipts import token_plausible
from core.payments.schedule import Times, later, longest_wait, next_look, waiting_for, window_open
from lab.clocks import NOON


def test_payment_ids_sort_by_time_and_do_not_repeat() -> None:
    ids = Ids()
    made = [ids.payment(NOON + timedelta(milliseconds=step)) for step in range(500)]
    assert made == sorted(made)
    assert len({*made, ids.payment(NOON)}) == 501
    assert {len(name) for name in made} == {26}


class Counting:
    """Hands out the ends of the range."""

    def __init__(self, *, top: bool) -> None:
        self.top = top

    def below(self, bound: int) -> int:
        return bound - 1 if self.top else 0


def test_references_are_six_digits_without_a_leading_zero() -> None:
    assert (Ids(Counting(top=False)).reference(), Ids(Counting(top=True)).reference()) == ("100000", "999999")
    assert (Ids(Counting(top=False)).token(), Ids(Counting(top=True)).token()) == ("0" * 32, "f" * 32)
    assert token_plausible(Ids().token())


@given(st.integers(0, 400_000), st.booleans(), st.sampled_from([10, 900, 3_600, 90_000]))
def test_the_next_look_is_ahead_and_never_skips_the_windows_end(since_s: int, settled: bool, window_s: int) -> None:
    times = Times(window_s=window_s)
    now = later(NOON, since_s)
    look = next_look(times, NOON, now, settled=settled)
    if look is None:
        assert settled
        assert since_s >= 86_400
        return
    assert look > now
    if window_open(times, NOON, now):
        assert look <= later(NOON, window_s + 1)
    assert look - now <= timedelta(days=1)


SCHEDULE = [(0, 5), (4, 5), (5, 15), (15, 60), (60, 300), (300, 901), (900, 901), (901, 3_600), (3_600, 86_400)]


@pytest.mark.parametrize(("since_s", "at_s"), SCHEDULE)
def test_the_looks_that_the_documents_promise(since_s: int, at_s: int) -> None:
    """After 5 s, 15 s, 60 s, 5 min, as the window ends, after an hour and a day (docs/ARCHITECTURE.md)."""
    for settled in (True, False):
        assert next_look(Times(), NOON, later(NOON, since_s), settled=settled) == later(NOON, at_s)


def test_after_a_day_only_what_is_undecided_is_looked_at_daily() -> None:
    day = later(NOON, 86_400)
    assert next_look(Times(), NOON, day, settled=True) is None
    assert next_look(Times(), NOON, day, settled=False) == later(NOON, 2 * 86_400)


def test_the_window_is_open_to_its_last_second() -> None:
    assert [window_open(Times(), NOON, later(NOON, since)) for since in (0, 900, 901)] == [True, True, False]


def test_a_basket_can_be_kept_for_ten_times_its_life_and_once_more() -> None:
    assert longest_wait(Times(), NOON) == later(NOON, 11 * 900)


def test_an_acquirer_that_is_waited_for_longer_is_looked_at_later() -> None:
    short, long = waiting_for(Times(), 10.2), waiting_for(Times(), 100)
    assert (short.stale_sending_s, short.lease_s) == (31, 240)
    assert (long.stale_sending_s, long.lease_s) == (120, 400)
