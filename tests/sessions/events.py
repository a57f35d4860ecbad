"""Every kind of event that can reach a screen, and every result that an effect can bring."""

from dataclasses import replace
from datetime import timedelta

from core.cards import Secret
from core.languages import LanguageCode
from core.payments.service import Refusal, StartOrder
from core.payments.table import DECLINES_MAX, Challenge, Payment, PaymentState
from core.ports import DeclineKind, Person
from core.subscribers.lines import ServiceType
from sessions.bill_cache import unpaid_of
from sessions.screens.menu import (
    Back,
    CardTaken,
    Chose,
    Done,
    Event,
    HeardTwice,
    HelpMe,
    Menu,
    Restart,
    Silence,
    Taken,
    Typed,
    TypedSecret,
    Unclear,
    Words,
)
from sessions.turn.effects import (
    Bills,
    CardGone,
    CardHeld,
    CardHint,
    NoBills,
    PaymentSeen,
    Recalled,
    Remembered,
    Rung,
    TermsAccepted,
)
from tests.sessions.samples import LINE, bills
from tests.support.till import NOW, line, payment_of

ORDER = StartOrder(
    "k", "ussd", "+212600000001", LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", bills(1, 76920)
)
CREATED = payment_of(ORDER, "p1", NOW)


def payments() -> tuple[Payment, ...]:
    """One of each state, those of a bank's question and of every decline among them."""
    challenge = Challenge("c1", 3, 2, NOW + timedelta(minutes=3))
    by_state = [replace(CREATED, state=state, attempts=1) for state in PaymentState]
    declines = [replace(CREATED, state=PaymentState.DECLINED, attempts=1, decline_kind=kind) for kind in DeclineKind]
    spent = replace(CREATED, state=PaymentState.DECLINED, attempts=3, declines=DECLINES_MAX)
    asked = replace(CREATED, state=PaymentState.CHALLENGE, attempts=1, challenge=challenge)
    return (CREATED, *by_state, *declines, spent, asked)


STRANGER = Person("+212600000009", None, None, ())
KNOWN = Person("+212600000001", LanguageCode.AR, "2026-11", (line("0600000001"),))
RESULTS: tuple[object, ...] = (
    None,
    *Refusal,
    *payments(),
    Bills(LINE, unpaid_of(bills(2))),
    Bills(LINE, unpaid_of(bills(2)), changed=True),
    *(NoBills(LINE, why) for why in Refusal),
    Recalled(STRANGER),
    Recalled(KNOWN),
    *(Recalled(KNOWN, payment) for payment in payments()),
    Remembered(),
    TermsAccepted(),
    Rung(),
    CardHeld(),
    CardGone(),
    *(PaymentSeen(payment, how) for how in Taken for payment in (None, CREATED, *payments()[-2:], Refusal.LOCKED)),
    CardHint("visa", "0010"),
    line("0600000001"),
)
ANYTHING: tuple[Event, ...] = (
    *(Chose(option) for option in ("", "own:99", "own:x", "bogus", "fr", "pay", "resume", "mobile")),
    *(Typed(text) for text in ("", "0600000001", "482913", "110001", "x" * 200, "a@example.com", "١٢٣٤")),
    *(TypedSecret(Secret(digits)) for digits in ("", "4000000000000010", "1228", "0125", "9999", "123", "²²²²")),
    TypedSecret(Secret("40000000000000100")),  # a key of it was heard twice
    HeardTwice(Typed("11223344")),
    HeardTwice(TypedSecret(Secret("112233"))),
    *(CardTaken(how) for how in Taken),
    Unclear(),
    Silence(),
    Back(),
    HelpMe(),
    Restart(),
    *(Done(result) for result in RESULTS),
)


def events_of(words: Words) -> tuple[Event, ...]:
    """Those, and a choice of each option offered."""
    offered = tuple(Chose(option.id) for option in words.every) if isinstance(words, Menu) else ()
    return offered + ANYTHING
