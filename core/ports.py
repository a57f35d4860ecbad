"""The ports by which the payment service reaches the world, as Protocols. Only khallas/bootstrap/ names what stands
behind them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.billing.invoices import Invoice
from core.cards import Card, Secret
from core.chargebacks.model import NO_FACTS, DisputeFacts
from core.languages import LanguageCode
from core.payments.table import Challenge, Payment
from core.refunds.model import RefundPart, Reversal
from core.subscribers.lines import ServiceType, SubscribedLine

# --- the acquirer -----------------------------------------------------------------------------------------------


class DeclineKind(StrEnum):
    """Tells why a card was refused, as far as the customer may hear it (docs/protocols/cmi.md, Codes)."""

    OTHER_CARD = "other_card"  # another card may do: 05 14 15 51 54 57 58 62 82 84 85 93
    LIMIT = "limit"  # 61 65 75
    NEUTRAL = "neutral"  # lost, stolen, suspected fraud: neutral words, flagged
    PIN = "pin"  # the bank's PIN was wrong too often
    BANK_BUSY = "bank_busy"  # 91 96 19 09, and the inquiry found nothing charged: the same card may do later
    BANK_DOWN = "bank_down"  # never sent: nothing was charged, nothing is held against the card
    NO_CARD = "no_card"  # back from the acquirer's page, and no card was given there: nothing was charged
    OUR_FAULT = "our_fault"  # configuration: alert operations, do not blame the customer


@dataclass(frozen=True, slots=True)
class Order:
    """An order to charge. `id` repeats for every attempt of one payment: one success at most per order."""

    id: str
    amount_centimes: int
    currency: str
    email: str | None
    telephone: str  # empty when the payer's number is hidden


@dataclass(frozen=True, slots=True)
class Approved:
    """Exactly ProcReturnCode 00 and Response Approved. The amount is what the acquirer says it took, if it says."""

    auth_code: str
    transaction_number: str
    amount_centimes: int | None = None
    brand: str | None = None
    facts: DisputeFacts = field(default=NO_FACTS, compare=False)


@dataclass(frozen=True, slots=True)
class Decline:
    """An explicit refusal: nothing was charged."""

    code: str
    kind: DeclineKind
    message: str = ""


@dataclass(frozen=True, slots=True)
class ChallengeRequired:
    """The bank wants its one-time PIN before it decides."""

    challenge: Challenge


@dataclass(frozen=True, slots=True)
class Pending:
    """The acquirer has the order and has not decided: ask again later."""


@dataclass(frozen=True, slots=True)
class UnknownOutcome:
    """The acquirer gave no reply, or one that cannot be believed: never a failure. `why` is for logs and holds no card
    data.
    """

    why: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly not sent (circuit open, connection refused before a byte left): nothing can have been charged."""

    why: str


@dataclass(frozen=True, slots=True)
class AuthorisedOnly:
    """An inquiry's answer: a hosted page's order, authorised and not captured: nothing is taken before `capture`."""

    auth_code: str
    transaction_number: str
    amount_centimes: int | None


@dataclass(frozen=True, slots=True)
class NoSuchOrder:
    """An inquiry's answer: the acquirer knows nothing of this order (yet)."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A void or a credit went through (for an inquiry: the order was voided)."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """A void after settlement (CORE-2511): credit instead."""


@dataclass(frozen=True, slots=True)
class NotSettled:
    """A credit before settlement (CORE-2508): void instead."""


Authorisation = Approved | Decline | ChallengeRequired | Pending | UnknownOutcome | NotSent
Inquiry = Approved | AuthorisedOnly | Decline | ChallengeRequired | Pending | UnknownOutcome | NoSuchOrder | Undone
Undoing = Undone | TooLate | NotSettled | Decline | UnknownOutcome


class Acquirer(Protocol):
    """The bank's side. No method raises for what the other side does: an answer is always one of the types above."""

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation: ...

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation: ...

    async def inquire(self, order_id: str) -> Inquiry: ...

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        """Take what is held; a repeat of one that went through is Approved or Unknown, and takes nothing."""

    async def void(self, order_id: str) -> Undoing: ...

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        """Give back a part, or all. It has no key for repeats: compare `credited_centimes` before sending it again."""

    async def credited_centimes(self, order_id: str) -> int | None:
        """Returns what was given back of an order so far; None when the acquirer cannot say now."""

    async def aclose(self) -> None:
        """Close its connections; the process ends, or its event loop does."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A charge that is about to be sent, as far as choosing an acquirer goes. `telephone`: we hold the card; else a
    browser goes to a page. `tied_to`: the one this payment may be at already.
    """

    payment_id: str
    amount_centimes: int
    currency: str
    brand: str | None = None
    telephone: bool = True
    tied_to: str | None = None


