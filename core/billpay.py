"""The till's use cases: identify, list, start, authorise, answer a challenge, inquire.

Rule of this file: write, commit, then send; a reply is evidence, the acquirer's order status is the truth
(facts/failure-points.md). No database transaction is open while the acquirer is asked. Channels are unknown here.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.cards import Card, Secret
from core.invoices import Invoice
from core.payment import Payment
from core.ports import Person
from core.subscribers import Language, Line, Service


class Refusal(StrEnum):
    """Why a request was not carried out; each is a screen's words, never an exception."""

    WRONG_CODE = "wrong_code"  # also: no such line; the same words and time (facts/security.md 12)
    LOCKED = "locked"  # too many wrong codes
    IN_PROGRESS = "in_progress"  # another payment holds one of the bills
    NOTHING_TO_PAY = "nothing_to_pay"
    BILLS_CHANGED = "bills_changed"  # amount or list differs from what was shown
    BILLING_DOWN = "billing_down"
    BANK_DOWN = "bank_down"  # certainly nothing charged; try later
    EXPIRED = "expired"  # the basket is too old
    TOO_MANY_DECLINES = "too_many_declines"


@dataclass(frozen=True, slots=True)
class StartOrder:
    """A basket the customer confirmed. `idempotency_key` = channel session + step: a repeat gives the same payment."""

    idempotency_key: str
    channel: str
    payer_msisdn: str
    language: Language
    email: str | None
    service: Service
    line_reference: str
    invoices: tuple[Invoice, ...]


class Till:
    """The one payment core behind all channels."""

    async def person(self, msisdn: str) -> Person:
        raise NotImplementedError

    async def remember_language(self, msisdn: str, language: Language) -> None:
        raise NotImplementedError

    async def accept_terms(self, msisdn: str, version: str, language: Language, channel: str) -> None:
        raise NotImplementedError

    async def identify(
        self, channel: str, caller_msisdn: str, service: Service, reference: str, code: str
    ) -> Line | Refusal:
        """The line when the code is right; WRONG_CODE or LOCKED otherwise."""
        raise NotImplementedError

    async def unpaid(self, service: Service, reference: str) -> tuple[Invoice, ...] | Refusal:
        """Bills that can be paid now, oldest first. NOTHING_TO_PAY, IN_PROGRESS (all are held) or BILLING_DOWN."""
        raise NotImplementedError

    async def start(self, order: StartOrder) -> Payment | Refusal:
        """Commit the intent and lock its bills, after reading them again."""
        raise NotImplementedError

    async def change_email(self, payment_id: str, email: str) -> Payment:
        raise NotImplementedError

    async def payment(self, payment_id: str) -> Payment | None:
        raise NotImplementedError

    async def open_payment(self, msisdn: str) -> Payment | None:
        """The payer's latest payment that still wants something: created, challenge, sending or unknown."""
        raise NotImplementedError

    async def by_reference(self, reference: str) -> Payment | None:
        """The open payment a caller quotes at the voice line."""
        raise NotImplementedError

    async def cancel(self, payment_id: str) -> None:
        """Expire a basket that was never sent, releasing its bills; anything else is left alone."""
        raise NotImplementedError

    async def request_call(self, payment_id: str) -> None:
        """Queue the outgoing call that takes the card; once per payment, however often it is asked."""
        raise NotImplementedError

    async def authorise(self, payment_id: str, card: Card, cvv: Secret, *, wait_s: float) -> Payment | Refusal:
        """Send the charge and wait at most `wait_s`; it goes on in the background and is never cancelled.

        The payment as it stands then: sending, challenge, captured, declined or unknown.
        """
        raise NotImplementedError

    async def answer_challenge(self, payment_id: str, pin: Secret, *, wait_s: float) -> Payment | Refusal:
        raise NotImplementedError

    async def inquire(self, payment_id: str) -> Payment:
        """Ask the acquirer what became of an order and record its answer."""
        raise NotImplementedError
