"""Names, numbers and times that are made up here."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import Ids
from core.messaging.receipts import parse_receipt_number, receipt_number, token_plausible
from core.payments.schedule import Times, later, next_look, window_open
from tests.core.fakes import NOON


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
    assert not token_plausible("F" * 32)


@given(st.integers(2000, 9999), st.integers(1, 10**15))
def test_receipt_numbers_are_read_back(year: int, sequence: int) -> None:
    assert parse_receipt_number(f" {receipt_number(year, sequence)} ") == (year, sequence)


@pytest.mark.parametrize("text", ["", "2026-1", "2026-0000000a", "26-00000001"])
def test_what_is_no_receipt_number(text: str) -> None:
    with pytest.raises(ValueError, match="2026-00000042"):
        parse_receipt_number(text)


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