class Acquirers(Protocol):
    """The acquirers there are. Nothing raises."""

    def of(self, acquirer_id: str) -> Acquirer:
        """The one of this id; where there is none, or it is off, one that sends nothing and knows nothing."""

    def shut(self, acquirer_id: str) -> bool:
        """Returns whether a charge would not be sent there now."""

    def candidates(self, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """Returns whom to ask, first to last: the next only when nothing can have reached the one before."""

    async def aclose(self) -> None:
        """Closes every acquirer, as Acquirer.aclose."""


# --- the billing system -----------------------------------------------------------------------------------------


class Posting(StrEnum):
    """Tells what the billing system said of a paid bill."""

    POSTED = "posted"
    REFUSED = "refused"  # paid elsewhere meanwhile: undo that line


class BillingDown(Exception):
    """The billing system's fault: retry later."""


class BillingSystem(Protocol):
    """Knows who owes what. Raises BillingDown only."""

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None: ...

    async def lines_of(self, msisdn: str) -> tuple[SubscribedLine, ...]:
        """Returns every line whose contact mobile this is, in a fixed order."""

    async def codes_of(self, msisdn: str) -> tuple[tuple[SubscribedLine, str], ...]:
        """Returns each of those lines with its payment code."""

    async def code_matches(self, service: ServiceType, reference: str, code: str) -> bool:
        """Returns False for a wrong code and for an unknown line alike, in the same time."""

    async def proven(self, service: ServiceType, reference: str, code: str) -> SubscribedLine | None:
        """Returns the line for its right code; None for a wrong one and for an unknown line alike, in the same time."""

    async def code_of(self, service: ServiceType, reference: str) -> str | None: ...

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]:
        """Returns the unpaid bills of a line, the oldest first."""

    async def post(self, payment: Payment, invoice: Invoice) -> Posting:
        """Tell the billing system that a bill was paid; the key is payment id + invoice number: repeats do no harm."""

    async def reverse(self, reversal: Reversal) -> Posting:
        """Tell it that money went back: so much is owed again. POSTED too for a bill it never heard was paid."""


# --- limits -----------------------------------------------------------------------------------------------------


class LimitsDown(Exception):
    """The counters' fault: nothing was counted, so nothing that must be counted may happen. Retry later."""


class Tries(StrEnum):
    """Tells whether one more code may be tried."""

    OPEN = "open"
    CROWDED = "crowded"  # others' doing: a caller who is known at this line is let through
    LOCKED = "locked"  # the caller's own doing


class CodeLimits(Protocol):
    """Wrong payment codes are counted: caller with target first, so that a stranger cannot lock out the owner, then
    target, caller, channel and all together (docs/protocols/security.md 12)."""

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        """Tells whether one more code may be tried, and counts a try that may be. `target` is the service and reference
        asked about; for a caller who is `known` there only what the caller did counts.
        """

    async def failed(self, channel: str, caller: str, target: str) -> None:
        """A code was wrong, or there was no such line."""


class CardTold(StrEnum):
    """Tells what became of a card that was counted when it was sent."""

    DECLINED = "declined"  # the bank said something about the card: all of it counts
    UNDECIDED = "undecided"  # it was sent; of the card nothing is known
    NOTHING = "nothing"  # paid, never sent, refused by us, or a busy bank: none of it counts


