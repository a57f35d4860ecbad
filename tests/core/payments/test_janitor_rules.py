"""What time does to a payment, in memory: each bound at, below and above, and the whole of what is written."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.payments.janitor import Janitor, NoSuchPayment
from core.payments.schedule import Times
from core.payments.table import Challenge, IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import (
    Approved,
    AuthorisedOnly,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSettled,
    Pending,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from core.repositories import Change, MessageKind
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

PAID = replace(paid(), sent_at=NOON, paid_at=NOON, acquirer="amex")
DAY_S = 86_400
LOST_RACE = IllegalMove(PaymentState.CAPTURED, PaymentEvent.LOST)
SILENCE, ABSENT = UnknownOutcome("silence"), NoSuchOrder()
DECLINE = Decline("51", DeclineKind.OTHER_CARD)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Room:
    """A janitor, so many seconds after NOON, of one payment as it stands."""

    def __init__(self, payment: Payment, passed_s: float = 0, answer: object = None, **said: Any) -> None:
        self.payment = payment
        self.payments = port(**{"get": payment, "claim": True, "move": payment, **said})
        self.bank = port(inquire=answer, **said.get("bank", {}))
        self.recorder = port(found=said.get("found", payment), left_page=payment, confirmed=payment)
        acquirers = cast("Any", SimpleNamespace(of={"amex": self.bank}.__getitem__))
        books = cast("Any", SimpleNamespace(payments=self.payments))
        self.of = Janitor(books, acquirers, self.recorder, StillClock(at(passed_s)), Times())

    async def attended(self) -> list[tuple[object, ...]]:
        """What was written in the books."""
        await self.of.attend(self.payment.id)
        return self.written()

    def written(self) -> list[tuple[object, ...]]:
        return [asked for asked in self.payments.asked if asked[0] in {"move", "look_again"}]


def looked(payment: Payment, again_s: float | None) -> list[tuple[object, ...]]:
    return [("look_again", payment.id, payment.state, None if again_s is None else at(again_s))]


async def test_one_worker_attends_and_a_lost_race_is_no_error() -> None:
    created = replace(PAID, state=PaymentState.CREATED, expires_at=at(0))
    others = Room(created, claim=False)
    assert await others.attended() == []
    assert others.payments.asked == [("claim", PAID.id, NOON, at(240))]
    assert len(await Room(created, move=LOST_RACE).attended()) == 1
    with pytest.raises(NoSuchPayment):
        await Room(PAID, get=None).of.read("nobody")


@pytest.mark.parametrize("sent_at", [None, NOON])
async def test_a_basket_expires_when_its_time_is_over_and_what_was_sent_is_asked_about(
    sent_at: datetime | None,
) -> None:
    created = replace(PAID, state=PaymentState.CREATED, expires_at=at(100), sent_at=sent_at)
    assert await Room(created, 99).attended() == looked(created, 100)
    due_at = at(300) if sent_at else None
    over = Change(PaymentEvent.EXPIRE, only=frozenset({PaymentState.CREATED}), due_at=due_at)
    assert await Room(created, 100).attended() == [("move", PAID.id, over, at(100))]


QUESTION = Challenge("c", 6, 2, at(300))
ASKS = replace(PAID, state=PaymentState.CHALLENGE, challenge=QUESTION, attempts=1)
ONLY_CHALLENGE = frozenset({PaymentState.CHALLENGE})


@pytest.mark.parametrize(
    ("changes", "ends_s"),
    [
        ({}, 300),
        ({"attempts": 2}, 900),  # an answer that was lost may still charge
        ({"attempts": 2, "sent_at": None}, 300),
        ({"attempts": 2, "challenge": replace(QUESTION, expires_at=at(901))}, 901),
    ],
)
async def test_a_question_ends_and_the_acquirer_confirms_that_nothing_came_of_it(
    changes: dict[str, Any], ends_s: int
) -> None:
    payment = replace(ASKS, **changes)
    early, late = Room(payment, ends_s - 1, ABSENT), Room(payment, ends_s, ABSENT)
    assert (await early.attended(), early.bank.asked) == (looked(payment, ends_s), [])
    (moved,) = await late.attended()
    assert (moved[0], cast("Change", moved[2]).event, moved[3]) == ("move", PaymentEvent.EXPIRE, at(ends_s))
    assert late.recorder.asked == [("found", payment, ABSENT)]


@pytest.mark.parametrize("answer", [SILENCE, Pending()])
async def test_while_nobody_says_what_came_of_a_question_it_is_asked_again_and_then_lost(answer: Inquiry) -> None:
    waits, over = Room(ASKS, 300 + 3_599, answer), Room(ASKS, 300 + 3_600, answer)
    assert await waits.attended() == looked(ASKS, 300 + 3_599 + 60)
    lost = Change(
        PaymentEvent.LOST, only=ONLY_CHALLENGE, attempt=1, due_at=at(DAY_S), detail="its question is over",
        messages=(MessageKind.UNDECIDED_SMS,),
    )  # fmt: skip
    assert await over.attended() == [("move", PAID.id, lost, at(3_900))]


async def test_a_question_that_was_decided_meanwhile_does_not_expire() -> None:
    assert await Room(ASKS, 300, ABSENT, found=PAID).attended() == []


@pytest.mark.parametrize(
    ("changes", "stale_s"),
    [
        ({}, 90),
        ({"sent_at": None, "created_at": at(-10)}, 80),
        ({"page_until": at(600)}, 630),
        ({"page_until": at(10)}, 90),
    ],
)
async def test_what_hangs_is_lost_when_nobody_can_be_waiting(changes: dict[str, Any], stale_s: int) -> None:
    payment = replace(PAID, state=PaymentState.SENDING, **changes)
    assert await Room(payment, stale_s - 1).attended() == looked(payment, stale_s)
    late = Room(payment, stale_s, ABSENT)
    ((name, _, change, now),) = await late.attended()
    next_s = {90: 300, 80: 290, 630: 901}[stale_s]
    only = frozenset({PaymentState.SENDING})
    assert (name, now) == ("move", at(stale_s))
    assert change == Change(PaymentEvent.LOST, only=only, attempt=1, due_at=at(next_s), detail="stale")
    assert late.recorder.asked == [("found", payment, ABSENT, "page_until" in changes)]


@pytest.mark.parametrize("state", PaymentState)
async def test_an_inquiry_asks_about_what_it_can_still_change(state: PaymentState) -> None:
    for payment in (replace(PAID, state=state), replace(PAID, state=state, sent_at=None)):
        room = Room(payment, answer=ABSENT)
        assert await room.of.inquire(PAID.id) is payment
        asks = state in {"sending", "challenge", "unknown", "expired", "declined"} and payment.sent_at is not None
        assert room.recorder.asked == [("found", payment, ABSENT)] * asks


@pytest.mark.parametrize("state", [PaymentState.UNKNOWN, PaymentState.EXPIRED, PaymentState.DECLINED])
async def test_what_is_undecided_is_asked_about(state: PaymentState) -> None:
    room = Room(replace(PAID, state=state), answer=SILENCE)
    assert await room.attended() == []
    assert room.recorder.asked == [("found", room.payment, SILENCE)]


async def test_a_page_that_is_over_tells_what_the_acquirer_says_now() -> None:
    on_page = replace(PAID, state=PaymentState.SENDING, page_until=at(600), attempts=2)
    by_telephone = replace(on_page, page_until=None)
    left = Room(on_page, answer=ABSENT)
    await left.of.page_over(PAID.id)
    assert left.recorder.asked == [("left_page", on_page)]
    for payment, answer in (
        (by_telephone, ABSENT),
        (on_page, SILENCE),
        (replace(on_page, state=PaymentState.UNKNOWN), ABSENT),
    ):
        room = Room(payment, answer=answer)
        await room.of.page_over(PAID.id)
        assert room.recorder.asked == [("found", payment, answer)]
        assert room.written() == []


async def test_a_decline_on_a_page_is_undecided_first_and_then_told() -> None:
    on_page = replace(PAID, state=PaymentState.SENDING, page_until=at(600), attempts=2)
    moved = replace(on_page, state=PaymentState.UNKNOWN)
    room = Room(on_page, answer=DECLINE, move=moved)
    await room.of.page_over(PAID.id)
    only = frozenset({PaymentState.SENDING})
    lost = Change(PaymentEvent.LOST, only=only, attempt=2, due_at=at(60), detail="back from the page")
    assert room.written() == [("move", PAID.id, lost, NOON)]
    assert room.recorder.asked == [("found", moved, DECLINE)]
    raced = Room(on_page, answer=DECLINE, move=LOST_RACE)
    assert await raced.of.page_over(PAID.id) is on_page
    assert raced.recorder.asked == []
    elsewhere = Room(moved, answer=DECLINE)
    await elsewhere.of.page_over(PAID.id)
    assert (elsewhere.written(), elsewhere.recorder.asked) == ([], [("found", moved, DECLINE)])


async def test_what_was_approved_twice_is_a_persons_once() -> None:
    room, known, again = Room(PAID), Room(PAID), Approved("A", "T2", 1)
    await room.of.approved_again(PAID, again)
    await known.of.approved_again(replace(PAID, by_hand="approved_again"), again)
    assert known.written() == []
    change = Change(
        PaymentEvent.UNCONFIRMED, due_at=at(60), detail="approved again: T2", by_hand="approved_again"
    )  # fmt: skip
    assert room.written() == [("move", PAID.id, change, NOON)]
    await Room(PAID, move=LOST_RACE).of.approved_again(PAID, again)


async def test_a_day_later_what_is_over_is_looked_at_no_more_and_what_is_not_daily() -> None:
    """A process that was away that long finds each as it is now."""
    created = replace(PAID, state=PaymentState.CREATED, expires_at=NOON)
    sending = replace(PAID, state=PaymentState.SENDING)
    unsent = replace(ASKS, sent_at=None, created_at=at(1))
    found = [
        (created, DAY_S, None),
        (sending, DAY_S, at(2 * DAY_S)),
        (ASKS, DAY_S, at(2 * DAY_S)),
        (unsent, DAY_S, at(DAY_S + 1)),
    ]
    for payment, passed_s, due_at in found:
        ((_, _, change, _),) = await Room(payment, passed_s, SILENCE).attended()
        assert cast("Change", change).due_at == due_at


async def test_a_pages_word_is_the_recorders() -> None:
    room, word = Room(PAID), Approved("A", "T", 1)
    room.recorder._said |= {"paid_on_page": [ASKS], "refused_on_page": [ASKS]}
    assert await room.of.paid_on_page(PAID, word, "05") is await room.of.refused_on_page(PAID, word, "06") is ASKS
    assert room.recorder.asked == [("paid_on_page", PAID, word, "05"), ("refused_on_page", PAID, word, "06")]


# --- the look after an approval ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "captured"),
    [
        (Approved("A", "T", 5), None),
        (AuthorisedOnly("A", "T", 5), Approved("A", "T", 5)),
    ],
)
async def test_paid_here_is_confirmed_by_the_acquirer(answer: Inquiry, captured: Approved | None) -> None:
    room = Room(PAID, answer=answer, bank={"capture": captured})
    assert await room.attended() == []
    assert room.recorder.asked == [("confirmed", PAID, 5)]
    assert room.bank.asked[1:] == ([("capture", PAID.id, PAID.amount_centimes)] if captured else [])


@pytest.mark.parametrize("answer", [Approved("A", "T"), SILENCE, ABSENT, Pending()])
async def test_what_the_acquirer_does_not_confirm_is_a_persons_after_a_day_and_asked_daily(answer: Inquiry) -> None:
    assert await Room(PAID, DAY_S - 1, answer).attended() == looked(PAID, DAY_S)
    detail = type(answer).__name__.lower()
    unconfirmed = Change(PaymentEvent.UNCONFIRMED, due_at=at(2 * DAY_S), detail=detail, by_hand="unconfirmed")
    assert await Room(PAID, DAY_S, answer).attended() == [("move", PAID.id, unconfirmed, at(DAY_S))]
    known = replace(PAID, by_hand="unconfirmed")
    assert await Room(known, DAY_S, answer).attended() == looked(known, 2 * DAY_S)
    unpaid = replace(PAID, paid_at=None, created_at=at(-1))
    assert (await Room(unpaid, DAY_S - 1, answer).attended())[0][0] == "move"


@pytest.mark.parametrize("state", [PaymentState.VOIDED, PaymentState.REFUNDED])
async def test_what_is_back_is_looked_at_no_more(state: PaymentState) -> None:
    payment = replace(PAID, state=state)
    assert await Room(payment).attended() == looked(payment, None)


async def test_who_asks_for_the_whole_back_gets_the_payment_as_it_stands() -> None:
    done = replace(PAID, state=PaymentState.VOIDED)
    room = Room(VOIDING, answer=SILENCE, bank={"void": SILENCE}, move=done)
    assert await room.of._voider.attend(VOIDING) is VOIDING
    assert await Room(VOIDING, answer=Undone(), move=done).of._voider.attend(VOIDING) is done


# --- the whole goes back ----------------------------------------------------------------------------------------------

VOIDING, REFUNDING = replace(PAID, state=PaymentState.VOIDING), replace(PAID, state=PaymentState.REFUNDING)
UNDONE_SMS = (MessageKind.UNDONE_SMS,)


@pytest.mark.parametrize(
    ("payment", "why"),
    [
        (replace(PAID, state=PaymentState.INTEGRITY_FAILURE), "wrong amount"),
        (replace(PAID, receipt_number=None), "late landing"),
    ],
)
async def test_what_must_not_be_kept_is_voided_at_once(payment: Payment, why: str) -> None:
    room = Room(
        payment, answer=SILENCE, move=[VOIDING, replace(PAID, state=PaymentState.VOIDED)], bank={"void": Undone()}
    )
    begun = Change(PaymentEvent.VOID, due_at=at(60), detail=why)
    done = Change(PaymentEvent.VOIDED, messages=UNDONE_SMS)
    assert await room.attended() == [("move", PAID.id, begun, NOON), ("move", PAID.id, done, NOON)]


@pytest.mark.parametrize(("payment", "event"), [(VOIDING, PaymentEvent.VOIDED), (REFUNDING, PaymentEvent.REFUNDED)])
async def test_the_acquirers_own_word_comes_first(payment: Payment, event: PaymentEvent) -> None:
    room = Room(payment, answer=Undone())
    assert await room.attended() == [("move", PAID.id, Change(event, messages=UNDONE_SMS), NOON)]
    assert room.bank.asked == [("inquire", PAID.id)]


@pytest.mark.parametrize(
    ("answer", "again_s"),
    [
        (Decline("99", DeclineKind.OUR_FAULT), 3_600),
        (Decline("96", DeclineKind.BANK_BUSY), 3_600),
        (NotSettled(), 3_600),
        (SILENCE, 60),
    ],
)
async def test_a_void_that_does_not_go_through_is_tried_again(answer: Undoing, again_s: int) -> None:
    assert await Room(VOIDING, answer=ABSENT, bank={"void": answer}).attended() == looked(VOIDING, again_s)


async def test_a_void_that_is_too_late_is_a_credit_of_the_rest() -> None:
    bank = {"void": TooLate(), "credited_centimes": 500, "refund": Undone()}
    room = Room(VOIDING, answer=ABSENT, bank=bank, move=[REFUNDING, PAID])
    assert await room.attended() == [
        ("move", PAID.id, Change(PaymentEvent.REFUND, due_at=at(60)), NOON),
        ("move", PAID.id, Change(PaymentEvent.REFUNDED, messages=UNDONE_SMS), NOON),
    ]
    assert room.bank.asked[-1] == ("refund", PAID.id, PAID.amount_centimes - 500)


@pytest.mark.parametrize(
    ("took", "credited", "rest"),
    [(None, 0, 176_920), (1_000, 0, 1_000), (1_000, 999, 1), (1_000, 1_000, None), (1_000, 1_001, None)],
)
async def test_never_more_goes_back_than_was_taken(took: int | None, credited: int, rest: int | None) -> None:
    payment = replace(REFUNDING, approved_centimes=took)
    room = Room(payment, answer=ABSENT, bank={"credited_centimes": credited, "refund": Undone()})
    assert (await room.attended())[0][2] == Change(PaymentEvent.REFUNDED, messages=UNDONE_SMS)
    assert room.bank.asked[2:] == ([] if rest is None else [("refund", PAID.id, rest)])


async def test_a_sum_that_cannot_be_read_credits_nothing() -> None:
    room = Room(REFUNDING, answer=ABSENT, bank={"credited_centimes": None})
    assert await room.attended() == looked(REFUNDING, 60)
    assert len(room.bank.asked) == 2


@pytest.mark.parametrize(
    ("answer", "again_s"),
    [
        (Decline("96", DeclineKind.BANK_BUSY), 3_600),
        (Decline("", DeclineKind.BANK_DOWN), 3_600),
        (NotSettled(), 3_600),
        (TooLate(), 3_600),
        (SILENCE, 60),
    ],
)
async def test_a_credit_that_does_not_go_through_yet_is_tried_again(answer: Undoing, again_s: int) -> None:
    bank = {"credited_centimes": 0, "refund": answer}
    assert await Room(REFUNDING, answer=ABSENT, bank=bank).attended() == looked(REFUNDING, again_s)


async def test_a_credit_that_is_refused_is_a_persons() -> None:
    bank = {"credited_centimes": 0, "refund": Decline("57", DeclineKind.OTHER_CARD)}
    refused = Change(PaymentEvent.UNDO_REFUSED, detail="57", by_hand="undo_refused")
    assert await Room(REFUNDING, answer=ABSENT, bank=bank).attended() == [("move", PAID.id, refused, NOON)]
