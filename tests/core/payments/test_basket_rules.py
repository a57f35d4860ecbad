"""Baskets in memory: which bills may be paid, what is written for them, and what a repeat is answered with."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.languages import LanguageCode
from core.payments.orders import Baskets, KeyReused, StartOrder, same_line
from core.payments.refusal import Refusal
from core.payments.schedule import Times
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import BillingDown
from core.repositories import BillsTaken, Change, KeyTaken, NewPayment, ReferenceTaken
from core.subscribers.lines import ServiceType
from lab.clocks import NOON, StillClock
from tests.support.paid import BILLS, paid
from tests.support.port import port

LINE = (ServiceType.MOBILE, "0600000001")
FIRST, SECOND = BILLS
ORDER = StartOrder("key", "ussd", "+212600000001", LanguageCode.AR, "a@example.com", *LINE, BILLS, email_typed=True)
NUMBERS = [bill.number for bill in BILLS]
DRAFT = Payment(
    id="id", reference="482913", state=PaymentState.CREATED, service=LINE[0], line_reference=LINE[1],
    payer_msisdn="+212600000001", email="a@example.com", email_typed=True, language=LanguageCode.AR, channel="ussd",
    invoices=BILLS, amount_centimes=176_920, currency="EUR", created_at=NOON, expires_at=NOON + timedelta(seconds=900),
)  # fmt: skip
EARLIER = paid()
ADD = ("add", NewPayment(DRAFT, "key", ORDER.fingerprint))
RELEASE = ("release", *LINE, NUMBERS, "+212600000001", NOON)
BY_KEY = ("by_key", "key")


def baskets(owed: object = None, **said: Any) -> tuple[Baskets, list[tuple[object, ...]]]:
    """Over books in memory, which tell what they were asked."""
    books = port(**{"release": 0, "held": {}, **said})
    billing = port(unpaid=[BILLS] if owed is None else owed)
    ids = cast("Any", SimpleNamespace(payment=lambda _: "id", reference=lambda: "482913"))
    return Baskets(books, billing, StillClock(), ids, Times(), "EUR"), books.asked


CAPTURED, UNKNOWN = PaymentState.CAPTURED, PaymentState.UNKNOWN


@pytest.mark.parametrize(
    ("owed", "held", "expected"),
    [
        ([BILLS], {}, BILLS),
        ([BILLS], {FIRST.number: UNKNOWN}, (SECOND,)),
        ([BILLS], {FIRST.number: CAPTURED, SECOND.number: CAPTURED}, Refusal.NOTHING_TO_PAY),
        ([BILLS], {FIRST.number: CAPTURED, SECOND.number: UNKNOWN}, Refusal.IN_PROGRESS),
        ([BILLS], {FIRST.number: UNKNOWN, SECOND.number: UNKNOWN}, Refusal.IN_PROGRESS),
        ([()], {}, Refusal.NOTHING_TO_PAY),
        (BillingDown(), {}, Refusal.BILLING_DOWN),
    ],
)
async def test_bills_that_nothing_is_being_charged_for(owed: object, held: dict[str, object], expected: object) -> None:
    rules, _ = baskets(owed, held=held)
    assert await rules.unpaid(*LINE) == expected


@pytest.mark.parametrize(
    ("owed", "expected"),
    [
        ([BILLS], None),
        ([(replace(FIRST, due_date=FIRST.period), SECOND)], None),  # a due date alone changes nothing
        ([(replace(FIRST, amount_centimes=FIRST.amount_centimes + 1), SECOND)], Refusal.BILLS_CHANGED),
        ([(SECOND,)], Refusal.BILLS_CHANGED),
        ([()], Refusal.BILLS_CHANGED),
        (BillingDown(), Refusal.BILLING_DOWN),
    ],
)
async def test_bills_are_read_again_before_anything_is_written(owed: object, expected: Refusal | None) -> None:
    assert await baskets(owed)[0].changed(*LINE, BILLS) is expected
    rules, asked = baskets(owed)
    assert await rules.start(ORDER) == (DRAFT if expected is None else expected)
    assert asked == ([ADD] if expected is None else [BY_KEY])
    repeated, _ = baskets(owed, by_key=[(EARLIER, ORDER.fingerprint)], add=KeyTaken())
    assert await repeated.start(ORDER) is EARLIER  # a repeat is answered all the same


async def test_nothing_is_no_basket() -> None:
    rules, asked = baskets()
    assert await rules.start(replace(ORDER, invoices=())) is Refusal.NOTHING_TO_PAY
    assert asked == []


async def test_a_basket_that_others_make_anew_at_the_same_moment_is_taken_over() -> None:
    rules, asked = baskets(add=[BillsTaken()] * 4 + [None])
    assert await rules.start(ORDER) == DRAFT
    assert asked == [ADD] * 5


async def test_bills_that_stay_taken_are_in_progress_after_some_tries() -> None:
    rules, asked = baskets(add=BillsTaken())
    assert await rules.start(ORDER) is Refusal.IN_PROGRESS
    assert asked == [ADD] * 5 + [BY_KEY]


async def test_of_two_copies_of_a_request_the_second_is_answered_with_the_first() -> None:
    for errors in ([BillsTaken()] * 5, [KeyTaken()], [BillsTaken(), KeyTaken()]):
        rules, asked = baskets(add=list(errors), by_key=[(EARLIER, ORDER.fingerprint)])
        assert await rules.start(ORDER) is EARLIER
        assert asked == [*[ADD] * len(errors), BY_KEY]


async def test_a_key_that_stands_for_another_basket_is_refused() -> None:
    rules, _ = baskets(add=KeyTaken(), by_key=[(EARLIER, "another")])
    with pytest.raises(KeyReused, match="key"):
        await rules.start(ORDER)


async def test_a_reference_that_is_taken_is_drawn_again_so_often() -> None:
    rules, asked = baskets(add=[ReferenceTaken()] * 7 + [None])
    assert await rules.start(ORDER) == DRAFT
    assert asked == [ADD] * 8
    never, asked = baskets(add=ReferenceTaken())
    with pytest.raises(ReferenceTaken):
        await never.start(ORDER)
    assert asked == [ADD] * 8


@pytest.mark.parametrize("released", [0, 1, 2])
async def test_whether_any_basket_was_taken_over(released: int) -> None:
    rules, asked = baskets(release=released)
    assert await rules.take_over(*LINE, BILLS, "+212600000001") is (released > 0)
    assert asked == [RELEASE]


@pytest.mark.parametrize("lost", [None, IllegalMove(CAPTURED, PaymentEvent.EXPIRE), LookupError()])
async def test_a_basket_that_was_never_sent_is_expired_and_no_other(lost: Exception | None) -> None:
    rules, asked = baskets(move=lost)
    await rules.expire("id", "too old")
    change = Change(PaymentEvent.EXPIRE, only=frozenset({PaymentState.CREATED}), detail="too old")
    assert asked == [("move", "id", change, NOON)]


def test_a_basket_holds_each_bill_once_and_not_too_many() -> None:
    many = tuple(replace(FIRST, number=str(number)) for number in range(1_001))
    assert len(replace(ORDER, invoices=many[:1_000]).invoices) == 1_000
    for wrong in (many, (FIRST, FIRST), (FIRST, replace(FIRST, amount_centimes=1))):
        with pytest.raises(ValueError, match="each bill once"):
            replace(ORDER, invoices=wrong)


def test_a_repeat_agrees_in_who_pays_what_for_which_line() -> None:
    same = [
        replace(ORDER, idempotency_key="other"), replace(ORDER, channel="web"), replace(ORDER, email=None),
        replace(ORDER, language=LanguageCode.FR), replace(ORDER, invoices=BILLS[::-1]),
    ]  # fmt: skip
    others = [
        replace(ORDER, payer_msisdn="+212600000002"), replace(ORDER, service=ServiceType.FIXED),
        replace(ORDER, line_reference="0600000002"), replace(ORDER, invoices=BILLS[:1]),
        replace(ORDER, invoices=(replace(FIRST, amount_centimes=1), SECOND)),
        replace(ORDER, invoices=(replace(FIRST, number="1"), SECOND)),
    ]  # fmt: skip
    assert {each.fingerprint for each in same} == {ORDER.fingerprint}
    assert len({each.fingerprint for each in (ORDER, *others)}) == 7


@pytest.mark.parametrize(
    ("typed", "same"), [("0600000001", True), ("+212600000001", True), ("0600000002", False), ("", False), ("x", False)]
)
def test_whether_a_line_is_the_payments(typed: str, *, same: bool) -> None:
    assert same_line(DRAFT, typed) is same
