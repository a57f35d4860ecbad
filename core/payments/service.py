"""The till's use cases: identify, list, start, authorise, answer a challenge, inquire.

Rule of this file: write, commit, then send; a reply is evidence, the acquirer's order status is the truth
(protocols/failure-points.md). No database transaction is open while the acquirer is asked. Channels are unknown here.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from core.billing.invoices import Invoice
from core.cards import Card, Secret
from core.ids import Ids
from core.languages import LanguageCode
from core.messaging.receipts import token_plausible
from core.payments.authorisation import FLIGHTS_MAX, Authoriser, sending
from core.payments.choosing import AcquirerChoice, is_free
from core.payments.consent import Consent
from core.payments.janitor import Janitor, NoSuchPayment
from core.payments.orders import Baskets, StartOrder, same_line
from core.payments.outcomes import OutcomeRecorder
from core.payments.ports import Ports
from core.payments.refusal import Refusal
from core.payments.schedule import Times, later, longest_wait
from core.payments.table import ATTEMPTS_MAX, DECLINES_MAX, IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import Acquirer, Authorisation, BillingDown, DeclineKind, LimitsDown, Order, Person, Tries
from core.repositories import BillsTaken, Calls, Change, ReferenceTaken
from core.subscribers.lines import ServiceType, SubscribedLine, reachable

__all__ = ["NoSuchPayment", "PaymentService", "Ports", "Refusal", "StartOrder"]

log = logging.getLogger(__name__)

T = TypeVar("T")

CURRENCY = "MAD"
CALL_AGAIN_AFTER_S = 45  # an unanswered telephone has stopped ringing by then
_SENDABLE = frozenset({PaymentState.CREATED, PaymentState.DECLINED})


class PaymentService:
    """The one payment core behind all channels. Every method raises DatabaseUnavailable.

    `known`: the payment as its caller read it a moment ago; what is decided by it is guarded by the commit that moves.
    """

    def __init__(
        self,
        world: Ports,
        *,
        times: Times | None = None,
        ids: Ids | None = None,
        currency: str = CURRENCY,
        flights_max: int = FLIGHTS_MAX,
    ) -> None:
        """`flights_max`: charges under way at once; more are refused before anything is sent."""
        self._people = world.books.people
        self._payments = world.books.payments
        self._messages = world.books.messages
        self._billing = world.billing
        self._limits = world.limits
        self._clock = world.clock
        self._times = times or Times()
        ids = ids or Ids()
        recorder = OutcomeRecorder(world.books, world.clock, ids, self._times)
        self._charger = Authoriser(recorder, world.acquirers, world.clock, self._times, flights_max)
        self._choice = AcquirerChoice(world.books.payments, world.acquirers, world.clock, self._times)
        self._baskets = Baskets(world.books.payments, world.billing, world.clock, ids, self._times, currency)
        self.attendant = Janitor(world.books, world.acquirers, recorder, world.clock, self._times)

    # --- people and bills -------------------------------------------------------------------------------------------

    async def person(self, msisdn: str) -> Person:
        """Returns what is remembered of a caller; no lines when billing is away, the customer then types
        a reference.
        """
        language, version = await self._people.remembered(msisdn)
        try:
            lines = await self._billing.lines_of(msisdn)
        except BillingDown:
            lines = ()
        return Person(msisdn, language, version, lines)

    async def remember_language(self, msisdn: str, language: LanguageCode) -> None:
        await self._people.remember_language(msisdn, language, self._clock.now())

    async def accept_terms(
        self,
        msisdn: str,
        version: str,
        language: LanguageCode,
        channel: str,
        line: tuple[ServiceType, str] | None = None,
    ) -> None:
        service, reference = line or (None, None)
        await self._people.consent(Consent(msisdn, version, language, channel, self._clock.now(), service, reference))

    async def identify(
        self, channel: str, caller_msisdn: str, service: ServiceType, reference: str, code: str
    ) -> SubscribedLine | Refusal:
        """The line when the code is right; WRONG_CODE, LOCKED or BILLING_DOWN otherwise."""
        target = f"{service}:{reference}"
        try:
            tries = await self._limits.allow(channel, caller_msisdn, target)
            if tries is Tries.CROWDED and await self._known(caller_msisdn, service, reference):
                tries = await self._limits.allow(channel, caller_msisdn, target, known=True)
            if tries is not Tries.OPEN:
                return Refusal.LOCKED
            line = await self._billing.proven(service, reference, code)
            if line is None:
                await self._limits.failed(channel, caller_msisdn, target)
                return Refusal.WRONG_CODE
        except (BillingDown, LimitsDown):  # uncounted, no guess is answered: later, please
            return Refusal.BILLING_DOWN
        return line

    async def _known(self, msisdn: str, service: ServiceType, reference: str) -> bool:
        """Is this the line's contact number, or has it paid for the line before? Asked while strangers guess only:
        what they do must not close the line to its people (docs/protocols/security.md 12). Raises BillingDown.
        """
        if not reachable(msisdn):
            return False
        lines = await self._billing.lines_of(msisdn)
        if any((line.service, line.reference) == (service, reference) for line in lines):
            return True
        return await self._payments.has_paid(msisdn, service, reference)

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...] | Refusal:
        """Bills that can be paid now, oldest first. NOTHING_TO_PAY, IN_PROGRESS (all may be being charged) or
        BILLING_DOWN. A basket that was never sent holds nothing against anybody: starting over replaces it.
        """
        return await self._baskets.unpaid(service, reference)

    # --- baskets ----------------------------------------------------------------------------------------------------

    async def start(self, order: StartOrder) -> Payment | Refusal:
        """Commit the intent and lock its bills, after reading them again. Another basket of theirs that was never sent
        is over then, whosever it was.

        IN_PROGRESS, BILLS_CHANGED, NOTHING_TO_PAY or BILLING_DOWN. Raises baskets.KeyReused when the key stands for
        another basket.
        """
        return await self._baskets.start(order)

    async def wait_longer(self, payment_id: str) -> Payment:
        """Lets a basket wait as long again from now, within `longest_wait`; without effect on what is over or was sent.
        Raises NoSuchPayment.
        """
        payment, now = await self.attendant.read(payment_id), self._clock.now()
        until = min(later(now, self._times.basket_ttl_s), longest_wait(self._times, payment.created_at))
        return await self._payments.wait_until(payment_id, until, now) or payment

    def may_wait_longer(self, payment: Payment) -> bool:
        """Returns whether asking for more time would ever give any."""
        waits = payment.state in _SENDABLE and not self.over(payment)
        return waits and payment.expires_at < longest_wait(self._times, payment.created_at)

    def over(self, payment: Payment) -> bool:
        """A basket whose time ended before it was sent, or before another card was."""
        return payment.state in _SENDABLE and payment.expires_at <= self._clock.now()

    async def payment(self, payment_id: str) -> Payment | None:
        return await self._payments.get(payment_id)

    async def open_payment(self, msisdn: str) -> Payment | None:
        """The payer's latest payment that still wants something: created, challenge, sending or unknown."""
        return await self._payments.open_of(msisdn, self._clock.now()) if msisdn else None

    async def by_reference(self, reference: str) -> Payment | None:
        """The open payment a caller quotes at the voice line; a declined one too while another card may do."""
        return await self._payments.by_reference(reference, self._clock.now())

    async def quoted(self, channel: str, caller_msisdn: str, reference: str, proof: str) -> Payment | Refusal:
        """The open payment of a reference, for who also knows its line or the line's payment code: six digits alone
        can be guessed. Counted as a payment code is; WRONG_CODE, LOCKED or BILLING_DOWN.
        """
        target = f"basket:{reference}"
        try:
            if await self._limits.allow(channel, caller_msisdn, target) is not Tries.OPEN:
                return Refusal.LOCKED
            payment = await self.by_reference(reference)
            # asked whether there is such a payment or not: both answers take the same time
            service, line = (payment.service, payment.line_reference) if payment else (ServiceType.MOBILE, reference)
            right = await self._billing.code_matches(service, line, proof)
            if payment is None or not (right or same_line(payment, proof)):
                await self._limits.failed(channel, caller_msisdn, target)
                return Refusal.WRONG_CODE
        except (BillingDown, LimitsDown):
            return Refusal.BILLING_DOWN
        return payment

    async def by_receipt_token(self, token: str) -> Payment | None:
        """The payment behind a receipt's link, unless the link was revoked."""
        return await self._payments.by_token(token) if token_plausible(token) else None

    async def cancel(self, payment_id: str) -> None:
        """Expire a basket that was never sent, releasing its bills; anything else is left alone."""
        await self._baskets.expire(payment_id, "cancelled")

    async def request_call(self, payment_id: str, *, known: Payment | None = None) -> bool:
        """Queue the outgoing call that takes the card; whether one comes. Asked again while it rings, it does nothing;
        a call that was missed is followed by another, as often as books.Calls allows. Raises NoSuchPayment.
        """
        payment = known or await self.attendant.read(payment_id)
        now = self._clock.now()
        return await self._messages.queue_call(payment, now, later(now, -CALL_AGAIN_AFTER_S), Calls())

    # --- the acquirer -----------------------------------------------------------------------------------------------

    async def authorise(
        self, payment_id: str, card: Card, cvv: Secret, *, wait_s: float, known: Payment | None = None
    ) -> Payment | Refusal:
        """Send the charge and wait at most `wait_s`; it goes on in the background and is never cancelled.

        The payment as it stands then: sending, challenge, captured, declined or unknown. A repeat sends nothing and
        gives the same answer. BILLS_CHANGED, BILLING_DOWN, EXPIRED, IN_PROGRESS, TOO_MANY_DECLINES: nothing was sent;
        BANK_DOWN: it could not be sent, try later. Raises NoSuchPayment.
        """
        payment = known or await self.attendant.read(payment_id)
        if payment.state not in _SENDABLE:
            return await self._settled(payment, wait_s)
        refusal = await self._unsendable(payment)
        if refusal is not None:
            return refusal
        first, *others = await self._choice.of(payment, card.brand, telephone=True) or ("",)
        if not first:
            return self._nobody(payment)
        # as it was looked at: not after another try, which may have been its last
        send = sending(first, only=_SENDABLE, attempt=payment.attempts, card_brand=card.brand, card_last4=card.last4)
        order = self._order(payment)
        return await self._send(payment, send, lambda bank: bank.authorise(order, card, cvv), wait_s, others)

    async def open_page(self, payment_id: str, page_s: int, *, known: Payment | None = None) -> Payment | Refusal:
        """Commit `sending` for a browser that goes to the acquirer's page; one that is on it may go again.

        Another state than sending: there is nothing to pay on a page. Refusals as `authorise`. Raises NoSuchPayment.
        """
        payment = known or await self.attendant.read(payment_id)
        now = self._clock.now()
        if payment.state not in _SENDABLE:
            elsewhere = payment.state is PaymentState.SENDING and (
                payment.page_until is None or payment.page_until <= now
            )
            return Refusal.IN_PROGRESS if elsewhere else payment
        refusal = await self._unsendable(payment)
        if refusal is not None:
            return refusal
        first, *_ = await self._choice.of(payment, None, telephone=False) or ("",)
        if not first:
            return self._nobody(payment)
        until = later(now, page_s)
        send = sending(first, only=_SENDABLE, attempt=payment.attempts, page_until=until, due_at=until)
        try:
            return await self._commit_send(payment, send, now)
        except IllegalMove:
            return await self.attendant.read(payment.id)
        except BillsTaken:
            return Refusal.IN_PROGRESS
        except ReferenceTaken:
            return Refusal.EXPIRED

    async def _commit_send(self, payment: Payment, send: Change, now: datetime) -> Payment:
        """A declined basket let its bills go: one that was made of them since and never sent does not keep them.
        Raises IllegalMove, BillsTaken, ReferenceTaken.
        """
        return await self._taking_over(payment, lambda: self._payments.move(payment.id, send, now))

    async def _taking_over(self, payment: Payment, commit: Callable[[], Awaitable[T]]) -> T:
        try:
            return await commit()
        except BillsTaken:
            bills = payment.service, payment.line_reference, payment.invoices
            if not await self._baskets.take_over(*bills, payment.payer_msisdn):
                raise
            return await commit()

    async def send_otherwise(
        self,
        payment_id: str,
        commit: Callable[[Payment], Awaitable[Payment | Refusal]],
        *,
        known: Payment | None = None,
    ) -> Payment | Refusal:
        """Has another tender than a card commit `sending`, under the rules of `authorise`; a repeat gives the payment
        as it stands. Raises NoSuchPayment.
        """
        payment = known or await self.attendant.read(payment_id)
        if payment.state not in _SENDABLE:
            return payment
        refusal = await self._unsendable(payment)
        if refusal is not None:
            return refusal
        try:
            return await self._taking_over(payment, lambda: commit(payment))
        except IllegalMove:
            return await self.attendant.read(payment.id)
        except BillsTaken:
            return Refusal.IN_PROGRESS
        except ReferenceTaken:
            return Refusal.EXPIRED

    async def answer_challenge(self, payment_id: str, pin: Secret, *, wait_s: float) -> Payment | Refusal:
        """Send the bank's PIN; as `authorise`. EXPIRED when the question was open too long."""
        payment = await self.attendant.read(payment_id)
        challenge = payment.challenge
        if payment.state is not PaymentState.CHALLENGE or challenge is None:
            return await self._settled(payment, wait_s)
        if challenge.expires_at <= self._clock.now():
            await self.attendant.attend(payment_id)
            return Refusal.EXPIRED
        if self._charger.full:
            return Refusal.BANK_DOWN
        send = Change(PaymentEvent.SEND, only=frozenset({PaymentState.CHALLENGE}))
        order = self._order(payment)
        return await self._send(payment, send, lambda bank: bank.answer_challenge(order, challenge.id, pin), wait_s)

    async def settle(self, payment_id: str, wait_s: float) -> Payment:
        """The payment once a charge under way in this process lands, or as it stands after `wait_s`."""
        return await self._charger.wait(payment_id, wait_s) or await self.attendant.read(payment_id)

    async def inquire(self, payment_id: str) -> Payment:
        """Ask the acquirer what became of an order and record its answer. Raises NoSuchPayment."""
        return await self.attendant.inquire(payment_id)

    async def undo(self, payment_id: str, why: str) -> Payment:
        """Begin to give a captured payment back whole: void, or credit after settlement. Raises IllegalMove."""
        now = self._clock.now()
        return await self._payments.move(payment_id, Change(PaymentEvent.VOID, due_at=now, detail=why), now)

    async def drain(self, grace_s: float) -> int:
        """Waits at a server's end for charges under way. Returns how many did not land in time."""
        return await self._charger.drain(grace_s)

    async def _unsendable(self, payment: Payment) -> Refusal | None:
        """Why this basket cannot be sent; a basket whose time or bills have gone is expired."""
        if payment.declines >= DECLINES_MAX or payment.attempts >= ATTEMPTS_MAX:
            return Refusal.TOO_MANY_DECLINES
        if payment.expires_at <= self._clock.now():
            await self._baskets.expire(payment.id, "too old")
            return Refusal.EXPIRED
        refusal = await self._baskets.changed(payment.service, payment.line_reference, payment.invoices)
        if refusal is Refusal.BILLS_CHANGED:
            await self._baskets.expire(payment.id, "bills changed")
        if refusal is None and self._charger.full:
            return Refusal.BANK_DOWN
        return refusal

    async def _send(
        self,
        payment: Payment,
        send: Change,
        ask: Callable[[Acquirer], Awaitable[Authorisation]],
        wait_s: float,
        others: Sequence[str] = (),
    ) -> Payment | Refusal:
        """Commit `sending`, then send. Whoever loses the race for it gets the payment as the winner left it. `others`
        are asked in turn as long as nothing can have reached the one before."""
        now = self._clock.now()
        stale_at = later(now, self._times.stale_sending_s)
        try:
            committed = await self._commit_send(payment, replace(send, due_at=stale_at), now)
        except IllegalMove:
            return await self._settled(await self.attendant.read(payment.id), wait_s)
        except BillsTaken:
            return Refusal.IN_PROGRESS
        except ReferenceTaken:
            return Refusal.EXPIRED
        # the question goes along: a PIN that could not be sent leaves it open
        sent = replace(committed, challenge=payment.challenge, acquirer_free=is_free(payment))
        self._charger.send(sent, ask, others)
        landed = await self._charger.wait(sent.id, wait_s)
        # whoever does not wait for the bank is told what was committed
        return self._outcome(landed or (committed if wait_s <= 0 else await self.attendant.read(sent.id)))

    @staticmethod
    def _nobody(payment: Payment) -> Refusal:
        log.warning("payment %s: no acquirer takes it now", payment.id)
        return Refusal.BANK_DOWN

    async def _settled(self, payment: Payment, wait_s: float) -> Payment | Refusal:
        if payment.state is PaymentState.SENDING:
            payment = await self.settle(payment.id, wait_s)
        return self._outcome(payment)

    @staticmethod
    def _outcome(payment: Payment) -> Payment | Refusal:
        down = payment.state is PaymentState.DECLINED and payment.decline_kind == DeclineKind.BANK_DOWN
        return Refusal.BANK_DOWN if down else payment

    def _order(self, payment: Payment) -> Order:
        telephone = payment.payer_msisdn if reachable(payment.payer_msisdn) else ""
        return Order(payment.id, payment.amount_centimes, payment.currency, payment.email, telephone)
