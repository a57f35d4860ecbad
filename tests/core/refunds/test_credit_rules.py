"""What follows from a credit's answer and from the acquirer's sum: each bound at, below and above, in memory."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.payments.schedule import Times
from core.ports import Decline, DeclineKind, NotSettled, TooLate, Undoing, Undone, UnknownOutcome
from core.refunds.crediting import Crediter
from core.refunds.credits import Credit, CreditEnd, Outcome
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

PAYMENT = replace(paid(), acquirer="amex")
CREDIT = Credit(PAYMENT.id, "r7", 3_000, 500, asks=1, answered=True, asked_at=NOON)
GIVEN, DAY_S = Outcome(CreditEnd.GIVEN), 86_400
STUCK, SOON = Outcome(CreditEnd.STUCK, DAY_S), Outcome(CreditEnd.UNDECIDED, 60)
BUSY, REFUSED = Decline("96", DeclineKind.BANK_BUSY), Decline("57", DeclineKind.OTHER_CARD)


def crediter(books: Any, bank: Any, age_s: float = 0) -> Crediter:
    acquirers = SimpleNamespace(of={"amex": bank}.__getitem__)
    return Crediter(books, cast("Any", acquirers), StillClock(NOON + timedelta(seconds=age_s)), Times())


@pytest.mark.parametrize(
    ("credited", "age_s", "changes", "expected"),
    [
        (3_500, 0, {}, GIVEN),
        (3_501, 99_999, {"asks": 0}, GIVEN),
        (3_499, 901, {}, STUCK),  # something of the payment went back, and not this
        (None, 10, {}, SOON),
        (None, 61, {}, Outcome(CreditEnd.UNDECIDED, 61)),
        (None, 3_601, {}, Outcome(CreditEnd.UNDECIDED, 3_600)),
        (None, DAY_S, {}, Outcome(CreditEnd.UNDECIDED, 3_600)),
        (None, DAY_S + 1, {}, STUCK),
        (501, 900, {"asks": 0}, SOON),
        (501, 901, {"asks": 0}, STUCK),
        (500, 900, {}, SOON),
        (500, 901, {}, Outcome(CreditEnd.UNDECIDED, 2_699)),
        (500, 900, {"answered": False}, SOON),
        (500, 901, {"answered": False}, STUCK),
        (500, 9_999, {"answered": False}, STUCK),
        (501, 901, {}, STUCK),
        (500, 901, {"asks": 23}, Outcome(CreditEnd.UNDECIDED, 2_699)),
        (500, 901, {"asks": 24}, STUCK),
        (500, 9_999, {"asks": 24}, STUCK),
        (500, 3_599, {}, Outcome(CreditEnd.UNDECIDED, 1)),
    ],
)
async def test_the_sum_and_the_time_tell_and_nothing_is_asked(
    credited: int | None, age_s: int, changes: dict[str, object], expected: Outcome
) -> None:
    books, bank = port(of=replace(CREDIT, **changes)), port(credited_centimes=credited)  # type: ignore[arg-type]
    assert await crediter(books, bank, age_s).compare(PAYMENT, "r7") == expected
    assert books.asked == [("of", PAYMENT.id, "r7")]
    assert bank.asked == [("credited_centimes", PAYMENT.id)]


@pytest.mark.parametrize(("asks", "age_s"), [(0, 0), (1, 3_600), (23, 3_600)])
async def test_it_is_asked_for_where_it_never_was_or_surely_gave_nothing(asks: int, age_s: int) -> None:
    credit = replace(CREDIT, asks=asks, answered=asks > 0)
    books, bank = port(of=credit, asking=replace(credit, asks=asks + 1)), port(credited_centimes=500, refund=Undone())
    assert await crediter(books, bank, age_s).compare(PAYMENT, "r7") == GIVEN
    assert books.asked[1:] == [("asking", credit, NOON + timedelta(seconds=age_s))]
    assert bank.asked[1:] == [("refund", PAYMENT.id, 3_000)]


async def test_a_credit_that_nobody_wrote_down_is_a_persons() -> None:
    assert await crediter(port(of=None), port()).compare(PAYMENT, "r7") == Outcome(CreditEnd.STUCK)


@pytest.mark.parametrize(
    ("answer", "credited", "expected", "answered"),
    [
        (Undone(), 500, GIVEN, False),
        (NotSettled(), 500, Outcome(CreditEnd.NOT_ASKED, 3_600), False),
        (Decline("down", DeclineKind.BANK_DOWN), 500, Outcome(CreditEnd.NOT_ASKED, 60), False),
        (REFUSED, 500, Outcome(CreditEnd.REFUSED, code="57"), False),
        (REFUSED, 3_500, GIVEN, False),
        (REFUSED, None, SOON, False),
        (TooLate(), 500, STUCK, False),
        (TooLate(), 3_500, GIVEN, False),
        (TooLate(), None, STUCK, False),
        (BUSY, 500, SOON, True),
        (BUSY, 3_500, GIVEN, True),
        (BUSY, None, SOON, True),
        (UnknownOutcome("time-out"), 3_500, SOON, False),
    ],
)
async def test_an_answer_is_believed_as_far_as_the_sum_agrees(
    answer: Undoing, credited: int | None, expected: Outcome, *, answered: bool
) -> None:
    counted = replace(CREDIT, asks=2)
    books, bank = port(asking=counted), port(credited_centimes=credited, refund=answer)
    assert await crediter(books, bank).ask(PAYMENT, CREDIT) == expected
    assert books.asked == [("asking", CREDIT, NOON)] + [("answered", counted)] * answered
    assert bank.asked[0] == ("refund", PAYMENT.id, 3_000)


async def test_what_another_worker_asks_for_is_not_asked_twice() -> None:
    bank = port()
    assert await crediter(port(asking=None), bank).ask(PAYMENT, CREDIT) == SOON
    assert bank.asked == []


async def test_the_sum_before_is_written_down_first() -> None:
    books = port(begin=CREDIT)
    assert await crediter(books, port(credited_centimes=500)).begin(PAYMENT, "r7", 3_000) is CREDIT
    assert books.asked == [("begin", PAYMENT.id, "r7", 3_000, 500, NOON)]
    untouched = port()
    assert await crediter(untouched, port(credited_centimes=None)).begin(PAYMENT, "r7", 3_000) is None
    assert untouched.asked == []


async def test_what_is_over_is_let_go() -> None:
    books = port()
    await crediter(books, port()).end(PAYMENT.id, "r7")
    assert books.asked == [("end", PAYMENT.id, "r7")]