class CardLimits(Protocol):
    """Cards that are sent to the bank are counted, so that nobody tries stolen ones here (protocols/security.md 13).
    Raises LimitsDown: uncounted no card is sent."""

    async def allow(self, call: str, caller: str, card: Card) -> bool:
        """Returns whether one more may be sent, counted at once: in this call, by this caller, of this very card."""

    async def sending(self, payment_id: str, call: str, caller: str, card: Card) -> None:
        """Ties what was counted to this payment, until its end is told."""

    async def told(self, payment_id: str, what: "CardTold") -> None:
        """Give back what says nothing about the card. Told again, or never, it does no harm."""


class IntentLimits(Protocol):
    """Cards tried for one line, one bill and on one channel are counted: callers' numbers can be forged, what is paid
    for cannot. Raises LimitsDown: uncounted no card is sent."""

    async def allow(self, payment: Payment) -> bool:
        """Returns whether one more may be tried, counted at once."""


# --- people and messages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """A message to send. `reference` is ours, stable across retries: gateways and delivery receipts carry it.

    `route` is the way its question came by, tried first; `urgent`: somebody waits for it with the phone in hand.
    """

    reference: str
    to_msisdn: str
    text: str
    route: str | None = None
    urgent: bool = False


class DeliveryFailed(Exception):
    """The gateway did not take a message, as far as is known.

    `retryable` says whether to try again; `maybe_sent`: it may have been taken, so no other way may be tried in its
    place; `again_in_s`: nothing was sent because the way is busy or away, which is not held against the message.
    """

    def __init__(self, why: str, *, retryable: bool, maybe_sent: bool = False, again_in_s: float | None = None) -> None:
        super().__init__(why)
        self.retryable = retryable
        self.maybe_sent = maybe_sent
        self.again_in_s = again_in_s


class Texter(Protocol):
    """Sends an SMS. Raises DeliveryFailed."""

    async def send(self, sms: OutgoingSms) -> str:
        """The provider's message id."""


class Replies(Protocol):
    """The words of answers that wait in the outbox, which keeps none itself. Raises DeliveryFailed."""

    async def reply_of(self, reference: str) -> str | None:
        """Returns the words of a kept reply; None when they are forgotten."""


class Mailer(Protocol):
    """Sends a payment's receipt by e-mail. Raises DeliveryFailed."""

    async def send_receipt(self, payment: Payment, address: str, copy: int = 0) -> str:
        """The Message-ID, the same at every try. `copy`: its number when it is sent once more at a wish."""


class CallEnd(StrEnum):
    """Tells what the telephone did that we rang."""

    ANSWERED = "answered"
    RANG = "rang"  # and was refused, busy or left ringing: whoever it belongs to is left in peace
    NOT_RUNG = "not_rung"  # it was never reached, or nobody knows: it may be rung again


class CallEnds(Protocol):
    """Hears how calls that we placed ended. Raises DatabaseUnavailable."""

    async def __call__(self, call_id: str, end: CallEnd, why: str) -> bool:
        """Tells how a call ended. Returns False when no call of that id waits for its end."""


class Caller(Protocol):
    """Rings a customer for the card. Raises DeliveryFailed."""

    async def call(self, payment: Payment) -> str:
        """The call's id, once the order is placed; what became of it is told later, where the way tells it at all."""

    async def close(self) -> None:
        """Leave what is open."""


class ReceiptTexts(Protocol):
    """Words of messages that jobs send; channels own the words, core only when to send them."""

    def receipt_sms(self, payment: Payment) -> str: ...

    def undecided_sms(self, payment: Payment) -> str: ...

    def declined_sms(self, payment: Payment) -> str: ...

    def undone_sms(self, payment: Payment) -> str: ...

    def call_missed_sms(self, payment: Payment) -> str: ...

    def pay_link_sms(self, payment: Payment) -> str | None:
        """Words the text with the link to pay; None where nobody pays in a browser."""

    def refund_sms(self, payment: Payment, part: RefundPart, *, paid_elsewhere: bool) -> str:
        """A part went back: the help desk's, or a bill that billing says was paid elsewhere meanwhile."""


class Clock(Protocol):
    """The time, so that tests can own it."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Person:
    """What is remembered of a caller, before anything is asked."""

    msisdn: str
    language: LanguageCode | None
    terms_version: str | None
    lines: tuple[SubscribedLine, ...]
