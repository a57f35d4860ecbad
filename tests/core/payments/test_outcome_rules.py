"""What each answer writes down, whole, in memory: the change, its reasons, and when the payment is looked at again."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.chargebacks.model import DisputeFacts
from core.payments.outcomes import OutcomeRecorder
from core.payments.schedule import Times
from core.payments.table import Challenge, IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import (
    Approved,
    Authorisation,
    AuthorisedOnly,
    ChallengeRequired,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSent,
    Pending,
    Undone,
    UnknownOutcome,
)
from core.repositories import BillsTaken, Change, MessageKind
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

STANDS = paid()  # as the books give it back
SENT = replace(
    STANDS, state=PaymentState.SENDING, receipt_number=None, transaction_number=None, auth_code=None, paid_at=None,
    card_brand="mastercard", card_last4="4444", sent_at=NOON, attempts=2, acquirer="amex",
)  # fmt: skip
UNKNOWN = replace(SENT, state=PaymentState.UNKNOWN)
ASKED = STANDS.amount_centimes
FACTS = DisputeFacts(rrn="1", masked_card="400000******0010")
YES = Approved("A1", "T1", ASKED, "visa", FACTS)
RECEIPTS = (MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL)
ONLY_SENDING, ONLY_UNKNOWN = frozenset({PaymentState.SENDING}), frozenset({PaymentState.UNKNOWN})
QUESTION = Challenge("c", 6, 2, NOON + timedelta(seconds=300))
TOLD = (MessageKind.DECLINED_SMS,)
LOST_RACE = IllegalMove(PaymentState.CAPTURED, PaymentEvent.REFUSED)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Recorder:
    """The recorder, so many seconds after the payment was sent."""

    def __init__(self, passed_s: float = 0, **said: Any) -> None:
        self.payments = port(**{"get": STANDS, "move": STANDS, "capture": STANDS, "resend": STANDS, **said})
        self.messages = port()
        books = cast("Any", SimpleNamespace(payments=self.payments, messages=self.messages))
        ids = cast("Any", SimpleNamespace(token=lambda: "token"))
        self.clock = StillClock(at(passed_s))
        self.of = OutcomeRecorder(books, self.clock, ids, Times())

    @property
    def asked(self) -> list[tuple[object, ...]]:
        return cast("list[tuple[object, ...]]", self.payments.asked)


def approved(**more: Any) -> Change:
    """The change of an approval; `more` is what a test is about."""
    usual: dict[str, Any] = {
        "auth_code": "A1", "transaction_number": "T1", "card_brand": "visa", "card_last4": "0010",
        "approved_centimes": ASKED, "facts": FACTS, "asked": "amex", "messages": RECEIPTS,
    }  # fmt: skip
    return Change(PaymentEvent.APPROVED, **(usual | more))


def refused(kind: DeclineKind, code: str, **more: Any) -> Change:
    usual: dict[str, Any] = {
        "only": ONLY_SENDING,
        "attempt": 2,
        "detail": f"{kind} {code}",
        "decline_kind": kind,
        "extend_to": at(900),
    }
    return Change(PaymentEvent.REFUSED, **(usual | more))


@pytest.mark.parametrize(
    ("answer", "change"),
    [
        (YES, approved(due_at=at(30))),
        (replace(YES, amount_centimes=None), approved(due_at=at(30), approved_centimes=None)),
        # of this attempt the card is known, whatever an approval says of it or was sent since
        (
            replace(YES, brand=None, facts=DisputeFacts()),
            approved(due_at=at(30), card_brand="mastercard", card_last4="4444", facts=DisputeFacts()),
        ),
    ],
)
async def test_a_replys_approval_is_captured(answer: Approved, change: Change) -> None:
    recorder = Recorder()
    assert await recorder.of.reply(SENT, answer) is STANDS
    assert recorder.asked == [("capture", SENT.id, change, NOON, "token")]


@pytest.mark.parametrize("took", [ASKED - 1, ASKED + 1, 0])
async def test_another_amount_is_written_down_and_due_at_once(took: int) -> None:
    recorder, answer = Recorder(), replace(YES, amount_centimes=took)
    changed = approved(approved_centimes=took, due_at=NOON, detail=f"approved {took}, asked {ASKED}", messages=())
    mismatch = replace(changed, event=PaymentEvent.MISMATCH)
    for done in (
        recorder.of.reply(SENT, answer),
        recorder.of.found(SENT, answer),
        recorder.of.paid_on_page(SENT, answer),
    ):
        assert await done is STANDS
    assert recorder.asked == [("move", SENT.id, mismatch, NOON)] * 3


async def test_a_mismatch_whose_bills_are_anothers_lets_them_go() -> None:
    recorder = Recorder(move=[BillsTaken(), STANDS])
    assert await recorder.of.reply(SENT, replace(YES, amount_centimes=1)) is STANDS
    kept, let_go = (cast("Change", asked[2]) for asked in recorder.asked)
    assert (kept.lets_go, let_go) == (False, replace(kept, lets_go=True))


async def test_an_approval_after_its_bills_were_paid_otherwise_goes_back() -> None:
    recorder = Recorder(capture=BillsTaken())
    assert await recorder.of.reply(SENT, YES) is STANDS
    landing = approved(due_at=NOON, detail="late landing", lets_go=True, messages=())
    assert recorder.asked[1:] == [("move", SENT.id, landing, NOON)]


@pytest.mark.parametrize(
    ("facts", "attempts", "kind", "last4", "unsure"),
    [
        (FACTS, 2, "other_card", "0010", False),
        (DisputeFacts(), 2, "other_card", None, True),
        (DisputeFacts(), 1, "other_card", None, False),
        (DisputeFacts(), 2, None, None, False),
    ],
)
async def test_of_several_cards_an_inquiry_names_none(
    facts: DisputeFacts, attempts: int, kind: str | None, last4: str | None, *, unsure: bool
) -> None:
    recorder = Recorder()
    payment = replace(UNKNOWN, attempts=attempts, decline_kind=kind)
    await recorder.of.found(payment, replace(YES, facts=facts))
    change = approved(card_last4=last4, card_unsure=unsure, facts=facts)
    assert recorder.asked == [("capture", SENT.id, change, NOON, "token")]


async def test_what_is_only_held_is_captured_and_looked_at_at_once() -> None:
    recorder = Recorder()
    await recorder.of.found(UNKNOWN, AuthorisedOnly("A1", "T1", ASKED))
    await recorder.of.found(UNKNOWN, replace(YES, amount_centimes=None))
    held, unstated = (cast("Change", asked[2]) for asked in recorder.asked)
    bare = {"card_brand": None, "card_last4": None, "facts": DisputeFacts()}
    assert held == approved(due_at=NOON, **bare)
    assert unstated == approved(due_at=at(30), approved_centimes=None)


async def test_a_pages_word_is_captured_with_its_proof() -> None:
    recorder = Recorder()
    await recorder.of.paid_on_page(SENT, YES, "05")
    await recorder.of.paid_on_page(SENT, YES)
    assert [cast("Change", asked[2]).detail for asked in recorder.asked] == ["05", None]
    assert recorder.asked[0][2] == approved(due_at=at(30), detail="05")
    refusing = Recorder()
    assert await refusing.of.refused_on_page(SENT, YES, "06") is STANDS
    given_back = Change(
        PaymentEvent.MISMATCH, asked="amex", auth_code="A1", transaction_number="T1", approved_centimes=ASKED,
        facts=FACTS, due_at=NOON, detail="not vouched for: 06",
    )  # fmt: skip
    assert refusing.asked == [("move", SENT.id, given_back, NOON)]


@pytest.mark.parametrize(
    ("kind", "counts", "due_s"),
    [
        (DeclineKind.OTHER_CARD, True, None),
        (DeclineKind.LIMIT, True, None),
        (DeclineKind.NEUTRAL, True, None),
        (DeclineKind.PIN, True, None),
        (DeclineKind.BANK_BUSY, False, 5),
        (DeclineKind.NO_CARD, False, 5),
        (DeclineKind.BANK_DOWN, False, None),
        (DeclineKind.OUR_FAULT, False, None),
    ],
)
async def test_a_replys_refusal(kind: DeclineKind, due_s: int | None, *, counts: bool) -> None:
    recorder, due_at = Recorder(), None if due_s is None else at(due_s)
    assert await recorder.of.reply(SENT, Decline("51", kind)) is STANDS
    assert recorder.asked == [("move", SENT.id, refused(kind, "51", counts_as_decline=counts, due_at=due_at), NOON)]


async def test_a_refusal_that_comes_late_is_told_by_a_text() -> None:
    recorder = Recorder(move=[LOST_RACE, STANDS])
    assert await recorder.of.reply(SENT, Decline("51", DeclineKind.OTHER_CARD)) is STANDS
    late = refused(DeclineKind.OTHER_CARD, "51", only=ONLY_UNKNOWN, counts_as_decline=True, due_at=at(5), messages=TOLD)
    assert recorder.asked[1:] == [("move", SENT.id, late, NOON)]


def challenged(only: frozenset[PaymentState]) -> Change:
    return Change(
        PaymentEvent.CHALLENGED, only=only, attempt=2, challenge=QUESTION, due_at=at(300), detail="2 left"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "change"),
    [
        (ChallengeRequired(QUESTION), challenged(ONLY_SENDING | ONLY_UNKNOWN)),
        (Pending(), Change(PaymentEvent.LOST, only=ONLY_SENDING, attempt=2, due_at=at(5), detail="pending")),
        (UnknownOutcome("why"), Change(PaymentEvent.LOST, only=ONLY_SENDING, attempt=2, due_at=at(5), detail="why")),
        (NotSent("down"), refused(DeclineKind.BANK_DOWN, "", counts_as_decline=False)),
    ],
)
async def test_what_decides_nothing_yet(answer: Authorisation, change: Change) -> None:
    recorder = Recorder()
    assert await recorder.of.reply(SENT, answer) is STANDS
    assert recorder.asked == [("move", SENT.id, change, NOON)]


async def test_what_was_not_sent_frees_its_acquirer_and_leaves_a_question_open() -> None:
    recorder = Recorder()
    await recorder.of.reply(replace(SENT, acquirer_free=True), NotSent("down"))
    await recorder.of.reply(replace(SENT, challenge=QUESTION), NotSent("down"))
    freed, asked = (each[2] for each in recorder.asked)
    assert freed == refused(DeclineKind.BANK_DOWN, "", counts_as_decline=False, frees=True)
    assert asked == challenged(ONLY_SENDING)


async def test_going_on_to_the_next_acquirer_is_one_commit() -> None:
    fault = Decline("03", DeclineKind.OUR_FAULT)
    for answer, change in (
        (fault, refused(DeclineKind.OUR_FAULT, "03", counts_as_decline=False, frees=True)),
        (NotSent("down"), refused(DeclineKind.BANK_DOWN, "", counts_as_decline=False, frees=True)),
    ):
        recorder = Recorder()
        assert await recorder.of.resent(SENT, answer, "naps") == replace(STANDS, acquirer_free=True)
        send = Change(PaymentEvent.SEND, due_at=at(90), attempt=2, acquirer="naps", detail="naps")
        assert recorder.asked == [("resend", SENT.id, change, send, NOON)]


async def test_a_page_that_was_left_frees_the_bills() -> None:
    recorder = Recorder()
    assert await recorder.of.left_page(SENT) is STANDS
    change = refused(DeclineKind.NO_CARD, "", counts_as_decline=False, due_at=at(5))
    assert recorder.asked == [("move", SENT.id, change, NOON)]


async def test_of_a_lost_race_the_payment_comes_back_as_it_stands() -> None:
    for method, arguments in (
        ("reply", (SENT, UnknownOutcome("x"))),
        ("found", (SENT, YES)),
        ("found", (UNKNOWN, ChallengeRequired(QUESTION))),
        ("paid_on_page", (SENT, YES)),
        ("left_page", (SENT,)),
        ("refused_on_page", (SENT, YES, "")),
    ):
        recorder = Recorder(move=LOST_RACE, capture=LOST_RACE)
        assert await getattr(recorder.of, method)(*arguments) is STANDS
        assert recorder.asked[-1] == ("get", SENT.id)
    gone = Recorder(move=LOST_RACE, get=None)
    assert await gone.of.reply(SENT, Pending()) is SENT


DECLINE = Decline("51", DeclineKind.OTHER_CARD)
TOLD_UNKNOWN = {"only": ONLY_UNKNOWN, "messages": TOLD}


@pytest.mark.parametrize(
    ("before", "passed_s", "page_over", "believed"),
    [
        (None, 900, False, True),
        ("bank_down", 900, False, True),
        ("no_card", 900, False, True),
        ("other_card", 900, False, False),
        ("other_card", 900, True, True),
        ("other_card", 901, False, True),
        ("our_fault", 900, False, False),
    ],
)
async def test_a_decline_within_the_window_may_be_an_earlier_cards(
    before: str | None, passed_s: int, *, page_over: bool, believed: bool
) -> None:
    recorder = Recorder(passed_s)
    payment = replace(UNKNOWN, decline_kind=before)
    await recorder.of.found(payment, DECLINE, page_over=page_over)
    next_s = 3_600 if passed_s == 901 else 901
    if believed:
        change = refused(
            DeclineKind.OTHER_CARD, "51", **TOLD_UNKNOWN, counts_as_decline=True, due_at=at(next_s),
            extend_to=at(passed_s + 900),
        )  # fmt: skip
        assert recorder.asked == [("move", SENT.id, change, at(passed_s))]
    else:
        assert recorder.asked == [("look_again", SENT.id, PaymentState.UNKNOWN, at(next_s))]
        assert recorder.messages.asked == [("queue", payment, MessageKind.UNDECIDED_SMS, at(passed_s))]


@pytest.mark.parametrize(
    ("passed_s", "page_over", "absent"), [(900, False, False), (901, False, True), (10, True, True)]
)
async def test_an_order_that_is_not_there_is_absent_when_nothing_can_land(
    passed_s: int, *, page_over: bool, absent: bool
) -> None:
    recorder = Recorder(passed_s)
    found = await recorder.of.found(UNKNOWN, NoSuchOrder(), page_over=page_over)
    next_s = {900: 901, 901: 3_600, 10: 15}[passed_s]
    if absent:
        change = Change(PaymentEvent.ABSENT, attempt=2, due_at=at(next_s), **TOLD_UNKNOWN)  # type: ignore[arg-type]
        assert (found, recorder.asked) == (STANDS, [("move", SENT.id, change, at(passed_s))])
    else:
        look = ("look_again", SENT.id, PaymentState.UNKNOWN, at(next_s))
        assert (found, recorder.asked) == (UNKNOWN, [look])


async def test_what_was_voided_at_the_acquirer_and_what_asks_a_pin_again() -> None:
    recorder = Recorder()
    await recorder.of.found(UNKNOWN, Undone())
    await recorder.of.found(UNKNOWN, ChallengeRequired(QUESTION))
    undone, asked = (each[2] for each in recorder.asked)
    kept = {"counts_as_decline": False, "due_at": at(5)}
    assert undone == refused(DeclineKind.OUR_FAULT, "voided", **TOLD_UNKNOWN, **kept)
    assert asked == challenged(ONLY_UNKNOWN)


@pytest.mark.parametrize(("passed_s", "next_s", "told"), [(59, 60, False), (60, 300, True), (86_400, 172_800, True)])
async def test_who_waits_is_told_after_a_minute_and_it_is_asked_for_ever(
    passed_s: int, next_s: int, *, told: bool
) -> None:
    recorder = Recorder(passed_s)
    assert await recorder.of.found(UNKNOWN, UnknownOutcome("silence")) is UNKNOWN
    assert recorder.asked == [("look_again", SENT.id, PaymentState.UNKNOWN, at(next_s))]
    assert len(recorder.messages.asked) == told


async def test_a_day_later_what_is_settled_is_asked_about_no_more_and_what_is_not_daily() -> None:
    refused, absent, lost = Recorder(86_400), Recorder(86_400), Recorder(86_400)
    await refused.of.found(UNKNOWN, DECLINE)
    await absent.of.found(UNKNOWN, NoSuchOrder())
    await lost.of.reply(SENT, Pending())
    due = [cast("Change", recorder.asked[0][2]).due_at for recorder in (refused, absent, lost)]
    assert due == [None, None, at(172_800)]
    unsent = Recorder()
    await unsent.of.reply(replace(SENT, sent_at=None, created_at=at(-4)), Pending())
    assert cast("Change", unsent.asked[0][2]).due_at == at(1)


@pytest.mark.parametrize("state", [PaymentState.EXPIRED, PaymentState.DECLINED])
@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (NoSuchOrder(), True),
        (DECLINE, True),
        (Undone(), True),
        (Pending(), False),
        (UnknownOutcome(""), False),
        (ChallengeRequired(QUESTION), False),
    ],
)
async def test_what_is_over_here_is_asked_about_until_the_acquirer_says(
    state: PaymentState, answer: Inquiry, *, ends: bool
) -> None:
    over = replace(SENT, state=state)
    early, late = Recorder(86_399), Recorder(86_400)
    assert await early.of.found(over, answer) is await late.of.found(over, answer) is over
    assert early.asked == [("look_again", SENT.id, state, at(86_400))]
    assert late.asked == [("look_again", SENT.id, state, None if ends else at(172_800))]


@pytest.mark.parametrize("state", [PaymentState.SENDING, PaymentState.CHALLENGE])
async def test_an_inquirys_silence_says_nothing_of_what_is_under_way(state: PaymentState) -> None:
    recorder = Recorder(9_999)
    for answer in (NoSuchOrder(), DECLINE, UnknownOutcome(""), Undone(), Pending()):
        payment: Payment = replace(SENT, state=state)
        assert await recorder.of.found(payment, answer) is payment
    assert (recorder.asked, recorder.messages.asked) == ([], [])


async def test_a_paid_order_is_confirmed_or_voided() -> None:
    recorder = Recorder()
    by_hand = replace(STANDS, by_hand="unconfirmed")
    assert await recorder.of.confirmed(STANDS, ASKED) is STANDS
    assert await recorder.of.confirmed(by_hand, ASKED) is STANDS
    assert await recorder.of.confirmed(replace(STANDS, by_hand="approved_again"), ASKED) != STANDS
    assert await recorder.of.confirmed(STANDS, ASKED + 1) is STANDS
    detail = f"took {ASKED + 1}, asked {ASKED}"
    mismatch = Change(PaymentEvent.MISMATCH, approved_centimes=ASKED + 1, due_at=NOON, detail=detail)
    assert recorder.asked == [
        ("look_again", SENT.id, PaymentState.CAPTURED, None),
        ("move", SENT.id, Change(PaymentEvent.CONFIRMED), NOON),
        ("look_again", SENT.id, PaymentState.CAPTURED, None),
        ("move", SENT.id, mismatch, NOON),
    ]
