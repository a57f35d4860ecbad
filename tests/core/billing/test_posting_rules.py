"""The steps of a paid bill, in memory: what is written after each answer, and when it is looked at again."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.billing.posting import Poster
from core.payments.schedule import Times
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import BillingDown, Decline, DeclineKind, NotSettled, Posting, TooLate, Undoing, Undone
from core.refunds.credits import Credit
from core.repositories import Change, LinePosting, PostingState
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

PAYMENT = paid()
FIRST, SECOND = PAYMENT.invoices
PENDING, POSTED, REFUSED = PostingState.PENDING, PostingState.POSTED, PostingState.REFUSED
CREDITING, CREDITED, STUCK = PostingState.CREDITING, PostingState.CREDITED, PostingState.STUCK
DAY_S = 86_400


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def lines(first: PostingState, second: PostingState = POSTED, attempts: int = 1) -> list[LinePosting]:
    return [LinePosting(FIRST, first, attempts), LinePosting(SECOND, second, attempts)]


def turned(before: PostingState, after: PostingState, again_s: float | None = None) -> tuple[object, ...]:
    return "turn", PAYMENT.id, FIRST.number, before, after, NOON, None if again_s is None else at(again_s)


def postponed(state: PostingState, again_s: float | None, number: str = FIRST.number) -> tuple[object, ...]:
    return "postpone", PAYMENT.id, number, state, None if again_s is None else at(again_s)


class Till:
    """A poster between ports in memory, of a payment with two bills; the first one is claimed."""

    def __init__(
        self, claimed: LinePosting, after: list[LinePosting], payment: Payment = PAYMENT, **ports: Any
    ) -> None:
        self.payments = port(get=payment, move=ports.get("move"))
        self.postings = port(claim=[[claimed]], of=[after], turn=ports.get("turn", True))
        self.credits = port(**ports.get("credits", {}))
        self.billing = port(post=ports.get("says", Posting.POSTED))
        self.bank = port(credited_centimes=ports.get("sum", 0), refund=ports.get("refund", Undone()))
        self.refunds = port()
        books = SimpleNamespace(
            payments=self.payments, postings=self.postings, credits=self.credits, refunds=self.refunds
        )
        acquirers = SimpleNamespace(of=lambda _: self.bank)
        clock = StillClock(at(ports.get("later_s", 0)))
        self.poster = Poster(cast("Any", books), self.billing, cast("Any", acquirers), clock, Times())

    async def written(self) -> list[tuple[object, ...]]:
        """What was asked of the postings but for the claim and the look at all of them."""
        await self.poster.post(PAYMENT.id)
        return [asked for asked in self.postings.asked if asked[0] in {"turn", "postpone"}]


@pytest.mark.parametrize(("answer", "after"), [(Posting.POSTED, POSTED), (Posting.REFUSED, REFUSED)])
async def test_billings_answer_is_written_down(answer: Posting, after: PostingState) -> None:
    till = Till(lines(PENDING)[0], lines(POSTED), says=answer)
    assert await till.written() == [turned(PENDING, after)]
    assert till.postings.asked[0] == ("claim", PAYMENT.id, NOON, at(240))
    assert till.billing.asked == [("post", PAYMENT, FIRST)]


@pytest.mark.parametrize(
    ("attempts", "pause_s"), [(1, 5), (2, 15), (3, 60), (4, 300), (5, 900), (6, 3_600), (7, 3_600), (99, 3_600)]
)
async def test_posting_waits_longer_each_time_and_never_for_ever(attempts: int, pause_s: int) -> None:
    line = lines(PENDING, attempts=attempts)[0]
    assert await Till(line, lines(PENDING), says=BillingDown()).written() == [postponed(PENDING, pause_s)]
    voiding = replace(PAYMENT, state=PaymentState.VOIDING)
    till = Till(line, lines(PENDING), voiding)
    assert await till.written() == [postponed(PENDING, pause_s)]
    assert till.billing.asked == []


@pytest.mark.parametrize("state", [PaymentState.VOIDED, PaymentState.REFUNDED])
@pytest.mark.parametrize("posting", [PENDING, REFUSED])
async def test_what_went_back_with_the_whole_is_credited(state: PaymentState, posting: PostingState) -> None:
    till = Till(lines(posting)[0], lines(CREDITED), replace(PAYMENT, state=state))
    assert await till.written() == [turned(posting, CREDITED)]


async def test_nothing_is_given_back_before_billing_has_answered_for_all() -> None:
    """One bill of the two is enough to wait for; a refused one is looked at again."""
    till = Till(lines(REFUSED)[0], lines(REFUSED, PENDING))
    assert await till.written() == [postponed(REFUSED, 60)]
    assert (till.payments.asked, till.credits.asked) == ([("get", PAYMENT.id)], [])


async def test_the_whole_is_voided_where_billing_refuses_every_bill() -> None:
    left = [postponed(REFUSED, None), postponed(REFUSED, None, SECOND.number)]
    till = Till(lines(REFUSED)[0], lines(REFUSED, REFUSED))
    assert await till.written() == left
    void = Change(PaymentEvent.VOID, due_at=NOON, detail="billing refused")
    assert till.payments.asked[1:] == [("move", PAYMENT.id, void, NOON)]
    again = Till(lines(REFUSED)[0], lines(REFUSED, REFUSED), move=IllegalMove(PaymentState.VOIDING, PaymentEvent.VOID))
    assert await again.written() == left


async def test_of_a_payment_that_goes_back_whole_no_bill_is_credited_by_itself() -> None:
    till = Till(lines(REFUSED)[0], lines(REFUSED), replace(PAYMENT, state=PaymentState.VOIDING))
    assert await till.written() == [postponed(REFUSED, None)]
    assert (till.credits.asked, len(till.payments.asked)) == ([], 1)


async def test_nobodys_bills_and_nothing_due_is_nothing_to_do() -> None:
    gone = Till(lines(PENDING)[0], lines(PENDING), cast("Any", None))
    assert (await gone.written(), gone.billing.asked) == ([], [])
    nothing = Till(lines(PENDING)[0], lines(PENDING))
    nothing.postings._said["claim"] = [[]]
    assert (await nothing.written(), nothing.payments.asked) == ([], [])


@pytest.mark.parametrize(
    ("said", "looks"),
    [
        ({}, False),
        ({"turn": False}, True),  # another worker was faster: it may have been refused
        ({"says": Posting.REFUSED}, True),
        ({"says": BillingDown()}, True),
    ],
)
async def test_only_where_billing_took_what_was_claimed_nothing_goes_back(said: dict[str, Any], *, looks: bool) -> None:
    till = Till(lines(PENDING)[0], lines(POSTED, REFUSED), **said)
    await till.poster.post(PAYMENT.id)
    assert (("of", PAYMENT.id) in till.postings.asked) is looks
    both = Till(lines(PENDING)[0], lines(POSTED, POSTED), **said)
    both.postings._said["claim"] = [lines(PENDING, REFUSED)]
    await both.poster.post(PAYMENT.id)
    assert ("of", PAYMENT.id) in both.postings.asked
    voiding = Till(lines(PENDING)[0], lines(PENDING), replace(PAYMENT, state=PaymentState.VOIDING), **said)
    await voiding.poster.post(PAYMENT.id)
    assert ("of", PAYMENT.id) in voiding.postings.asked


async def test_parts_of_a_payment_are_attended_to() -> None:
    till, gone = Till(lines(POSTED)[0], []), Till(lines(POSTED)[0], [], cast("Any", None))
    for each in (till, gone):
        each.refunds._said["claim"] = [[]]
        await each.poster.refund(PAYMENT.id)
    assert till.refunds.asked == [("claim", PAYMENT.id, NOON, at(240))]
    assert gone.refunds.asked == []


CREDIT = Credit(PAYMENT.id, FIRST.number, FIRST.amount_centimes, 0, 0, answered=False, asked_at=NOON)
BOOKS = {"begin": CREDIT, "asking": replace(CREDIT, asks=1), "of": CREDIT}


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (Undone(), turned(CREDITING, CREDITED)),
        (NotSettled(), turned(CREDITING, REFUSED, 3_600)),
        (Decline("down", DeclineKind.BANK_DOWN), turned(CREDITING, REFUSED, 60)),
        (Decline("96", DeclineKind.BANK_BUSY), postponed(CREDITING, 60)),
        (Decline("57", DeclineKind.OTHER_CARD), turned(CREDITING, STUCK)),
        (TooLate(), turned(CREDITING, STUCK, DAY_S)),
    ],
)
async def test_a_refused_bill_is_credited_by_itself(answer: Undoing, after: tuple[object, ...]) -> None:
    till = Till(lines(REFUSED)[0], lines(REFUSED), refund=answer, credits=BOOKS)
    assert await till.written() == [turned(REFUSED, CREDITING, 240), after]
    assert till.credits.asked[0] == ("begin", PAYMENT.id, FIRST.number, FIRST.amount_centimes, 0, NOON)
    assert ("refund", PAYMENT.id, FIRST.amount_centimes) in till.bank.asked
    # what is refused lets the next credit of the payment begin
    refused = isinstance(answer, Decline) and answer.kind is DeclineKind.OTHER_CARD
    assert (("end", PAYMENT.id, FIRST.number) in till.credits.asked) is refused


async def test_a_credit_waits_for_another_and_is_one_workers() -> None:
    waits = Till(lines(REFUSED)[0], lines(REFUSED), credits={"begin": None})
    assert await waits.written() == [postponed(REFUSED, 60)]
    overtaken = Till(lines(REFUSED)[0], lines(REFUSED), credits=BOOKS, turn=False)
    assert await overtaken.written() == [turned(REFUSED, CREDITING, 240)]
    others = Till(lines(POSTED, REFUSED)[0], lines(POSTED, REFUSED), credits=BOOKS)
    assert (await others.written(), others.credits.asked) == ([], [])  # nobody claimed the second


@pytest.mark.parametrize("state", [CREDITING, STUCK])
async def test_what_lands_late_is_found(state: PostingState) -> None:
    till = Till(lines(state)[0], lines(CREDITED), credits=BOOKS, sum=FIRST.amount_centimes)
    assert await till.written() == [turned(state, CREDITED)]


async def test_what_does_not_land_is_a_persons_and_looked_at_daily() -> None:
    unanswered = {"of": replace(CREDIT, asks=1)}
    first = Till(lines(CREDITING)[0], lines(STUCK), credits=unanswered, later_s=901)
    due = at(901 + DAY_S)
    assert await first.written() == [("turn", PAYMENT.id, FIRST.number, CREDITING, STUCK, at(901), due)]
    again = Till(lines(STUCK)[0], lines(STUCK), credits=unanswered, later_s=901)
    assert await again.written() == [("postpone", PAYMENT.id, FIRST.number, STUCK, due)]
    unknown = Till(lines(STUCK)[0], lines(STUCK), credits={"of": None})
    assert await unknown.written() == [turned(STUCK, STUCK)]
    assert unknown.bank.asked == []
