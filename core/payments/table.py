"""The life of a payment, as a table.

Rules of this file: the default is "unknown"; only an explicit answer of the acquirer ends a payment; an event that
the table does not list raises IllegalMove and changes nothing. SQL guards each change with the same table
(docs/protocols/failure-points.md). Pure. Beside it stand what an answer does (outcomes.py) and what time does
(janitor.py); money goes back by core/refunds.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.billing.invoices import Invoice, total
from core.languages import LanguageCode
from core.subscribers.lines import ServiceType

# A customer's cards that say no, and anything sent at all (a busy bank counts only here), in one payment.
DECLINES_MAX = 3
ATTEMPTS_MAX = 10


class PaymentState(StrEnum):
    """The states of a payment."""

    CREATED = "created"
    SENDING = "sending"
    CHALLENGE = "challenge"
    CAPTURED = "captured"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    VOIDING = "voiding"
    VOIDED = "voided"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    INTEGRITY_FAILURE = "integrity_failure"


class PaymentEvent(StrEnum):
    """The events that can happen to a payment."""

    SEND = "send"
    CHALLENGED = "challenged"
    APPROVED = "approved"
    REFUSED = "refused"
    LOST = "lost"
    ABSENT = "absent"
    EXPIRE = "expire"
    MISMATCH = "mismatch"
    VOID = "void"
    VOIDED = "voided"
    REFUND = "refund"
    REFUNDED = "refunded"
    UNDO_REFUSED = "undo_refused"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    KEPT = "kept"


# By state: all that may happen in one stands together.
TABLE: dict[tuple[PaymentState, PaymentEvent], PaymentState] = {
    # the intent is committed, nothing was sent
    (PaymentState.CREATED, PaymentEvent.SEND): PaymentState.SENDING,
    (PaymentState.CREATED, PaymentEvent.EXPIRE): PaymentState.EXPIRED,
    # the acquirer was asked and has not answered
    (PaymentState.SENDING, PaymentEvent.APPROVED): PaymentState.CAPTURED,
    (PaymentState.SENDING, PaymentEvent.CHALLENGED): PaymentState.CHALLENGE,
    (PaymentState.SENDING, PaymentEvent.REFUSED): PaymentState.DECLINED,
    (PaymentState.SENDING, PaymentEvent.LOST): PaymentState.UNKNOWN,
    (PaymentState.SENDING, PaymentEvent.MISMATCH): PaymentState.INTEGRITY_FAILURE,
    # the bank asks its PIN. Approved here: that PIN's late answer, after an inquiry brought the question back; lost:
    # its time is over, and the bank does not say what came of it
    (PaymentState.CHALLENGE, PaymentEvent.SEND): PaymentState.SENDING,
    (PaymentState.CHALLENGE, PaymentEvent.EXPIRE): PaymentState.EXPIRED,
    (PaymentState.CHALLENGE, PaymentEvent.LOST): PaymentState.UNKNOWN,
    (PaymentState.CHALLENGE, PaymentEvent.APPROVED): PaymentState.CAPTURED,
    (PaymentState.CHALLENGE, PaymentEvent.MISMATCH): PaymentState.INTEGRITY_FAILURE,
    # no answer came: inquiries follow. Where the reply that asked for the PIN was lost they bring the question back;
    # absent: the acquirer's window is over and it still knows nothing of the order
    (PaymentState.UNKNOWN, PaymentEvent.APPROVED): PaymentState.CAPTURED,
    (PaymentState.UNKNOWN, PaymentEvent.CHALLENGED): PaymentState.CHALLENGE,
    (PaymentState.UNKNOWN, PaymentEvent.REFUSED): PaymentState.DECLINED,
    (PaymentState.UNKNOWN, PaymentEvent.MISMATCH): PaymentState.INTEGRITY_FAILURE,
    (PaymentState.UNKNOWN, PaymentEvent.SEND): PaymentState.SENDING,
    (PaymentState.UNKNOWN, PaymentEvent.ABSENT): PaymentState.EXPIRED,
    # another card may follow under the same order id: one success at most per order (docs/protocols/cmi.md), and it
    # wins over earlier declines
    (PaymentState.DECLINED, PaymentEvent.SEND): PaymentState.SENDING,
    (PaymentState.DECLINED, PaymentEvent.APPROVED): PaymentState.CAPTURED,
    (PaymentState.DECLINED, PaymentEvent.MISMATCH): PaymentState.INTEGRITY_FAILURE,
    # the basket is released: a late success is undone right after
    (PaymentState.EXPIRED, PaymentEvent.APPROVED): PaymentState.CAPTURED,
    (PaymentState.EXPIRED, PaymentEvent.MISMATCH): PaymentState.INTEGRITY_FAILURE,
    # the look after the approval: another amount was taken, nothing is confirmed in time, or it is after all
    (PaymentState.CAPTURED, PaymentEvent.MISMATCH): PaymentState.INTEGRITY_FAILURE,
    (PaymentState.CAPTURED, PaymentEvent.UNCONFIRMED): PaymentState.CAPTURED,
    (PaymentState.CAPTURED, PaymentEvent.CONFIRMED): PaymentState.CAPTURED,
    (PaymentState.CAPTURED, PaymentEvent.VOID): PaymentState.VOIDING,
    (PaymentState.CAPTURED, PaymentEvent.REFUND): PaymentState.REFUNDING,
    # what was taken is not what was asked
    (PaymentState.INTEGRITY_FAILURE, PaymentEvent.VOID): PaymentState.VOIDING,
    # before settlement; where it is too late for that, a refund
    (PaymentState.VOIDING, PaymentEvent.VOIDED): PaymentState.VOIDED,
    (PaymentState.VOIDING, PaymentEvent.REFUND): PaymentState.REFUNDING,
    # after settlement. A refusal is the acquirer's last word: the money is still owed to the payer, and a person ends
    # it; a person alone says that the money stays after all
    (PaymentState.REFUNDING, PaymentEvent.REFUNDED): PaymentState.REFUNDED,
    (PaymentState.REFUNDING, PaymentEvent.UNDO_REFUSED): PaymentState.REFUNDING,
    (PaymentState.REFUNDING, PaymentEvent.KEPT): PaymentState.CAPTURED,
}

# While in one of these a payment holds its bills: no other payment may take them.
ACTIVE = frozenset(
    {
        PaymentState.CREATED,
        PaymentState.SENDING,
        PaymentState.CHALLENGE,
        PaymentState.UNKNOWN,
        PaymentState.CAPTURED,
        PaymentState.VOIDING,
        PaymentState.REFUNDING,
        PaymentState.INTEGRITY_FAILURE,
    }
)
# Events after which a payment holds exactly the bills that it held before.
KEEPS_LOCKS = frozenset(
    {
        PaymentEvent.VOID,
        PaymentEvent.REFUND,
        PaymentEvent.UNDO_REFUSED,
        PaymentEvent.KEPT,
        PaymentEvent.UNCONFIRMED,
        PaymentEvent.CONFIRMED,
    }
)
# The customer must not pay again: the acquirer may have charged.
UNDECIDED = frozenset({PaymentState.SENDING, PaymentState.CHALLENGE, PaymentState.UNKNOWN})


class IllegalMove(Exception):
    """The payment did not change: our fault, or a lost race. Do not retry blindly; read it again."""

    def __init__(self, state: PaymentState, event: PaymentEvent) -> None:
        super().__init__(f"a payment that is {state} cannot take {event}")
        self.state = state
        self.event = event


def after(state: PaymentState, event: PaymentEvent) -> PaymentState:
    """The state that follows. Raises IllegalMove."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalMove(state, event) from None


