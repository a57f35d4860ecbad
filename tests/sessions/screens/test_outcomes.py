"""What a call hears of a payment: for every state of it, however often it was looked at, and whoever took the card."""

from dataclasses import replace

import msgspec
import pytest

from core.payments.refusal import Refusal
from core.payments.table import ATTEMPTS_MAX, DECLINES_MAX, Challenge, Payment, PaymentState
from core.ports import DeclineKind
from sessions.basket import Basket, basket_of
from sessions.screens.ending import Goodbye, Paid, Unknown
from sessions.screens.menu import Again, CardTaken, Chose, Done, Noted, ScreenContext, Taken, say
from sessions.screens.paying import (
    CHECKS_MAX,
    POLLS_MAX,
    POLLS_UNSENT_MAX,
    BankPin,
    CardNumber,
    Declined,
    PayByConnector,
    Paying,
    refused,
    settled,
)
from sessions.turn.effects import Look, LookAfter, PaymentSeen
from tests.sessions.samples import CONNECTOR, USSD, VOICE, visit
from tests.support.paid import paid

S = PaymentState
CALL, ELSEWHERE = visit(VOICE), visit(CONNECTOR)
UNTOLD = frozenset({S.SENDING, S.UNKNOWN, S.CHALLENGE})  # of which a call says that nobody knows
UNDONE = frozenset({S.VOIDING, S.VOIDED, S.REFUNDING, S.REFUNDED, S.INTEGRITY_FAILURE})
OVER = frozenset({S.CREATED, S.EXPIRED})


def payment(state: PaymentState, **changed: object) -> Payment:
    return replace(paid(), state=state, **changed)  # type: ignore[arg-type]


def basket(attempts: int) -> Basket:
    return msgspec.structs.replace(basket_of(paid()), attempts=attempts)


@pytest.mark.parametrize("state", PaymentState)
def test_what_is_told_of_each_state(state: PaymentState) -> None:
    seen = payment(state)
    told = {
        **dict.fromkeys(UNTOLD, Unknown(seen.amount_centimes)),
        **dict.fromkeys(UNDONE, Goodbye("undone")),
        **dict.fromkeys(OVER, Goodbye("basket-expired")),
        S.CAPTURED: Paid(seen.amount_centimes, "Q41T9Z"),
        S.DECLINED: Declined(basket_of(seen), DeclineKind.OTHER_CARD, may_retry=True),
    }
    assert set(told) == set(PaymentState)
    assert settled(seen, CALL) == told[state]


def test_a_payment_without_an_authorisation_says_none() -> None:
    assert settled(payment(S.CAPTURED, auth_code=None), CALL) == Paid(paid().amount_centimes, "")


@pytest.mark.parametrize("kind", DeclineKind)
@pytest.mark.parametrize(
    ("declines", "attempts", "another"),
    [
        (DECLINES_MAX - 1, 1, True),
        (DECLINES_MAX, 1, False),
        (0, ATTEMPTS_MAX - 1, True),
        (0, ATTEMPTS_MAX, False),
    ],
)
def test_a_decline_says_why_and_whether_another_card_may_do(
    kind: DeclineKind, declines: int, attempts: int, *, another: bool
) -> None:
    seen = payment(S.DECLINED, decline_kind=kind, declines=declines, attempts=attempts)
    screen = settled(seen, CALL)
    assert screen == Declined(basket_of(seen), kind, may_retry=another)
    assert isinstance(screen, Declined)
    assert screen.on(Chose("card"), CALL) == (CardNumber(screen.basket) if another else Again(say("wrong-choice")))


def test_the_bank_s_pin_is_asked_where_it_can_be_typed() -> None:
    seen = payment(S.CHALLENGE, challenge=Challenge("OTP_NUMERIC", 6, 2, paid().expires_at))
    pin = BankPin(basket_of(seen), 2)
    assert settled(seen, CALL) == pin
    assert settled(seen, CALL, 3) == settled(seen, CALL, 0) == Noted(pin, say("bank-pin.refused"))
    assert settled(seen, visit(USSD)) == Unknown(seen.amount_centimes)
    assert settled(replace(seen, challenge=None), CALL) == Unknown(seen.amount_centimes)


