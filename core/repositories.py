"""The till's books, as Protocols and the values they take. Each method is one commit, guarded in itself.

Nothing here waits for the outside world: whoever asks the acquirer writes before and after, never around it
(docs/protocols/failure-points.md). A row that still wants something carries the time at which somebody must look again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.billing.invoices import Invoice
from core.chargebacks.model import NO_FACTS, DisputeFacts
from core.languages import LanguageCode
from core.payments.consent import Consent
from core.payments.table import Challenge, Payment, PaymentEvent, PaymentState
from core.refunds.credits import Credits
from core.refunds.model import Refunds
from core.subscribers.lines import ServiceType


class RepositoryError(Exception):
    """Root of what the books raise."""


class DatabaseUnavailable(RepositoryError):
    """The database's fault: nothing is known to have been written. Retry later."""


class BillsTaken(RepositoryError):
    """Another active payment holds one of the bills. Not an error of anyone: tell the customer."""


class KeyTaken(RepositoryError):
    """The idempotency key is known: read that payment instead."""


class ReferenceTaken(RepositoryError):
    """Two open payments would be quoted by the same digits: draw again."""


class MessageKind(StrEnum):
    """The kinds of messages that go out to a person; the words belong to the channels."""

    RECEIPT_SMS = "receipt_sms"
    RECEIPT_MAIL = "receipt_mail"
    UNDECIDED_SMS = "undecided_sms"
    DECLINED_SMS = "declined_sms"
    UNDONE_SMS = "undone_sms"
    REFUND_SMS = "refund_sms"  # one bill's money went back
    OUTGOING_CALL = "outgoing_call"
    CALL_MISSED_SMS = "call_missed_sms"  # nobody could be reached: where to call instead
    PAY_LINK_SMS = "pay_link_sms"  # the help desk's: where a basket is paid in a browser
    CODE_SMS = "code_sms"
    ANSWER_SMS = "answer_sms"


ANSWERS = frozenset({MessageKind.CODE_SMS, MessageKind.ANSWER_SMS})  # somebody asked and waits: before everything else


def message_reference(payment_id: str, kind: MessageKind, attempt: int) -> str:
    """Names a message, the same at every try; a later attempt's decline is another message, so is a later call."""
    return f"{payment_id}-{kind}-{attempt}"


_COPY = "-again-"


def copy_reference(payment_id: str, kind: MessageKind, copy: int) -> str:
    """The reference of a message that the help desk sends once more: another one, which nobody drops as a repeat.
    `copy` from 1.
    """
    return f"{payment_id}-{kind}{_COPY}{copy}"


def copy_of(reference: str) -> int:
    """The number of a copy; 0 for a first message, which nobody asked for."""
    number = reference.rpartition(_COPY)[2]
    return int(number) if _COPY in reference and number.isdecimal() else 0


