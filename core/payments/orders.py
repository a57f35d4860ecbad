"""Baskets: which bills can be paid, and the intent that locks them. Bills are read again before anything is written."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from core.billing.invoices import Invoice, total
from core.ids import Ids
from core.languages import LanguageCode
from core.payments.refusal import Refusal
from core.payments.schedule import Times, later
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import BillingDown, BillingSystem, Clock
from core.repositories import BillsTaken, Change, KeyTaken, NewPayment, Payments, ReferenceTaken
from core.subscribers.lines import ServiceType, reference_of

BILLS_MAX = 1_000  # in one payment
REFERENCE_TRIES_MAX = 8
TAKE_OVERS_MAX = 5  # of baskets that others make anew at the same moment
_CREATED = frozenset({PaymentState.CREATED})


class KeyReused(ValueError):
    """The caller's fault: an idempotency key came again with another basket. Do not retry."""


@dataclass(frozen=True, slots=True)
class StartOrder:
    """A basket the customer confirmed. `idempotency_key` = channel session + step: a repeat gives the same payment."""

    idempotency_key: str
    channel: str
    payer_msisdn: str
    language: LanguageCode
    email: str | None
    service: ServiceType
    line_reference: str
    invoices: tuple[Invoice, ...]
    email_typed: bool = False

    def __post_init__(self) -> None:
        numbers = {invoice.number for invoice in self.invoices}
        if len(numbers) != len(self.invoices) or len(numbers) > BILLS_MAX:
            raise ValueError("a basket holds each bill once, and not too many")

    @property
    def fingerprint(self) -> str:
        """The request as a digest: what a repeat must agree with."""
        bills = sorted((invoice.number, invoice.amount_centimes) for invoice in self.invoices)
        parts = repr((self.payer_msisdn, str(self.service), self.line_reference, bills))
        return hashlib.sha256(parts.encode()).hexdigest()


class Baskets:
    """Lists, writes and expires them. Raises DatabaseUnavailable."""

    def __init__(
        self, payments: Payments, billing: BillingSystem, clock: Clock, ids: Ids, times: Times, currency: str
    ) -> None:
        self._payments = payments
        self._billing = billing
        self._clock = clock
        self._ids = ids
        self._times = times
        self._currency = currency

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...] | Refusal:
        """Bills for which nothing may be being charged. One that was captured and not posted yet is paid, not in
        progress; one in a basket that was never sent is free."""
        try:
            bills = await self._billing.unpaid(service, reference)
        except BillingDown:
            return Refusal.BILLING_DOWN
        if not bills:
            return Refusal.NOTHING_TO_PAY
        locked = await self._payments.held(service, reference)
        free = tuple(bill for bill in bills if bill.number not in locked)
        if free:
            return free
        captured = all(locked[bill.number] is PaymentState.CAPTURED for bill in bills)
        return Refusal.NOTHING_TO_PAY if captured else Refusal.IN_PROGRESS

    async def changed(self, service: ServiceType, reference: str, invoices: tuple[Invoice, ...]) -> Refusal | None:
        """BILLS_CHANGED when one of these is no longer owed in this amount, BILLING_DOWN, or None: all is well."""
        try:
            owed = await self._billing.unpaid(service, reference)
        except BillingDown:
            return Refusal.BILLING_DOWN
        # a due date that moved alone changes nothing that is to be paid
        shown = {(bill.number, bill.amount_centimes) for bill in invoices}
        return None if shown <= {(bill.number, bill.amount_centimes) for bill in owed} else Refusal.BILLS_CHANGED

    async def start(self, order: StartOrder) -> Payment | Refusal:
        """Commits a basket's intent and locks its bills, as PaymentService.start says."""
        if not order.invoices:
            return Refusal.NOTHING_TO_PAY
        refusal = await self.changed(order.service, order.line_reference, order.invoices)
        if refusal is not None:  # a repeat is answered all the same: its bills may be paid by now
            return await self._repeated(order) or refusal
        for _ in range(TAKE_OVERS_MAX):
            with suppress(BillsTaken):
                return await self._add(order)
        return await self._repeated(order) or Refusal.IN_PROGRESS

    async def take_over(
        self, service: ServiceType, reference: str, invoices: tuple[Invoice, ...], payer_msisdn: str
    ) -> bool:
        """End the baskets of these bills that were never sent; whether there were any."""
        numbers = [invoice.number for invoice in invoices]
        return await self._payments.release(service, reference, numbers, payer_msisdn, self._clock.now()) > 0

    async def expire(self, payment_id: str, why: str) -> None:
        """Expire a basket that was never sent; anything else is left alone."""
        try:
            await self._payments.move(
                payment_id, Change(PaymentEvent.EXPIRE, only=_CREATED, detail=why), self._clock.now()
            )
        except (IllegalMove, LookupError):
            return

    async def _add(self, order: StartOrder) -> Payment:
        for _ in range(REFERENCE_TRIES_MAX):
            payment = self._draft(order)
            try:
                await self._payments.add(NewPayment(payment, order.idempotency_key, order.fingerprint))
            except ReferenceTaken:
                continue
            except KeyTaken:
                repeated = await self._repeated(order)
                assert repeated is not None, "a key that is taken has a payment"
                return repeated
            return payment
        raise ReferenceTaken

    async def _repeated(self, order: StartOrder) -> Payment | None:
        """The payment this key started. Raises KeyReused when it was another basket."""
        earlier = await self._payments.by_key(order.idempotency_key)
        if earlier is None:
            return None
        payment, fingerprint = earlier
        if fingerprint != order.fingerprint:
            raise KeyReused(order.idempotency_key)
        return payment

    def _draft(self, order: StartOrder) -> Payment:
        now = self._clock.now()
        return Payment(
            id=self._ids.payment(now),
            reference=self._ids.reference(),
            state=PaymentState.CREATED,
            service=order.service,
            line_reference=order.line_reference,
            payer_msisdn=order.payer_msisdn,
            email=order.email,
            email_typed=order.email_typed,
            language=order.language,
            channel=order.channel,
            invoices=order.invoices,
            amount_centimes=total(order.invoices),
            currency=self._currency,
            created_at=now,
            expires_at=later(now, self._times.basket_ttl_s),
        )


def same_line(payment: Payment, typed: str) -> bool:
    """Returns whether somebody typed the reference of this payment's line."""
    try:
        return reference_of(payment.service, typed) == payment.line_reference
    except ValueError:
        return False