@pytest.mark.parametrize(
    ("state", "polls_max"), [(S.SENDING, POLLS_MAX), (S.UNKNOWN, CHECKS_MAX), (S.CAPTURED, 0), (S.DECLINED, 0)]
)
def test_a_payment_that_was_sent_is_waited_for_so_long(state: PaymentState, polls_max: int) -> None:
    seen = payment(state, attempts=3)
    for polls in {0, polls_max - 1, polls_max, polls_max + 1} - {-1}:
        waits = Paying(basket(2), polls, 1)
        told = Paying(basket(2), polls + 1, 1) if polls < polls_max else settled(seen, CALL, 1)
        assert waits.on(Done(seen), CALL) == told


@pytest.mark.parametrize("state", PaymentState)
@pytest.mark.parametrize("visitor", [CALL, ELSEWHERE], ids=["here", "elsewhere"])
def test_what_was_not_sent_yet_is_waited_for_a_little_and_then_asked_anew(
    state: PaymentState, visitor: ScreenContext
) -> None:
    took, seen = basket(2), payment(state, attempts=2)
    for polls in (0, POLLS_UNSENT_MAX - 1, POLLS_UNSENT_MAX):
        told = Paying(took, polls).on(Done(seen), visitor)
        if state is S.EXPIRED:
            assert told == Goodbye("basket-expired")
        elif polls < POLLS_UNSENT_MAX:
            assert told == Paying(took, polls + 1)
        else:
            card = PayByConnector(took) if visitor is ELSEWHERE else CardNumber(took)
            assert told == Noted(card, say("card-gone"))


def test_a_pause_looks_and_a_refusal_or_nothing_ends_it() -> None:
    pause = Paying(basket(0))
    assert pause.on(Chose("x"), CALL) == Look(paid().id)
    assert pause.on(Done(Refusal.BANK_DOWN), CALL) == refused(Refusal.BANK_DOWN) == Goodbye("refused.bank-down")
    assert pause.on(Done(None), CALL) == Unknown(paid().amount_centimes)
    words = [Paying(basket(0), polls).ask(CALL).text.key for polls in range(9)]
    assert [n for n, key in enumerate(words) if key == "paying"] == [0, 4, 8]
    assert set(words) == {"paying", "paying.more"}


# --- the card typed at the telephone company -------------------------------------------------------------------------

UNSENT = {
    Taken.LEFT: Again(say("restarted")),
    Taken.TRIES: Goodbye("too-many-tries"),
    Taken.FAILED: Declined(basket(1), DeclineKind.BANK_DOWN, may_retry=True),
    Taken.BROKEN: Declined(basket(1), DeclineKind.OUR_FAULT, may_retry=False),
    Taken.DONE: Unknown(paid().amount_centimes),
}


@pytest.mark.parametrize("how", Taken)
@pytest.mark.parametrize("state", PaymentState)
def test_what_was_sent_is_told_whatever_the_telephone_company_says(how: Taken, state: PaymentState) -> None:
    screen = PayByConnector(basket(1))
    assert screen.on(CardTaken(how), ELSEWHERE) == LookAfter(paid().id, how)
    after = payment(state, attempts=2)
    assert screen.on(Done(PaymentSeen(after, how)), ELSEWHERE) == Paying(basket(1)).outcome(after, ELSEWHERE)
    same = payment(state, attempts=1)
    told = UNSENT[how] if state in {S.CREATED, S.DECLINED} else Paying(basket(1)).outcome(same, ELSEWHERE)
    assert screen.on(Done(PaymentSeen(same, how)), ELSEWHERE) == told


def test_a_refusal_or_nothing_is_told_there_too() -> None:
    screen = PayByConnector(basket(1))
    assert screen.on(Done(PaymentSeen(Refusal.LOCKED, Taken.DONE)), ELSEWHERE) == Goodbye("refused.locked")
    assert screen.on(Done(PaymentSeen(None, Taken.FAILED)), ELSEWHERE) == Unknown(paid().amount_centimes)
    assert screen.on(Chose("x"), ELSEWHERE) == Again(say("not-heard"))
