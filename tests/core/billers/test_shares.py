"""How money that came from elsewhere is shared among bills, and which amounts are none. Pure."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.billers.outside import BillShare, OutsideRefusal, amount_fault, lines_meant, shares
from core.billing.invoices import Invoice
from core.subscribers.lines import ServiceType
from tests.core.basket import MAY


def bills(*amounts: int) -> tuple[Invoice, ...]:
    return tuple(replace(MAY, number=f"B{at}", amount_centimes=amount) for at, amount in enumerate(amounts))


TOO_LITTLE, TOO_MUCH = OutsideRefusal.TOO_LITTLE, OutsideRefusal.TOO_MUCH


@pytest.mark.parametrize(
    ("amount", "given_", "left"),
    [
        (0, [], 0),
        (1, [1], 0),
        (99, [99], 0),
        (100, [100], 0),
        (101, [100, 1], 0),
        (300, [100, 200], 0),
        (301, [100, 200], 1),
    ],
)
def test_the_oldest_bill_first_and_the_last_in_part(amount: int, given_: list[int], left: int) -> None:
    told = tuple(BillShare(f"B{at}", part) for at, part in enumerate(given_))
    assert shares(amount, bills(100, 200)) == (told, left)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 3_000), max_size=5))
def test_no_centime_is_lost(amount: int, owed: list[int]) -> None:
    given_, left = shares(amount, bills(*owed))
    assert sum(each.amount_centimes for each in given_) + left == amount
    assert all(part.amount_centimes <= bill for part, bill in zip(given_, owed, strict=False))
    assert left == max(0, amount - sum(owed))


@pytest.mark.parametrize(
    ("amount", "one_bill", "fault"),
    [
        (0, False, TOO_LITTLE),
        (99, False, TOO_LITTLE),
        (100, False, None),
        (101, False, TOO_LITTLE),
        (299, False, TOO_LITTLE),
        (300, False, None),
        (301, False, TOO_MUCH),
        (99, True, TOO_LITTLE),
        (100, True, None),
        (101, True, TOO_MUCH),
        (300, True, TOO_MUCH),
    ],
)
def test_whole_bills_only(amount: int, one_bill: bool, fault: OutsideRefusal | None) -> None:
    assert amount_fault(amount, bills(100, 200), one_bill=one_bill) is fault


def test_of_no_bill_everything_is_too_much() -> None:
    assert [amount_fault(amount, (), one_bill=False) for amount in (0, 1)] == [TOO_MUCH, TOO_MUCH]


def test_a_number_may_be_of_several_services() -> None:
    assert lines_meant("nobody's") == ()
    assert (ServiceType.MOBILE, "0600000001") in lines_meant("0600000001")