class Delivery(StrEnum):
    """Tells how far a message got; the order is the direction, and nothing goes back (late reports are common)."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"


class PostingState(StrEnum):
    """The states of the posting of one paid bill to billing."""

    PENDING = "pending"
    POSTED = "posted"
    REFUSED = "refused"  # paid elsewhere meanwhile: to be given back
    CREDITING = "crediting"  # written before the acquirer is asked
    CREDITED = "credited"
    STUCK = "stuck"  # a credit whose end is not known, or that was refused: a person's; found if it lands late


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment about to be written, with what makes its request recognisable."""

    payment: Payment
    idempotency_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Change:
    """A payment's event and what it brings. `due_at`: when to look again, None for never. `attempt`: only while it is
    that.
    """

    event: PaymentEvent
    due_at: datetime | None = None
    only: frozenset[PaymentState] | None = None
    attempt: int | None = None
    detail: str | None = None
    messages: tuple[MessageKind, ...] = ()
    lets_go: bool = False  # the bills are another payment's by now: do not lock them again
    counts_as_decline: bool = False
    decline_kind: str | None = None
    challenge: Challenge | None = None
    card_brand: str | None = None
    card_last4: str | None = None
    card_unsure: bool = False  # of several cards nobody knows which one paid: none is named
    auth_code: str | None = None
    transaction_number: str | None = None
    approved_centimes: int | None = None
    facts: DisputeFacts = NO_FACTS
    extend_to: datetime | None = None
    page_until: datetime | None = None
    by_hand: str | None = None  # why only a person can go on from here; the next change lifts it
    wallet: str | None = None  # of a SEND and of what takes money in: the wallet; None: a card
    wallet_payer: str | None = None
    acquirer: str | None = None  # of a SEND: who is asked; another one than before only where nothing can be there
    frees: bool = False  # nothing can have reached the acquirer
    asked: str | None = None  # whose word it is: only while the payment is that one's


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message. `payment_id` None: an answer, that goes by the `route` its question came by. `payment`: as it
    stood when the message was claimed, where it is at hand.
    """

    reference: str
    kind: MessageKind
    payment_id: str | None
    recipient: str
    attempts: int
    route: str | None = None
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class LinePosting:
    """A bill of a captured payment and its posting."""

    invoice: Invoice
    state: PostingState
    attempts: int


class Payments(Protocol):
    """The payments' rows. All methods raise DatabaseUnavailable."""

    async def get(self, payment_id: str) -> Payment | None: ...

    async def by_key(self, idempotency_key: str) -> tuple[Payment, str] | None:
        """The payment a key started, and the fingerprint of its request."""

    async def by_reference(self, reference: str, now: datetime) -> Payment | None: ...

    async def by_token(self, token: str) -> Payment | None: ...

    async def open_of(self, msisdn: str, now: datetime) -> Payment | None: ...

    async def has_paid(self, msisdn: str, service: ServiceType, reference: str) -> bool:
        """Returns whether this number ever paid for this line: it knew the code then."""

    async def add(self, draft: NewPayment) -> None:
        """Intent, lines and event in one commit, and the end of the baskets on these bills that were never sent, as
        `release`. Raises BillsTaken, KeyTaken, ReferenceTaken: nothing is ended then.
        """

    async def release(
        self, service: ServiceType, reference: str, numbers: Sequence[str], payer_msisdn: str, now: datetime
    ) -> int:
        """Expire baskets on these bills that were never sent, whosever they are: nothing of them can have been
        charged. None while another of the bills is held by a payment that was sent. How many; `payer_msisdn` is
        whoever wants them, for the story."""

    async def held(self, service: ServiceType, reference: str) -> dict[str, PaymentState]:
        """Bill number -> state of the payment that holds it, leaving out baskets that were never sent."""

    async def move(self, payment_id: str, change: Change, now: datetime) -> Payment:
        """Commits one event of a payment. Raises IllegalMove (a lost race), BillsTaken (its bills were released and
        taken meanwhile).
        """

    async def resend(self, payment_id: str, refused: Change, send: Change, now: datetime) -> Payment:
        """REFUSED by one acquirer and SEND to the next, in one commit. Raises as `move`."""

    async def free(self, payment_id: str, attempt: int) -> Payment | None:
        """Notes that its acquirer knows nothing of a declined payment, so that another may be asked. Returns None when
        it moved meanwhile.
        """

    async def capture(self, payment_id: str, change: Change, now: datetime, token: str) -> Payment:
        """APPROVED with the receipt's number, the postings and the messages in the same commit. Raises as `move`."""

    async def look_again(self, payment_id: str, state: PaymentState, due_at: datetime | None) -> None:
        """Set when to look again, while it is still in that state."""

    async def wait_until(self, payment_id: str, until: datetime, now: datetime) -> Payment | None:
        """Lets a basket wait, never shorter than it would have; None when it is over by now, or is not waiting to be
        sent.
        """

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> bool:
        """Returns whether the payment is due, and now kept from other workers until then."""

    async def hanging(self, limit: int) -> list[str]:
        """Ids of payments that are being sent: by a process that lives, or by one that died."""

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[str]:
        """Ids of payments to look at, kept from other workers until then."""