# What SQL needs of the table: an event leads to one state, wherever it comes from, and is taken in these.
_TARGETS: dict[PaymentEvent, PaymentState] = {event: state for (_, event), state in TABLE.items()}
_SOURCES: dict[PaymentEvent, frozenset[PaymentState]] = {
    event: frozenset(state for state, taken in TABLE if taken is event) for event in PaymentEvent
}


def target(event: PaymentEvent) -> PaymentState:
    """The one state an event leads to."""
    return _TARGETS[event]


def sources(event: PaymentEvent) -> frozenset[PaymentState]:
    """The states that take an event: what an UPDATE's WHERE must name."""
    return _SOURCES[event]


@dataclass(frozen=True, slots=True)
class Challenge:
    """The bank asks its one-time PIN. `id` is the acquirer's; the PIN itself is never stored."""

    id: str
    length: int
    attempts_left: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as everyone reads it. `id` is also the acquirer's order id; `reference` is what people quote."""

    id: str
    reference: str
    state: PaymentState
    service: ServiceType
    line_reference: str
    payer_msisdn: str
    email: str | None
    language: LanguageCode
    channel: str
    invoices: tuple[Invoice, ...]
    amount_centimes: int
    currency: str
    created_at: datetime
    expires_at: datetime
    # how often it was sent (Event.SEND): a poller tells an old answer from a new one by it
    attempts: int = 0
    sent_at: datetime | None = None
    page_until: datetime | None = None  # a browser may be on the acquirer's page until then
    declines: int = 0
    decline_kind: str | None = None
    challenge: Challenge | None = None
    auth_code: str | None = None
    transaction_number: str | None = None
    approved_centimes: int | None = None  # what the acquirer took; another amount than asked is given back whole
    card_brand: str | None = None
    card_last4: str | None = None
    receipt_number: str | None = None
    receipt_token: str | None = None
    paid_at: datetime | None = None
    email_typed: bool = False  # by the payer; otherwise it is the line's, and whoever pays may be a stranger
    by_hand: str | None = None  # why only a person can go on from here
    wallet: str | None = None  # which wallet is asked, or paid; None: a card
    wallet_payer: str | None = None  # whose wallet
    acquirer: str = "cmi"  # who was asked for the money, and is asked about it
    acquirer_free: bool = False  # nothing of it can be there: another may be asked

    def __post_init__(self) -> None:
        if self.amount_centimes != total(self.invoices):
            raise ValueError("a payment's amount is the sum of its bills")
