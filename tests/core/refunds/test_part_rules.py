"""The steps of one bill's part, and of telling billing, in memory: what is written after each outcome, and when."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from core.payments.schedule import Times
from core.payments.table import PaymentState
from core.ports import BillingDown, Posting
from core.refunds.credits import Credit, CreditEnd, Outcome
from core.refunds.model import Refund, RefundPart, RefundState, Reversal, given_back, refund_id_of
from core.refunds.service import Refunder
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

PAYMENT = paid()
NUMBER = PAYMENT.invoices[0].number
REFUND = Refund(7, PAYMENT.id, NUMBER, 3_000, RefundState.ASKED, 1, whole=False)
CREDIT = Credit(PAYMENT.id, "r7", 3_000, 500, 0, answered=False, asked_at=NOON)
LEASED = NOON + timedelta(seconds=240)


def at(seconds: float) -> object:
    return NOON + timedelta(seconds=seconds)


async def attended(refund: Refund, crediter: object, billing: object = None, **books: object) -> list[object]:
    """What was asked of the books behind the claim."""
    rows = port(claim=[[refund]], **books)
    await Refunder(rows, billing, crediter, StillClock(), Times()).attend(PAYMENT)  # type: ignore[arg-type]
    claimed, *rest = rows.asked
    assert claimed == ("claim", PAYMENT.id, NOON, LEASED)
    return cast("list[object]", rest)


SETTLED = [
    (RefundState.CREDITING, Outcome(CreditEnd.GIVEN), ("turn", RefundState.CREDITED, 0, False)),
    (RefundState.STUCK, Outcome(CreditEnd.GIVEN), ("turn", RefundState.CREDITED, 0, False)),
    (RefundState.CREDITING, Outcome(CreditEnd.NOT_ASKED, 3_600), ("turn", RefundState.ASKED, 3_600, False)),
    (RefundState.CREDITING, Outcome(CreditEnd.UNDECIDED, 60), ("postpone", 60)),
    (RefundState.CREDITING, Outcome(CreditEnd.UNDECIDED), ("turn", RefundState.STUCK, None, False)),
    (RefundState.CREDITING, Outcome(CreditEnd.REFUSED, code="57"), ("turn", RefundState.REFUSED, None, False)),
    (RefundState.CREDITING, Outcome(CreditEnd.STUCK, 86_400), ("turn", RefundState.STUCK, 86_400, False)),
    (RefundState.CREDITING, Outcome(CreditEnd.STUCK), ("turn", RefundState.STUCK, None, False)),
    (RefundState.STUCK, Outcome(CreditEnd.STUCK, 86_400), ("postpone", 86_400)),
    (RefundState.STUCK, Outcome(CreditEnd.STUCK), ("turn", RefundState.STUCK, None, False)),
]


def written(refund: Refund, step: tuple[object, ...]) -> tuple[object, ...]:
    name, *rest = step
    if name == "postpone":
        return name, refund, at(rest[0])  # type: ignore[arg-type]
    after, again_s, closed = rest
    return name, refund, after, NOON, None if again_s is None else at(again_s), closed  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "outcome", "step"), SETTLED)
async def test_what_is_known_of_a_credit_under_way(
    state: RefundState, outcome: Outcome, step: tuple[object, ...]
) -> None:
    refund, crediter = replace(REFUND, state=state), port(compare=outcome)
    assert await attended(refund, crediter) == [written(refund, step)]
    assert crediter.asked == [("compare", PAYMENT, "r7")]


@pytest.mark.parametrize(("outcome", "step"), [(outcome, step) for state, outcome, step in SETTLED if state != "stuck"])
async def test_a_part_is_written_down_and_asked_for(outcome: Outcome, step: tuple[object, ...]) -> None:
    crediter = port(begin=CREDIT, ask=outcome)
    begun, after = await attended(REFUND, crediter, begin=True)
    assert begun == ("begin", REFUND, 500, NOON, LEASED)
    assert after == written(replace(REFUND, state=RefundState.CREDITING), step)
    assert crediter.asked == [("begin", PAYMENT, "r7", 3_000), ("ask", PAYMENT, CREDIT)]


async def test_a_part_waits_while_another_is_under_way() -> None:
    crediter = port(begin=None)
    assert await attended(REFUND, crediter) == [("postpone", REFUND, at(60))]
    overtaken = port(begin=CREDIT)
    assert (await attended(REFUND, overtaken, begin=False))[1:] == [("postpone", REFUND, at(60))]
    assert len(crediter.asked) == len(overtaken.asked) == 1


@pytest.mark.parametrize("state", [state for state in PaymentState if state is not PaymentState.CAPTURED])
async def test_of_a_payment_that_went_another_way_no_part_goes_back(state: PaymentState) -> None:
    rows, crediter = port(claim=[[REFUND]]), port()
    await Refunder(rows, port(), crediter, StillClock(), Times()).attend(replace(PAYMENT, state=state))
    assert rows.asked[1:] == [("turn", REFUND, RefundState.REFUSED, NOON, None, True)]
    assert crediter.asked == []


@pytest.mark.parametrize(
    ("answer", "after"), [(Posting.POSTED, RefundState.TOLD), (Posting.REFUSED, RefundState.UNTOLD)]
)
async def test_billing_hears_of_what_is_back(answer: Posting, after: RefundState) -> None:
    back, billing = replace(REFUND, state=RefundState.CREDITED), port(reverse=answer)
    assert await attended(back, port(), billing) == [("turn", back, after, NOON, None, False)]
    assert billing.asked == [("reverse", Reversal(PAYMENT, NUMBER, 3_000, f"{PAYMENT.id}:{NUMBER}:r7"))]


@pytest.mark.parametrize(
    ("attempts", "pause_s"), [(1, 5), (2, 15), (3, 60), (4, 300), (5, 900), (6, 3_600), (7, 3_600), (99, 3_600)]
)
async def test_billing_that_is_down_is_told_later(attempts: int, pause_s: int) -> None:
    back = replace(REFUND, state=RefundState.CREDITED, attempts=attempts)
    assert await attended(back, port(), port(reverse=BillingDown())) == [("postpone", back, at(pause_s))]


def test_what_is_back_in_parts() -> None:
    """Each part of another size, so that a sum tells which were counted; what went back whole is no part."""
    parts = [replace(REFUND, state=state, amount_centimes=10**n) for n, state in enumerate(RefundState)]
    assert given_back(parts) == sum(
        part.amount_centimes for part in parts if part.state in {"credited", "told", "untold"}
    )
    assert given_back([replace(part, whole=True) for part in parts]) == 0


@pytest.mark.parametrize(
    ("key", "row"),
    [("r7", 7), ("r12", 12), ("r0", 0), ("7", None), ("r", None), ("", None), ("rr7", None), ("x7", None)],
)
def test_a_text_is_filed_under_its_row_or_under_its_bill(key: str, row: int | None) -> None:
    assert refund_id_of(key) == row


def test_a_part_is_a_centime_at_least() -> None:
    assert RefundPart("1", 1).amount_centimes == 1
    with pytest.raises(ValueError, match="one centime"):
        RefundPart("1", 0)