class Postings(Protocol):
    """The bills' postings. All methods raise DatabaseUnavailable."""

    async def of(self, payment_id: str) -> list[LinePosting]: ...

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> list[LinePosting]:
        """The bills of a payment whose posting wants something now, kept from other workers until then."""

    async def due(self, now: datetime, limit: int) -> list[str]:
        """Ids of payments with bills that want something; `claim` decides who does it."""

    async def turn(
        self,
        payment_id: str,
        number: str,
        before: PostingState,
        after: PostingState,
        now: datetime,
        due_at: datetime | None,
    ) -> bool:
        """Guarded: False when it was no longer `before`. From CREDITING or STUCK to CREDITED tells the payer, and
        leaving those two ends the bill's credit: in the same commit."""

    async def postpone(self, payment_id: str, number: str, state: PostingState, due_at: datetime | None) -> None:
        """Look again then, while it is still in that state; None: whoever changes the payment will."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Counts how often a payer is rung: a telephone must not be made to ring all day by whoever types its number."""

    payment_max: int = 5
    number_hour_max: int = 6


class Messages(Protocol):
    """The outbox, and the log of what went out. All methods raise DatabaseUnavailable."""

    async def queue(self, payment: Payment, kind: MessageKind, now: datetime) -> None:
        """Once per payment, kind and attempt, however often it is asked; nothing for who cannot be reached."""

    async def queue_call(self, payment: Payment, now: datetime, since: datetime, calls: Calls) -> bool:
        """Ring the payer unless a call waits or went out after `since`, or there were enough. Whether one comes."""

    async def claim(self, reference: str, now: datetime, until: datetime) -> Message | None: ...

    async def due(self, now: datetime, limit: int) -> list[str]:
        """References of messages to send now, answers first; `claim` decides who does it."""

    async def sent(self, reference: str, provider_id: str, now: datetime) -> None: ...

    async def failed(self, reference: str, why: str, now: datetime, again_at: datetime | None) -> None:
        """`again_at` None: given up; a call is then followed by one text a payment, in the same commit."""

    async def call_ended(self, provider_id: str, why: str, now: datetime, pauses_s: Sequence[int]) -> bool:
        """A call that nobody answered: rung again after the pause of its attempt, given up as by `failed` where there
        is none. False when no call of that id waits for its end."""

    async def postponed(self, reference: str, why: str, now: datetime, again_at: datetime, since: datetime) -> bool:
        """Puts off a message that was not tried after all: the attempt is not counted. False when the message is older
        than `since`.
        """

    async def release(self, reference: str, now: datetime) -> bool:
        """A recorded answer may go out now: its words are remembered. False when it was on its way already."""

    async def record(
        self,
        reference: str,
        kind: str,
        recipient: str,
        now: datetime,
        *,
        status: Delivery,
        provider_id: str | None = None,
        route: str | None = None,
    ) -> None:
        """Log a message that a channel sent by itself, or QUEUED an answer that `release` sends; no words are kept."""

    async def report(
        self,
        status: Delivery,
        now: datetime,
        *,
        reference: str | None = None,
        provider_id: str | None = None,
        error: str | None = None,
    ) -> bool:
        """A gateway's delivery report; never backwards. False when it changed nothing."""


class People(Protocol):
    """What is remembered of callers. All methods raise DatabaseUnavailable."""

    async def remembered(self, msisdn: str) -> tuple[LanguageCode | None, str | None]:
        """Language and latest terms version."""

    async def remember_language(self, msisdn: str, language: LanguageCode, now: datetime) -> None: ...

    async def consent(self, consent: Consent) -> None: ...


@dataclass(frozen=True, slots=True)
class Repositories:
    """All repositories of the payment service."""

    payments: Payments
    postings: Postings
    messages: Messages
    people: People
    refunds: Refunds
    credits: Credits
