"""What time does to a payment: it expires, is asked about, goes back (core/refunds/voiding.py). Jobs call this.

Everything here is safe to run twice and in several workers: a worker claims a payment by moving its due time, and each
change names the state it starts from.
"""

import logging
from contextlib import suppress
from datetime import datetime
from typing import assert_never

from core.payments.outcomes import OutcomeRecorder
from core.payments.schedule import DAILY_S, Times, later, next_look
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import (
    Acquirer,
    Acquirers,
    Approved,
    Authorisation,
    AuthorisedOnly,
    Clock,
    Decline,
    Inquiry,
    NoSuchOrder,
    Pending,
    UnknownOutcome,
)
from core.refunds.voiding import Voider
from core.repositories import Change, MessageKind, Repositories

log = logging.getLogger(__name__)

PAGE_SLACK_S = 30  # after a page ended: its last callback is on its way

UNANSWERED_MAX_S = 3_600  # a bank that is away for a moment holds nobody's bills for a day
_SENDING = frozenset({PaymentState.SENDING})
# What an inquiry can still change, or confirm.
ASKABLE = frozenset(
    {PaymentState.SENDING, PaymentState.CHALLENGE, PaymentState.UNKNOWN, PaymentState.EXPIRED, PaymentState.DECLINED}
)


class NoSuchPayment(LookupError):
    """The caller's fault: no payment has this id."""


class Janitor:
    """Looks after payments that wait. Raises DatabaseUnavailable."""

    def __init__(
        self, books: Repositories, acquirers: Acquirers, recorder: OutcomeRecorder, clock: Clock, times: Times
    ) -> None:
        self._payments = books.payments
        self._acquirers = acquirers
        self._recorder = recorder
        self._clock = clock
        self._times = times
        self._voider = Voider(books.payments, acquirers, clock, times)

    async def inquire(self, payment_id: str) -> Payment:
        """Ask the acquirer what became of an order and record its answer. Raises NoSuchPayment."""
        payment = await self.read(payment_id)
        if payment.state not in ASKABLE or payment.sent_at is None:
            return payment
        return await self._recorder.found(payment, await self._of(payment).inquire(payment.id))

    async def paid_on_page(self, payment: Payment, outcome: Approved, proof: str = "") -> Payment:
        """Commits what a hosted page said, and returns the payment as it stands then. `proof` is kept
        with the event.
        """
        return await self._recorder.paid_on_page(payment, outcome, proof)

    async def refused_on_page(self, payment: Payment, outcome: Approved, proof: str) -> Payment:
        """Approved there as we do not accept it: what is held is given back, and the payer is told."""
        return await self._recorder.refused_on_page(payment, outcome, proof)

    async def approved_again(self, payment: Payment, outcome: Approved) -> None:
        """A paid order that was approved once more: a person sees whether money was taken twice."""
        if payment.by_hand == "approved_again":
            return
        detail = f"approved again: {outcome.transaction_number}"
        change = Change(PaymentEvent.UNCONFIRMED, due_at=self._soon(), detail=detail, by_hand="approved_again")
        with suppress(IllegalMove):
            await self._move(payment, change)

    async def page_over(self, payment_id: str) -> Payment:
        """A browser came back from the page: what the acquirer says of the order now. Raises NoSuchPayment."""
        payment = await self.read(payment_id)
        answer = await self._of(payment).inquire(payment.id)
        # of this attempt's page alone: a card that was typed elsewhere meanwhile may be on its way
        if payment.state is PaymentState.SENDING and payment.page_until and isinstance(answer, NoSuchOrder):
            return await self._recorder.left_page(payment)
        if payment.state is PaymentState.SENDING and isinstance(answer, Decline):
            due_at = self._soon()
            lost = Change(
                PaymentEvent.LOST, only=_SENDING, attempt=payment.attempts, due_at=due_at, detail="back from the page"
            )
            try:
                payment = await self._move(payment, lost)
            except IllegalMove:
                return await self.read(payment_id)
        return await self._recorder.found(payment, answer)

    async def attend(self, payment_id: str) -> None:
        """Does what is due of a payment now, unless another worker does. An unknown id is nobody's, and nothing is
        done.
        """
        now = self._clock.now()
        if await self._payments.claim(payment_id, now, later(now, self._times.lease_s)):
            await self.attend_claimed(payment_id)

    async def attend_claimed(self, payment_id: str) -> None:
        """Does what is due of a payment that this worker claimed."""
        payment = await self.read(payment_id)
        try:
            await self._attend(payment)
        except IllegalMove:
            log.info("payment %s moved on while it was attended to", payment_id)

    async def read(self, payment_id: str) -> Payment:
        """Reads a payment. Raises NoSuchPayment."""
        payment = await self._payments.get(payment_id)
        if payment is None:
            raise NoSuchPayment(payment_id)
        return payment

    async def _attend(self, payment: Payment) -> None:
        match payment.state:
            case PaymentState.CREATED | PaymentState.CHALLENGE:
                await self._expire(payment)
            case PaymentState.SENDING:
                await self._lose(payment)
            case PaymentState.UNKNOWN | PaymentState.EXPIRED | PaymentState.DECLINED:
                await self.inquire(payment.id)
            case PaymentState.INTEGRITY_FAILURE:
                await self._voider.begin(payment, "wrong amount")
            case PaymentState.CAPTURED if payment.receipt_number is None:
                await self._voider.begin(payment, "late landing")
            case PaymentState.VOIDING | PaymentState.REFUNDING:
                await self._voider.attend(payment)
            case PaymentState.CAPTURED:
                await self._confirm(payment)
            case PaymentState.VOIDED | PaymentState.REFUNDED:
                await self._payments.look_again(payment.id, payment.state, None)
            case _ as unreachable:
                assert_never(unreachable)

    async def _expire(self, payment: Payment) -> None:
        """A basket or a PIN's question whose time is over. What was ever sent is still asked about for a day."""
        now = self._clock.now()
        ends_at = self._ends_at(payment)
        if ends_at > now:
            await self._payments.look_again(payment.id, payment.state, ends_at)
            return
        if payment.state is PaymentState.CHALLENGE and not await self._unanswered(payment):
            return
        due_at = next_look(self._times, payment.sent_at, now, settled=True) if payment.sent_at else None
        await self._move(payment, Change(PaymentEvent.EXPIRE, only=frozenset({payment.state}), due_at=due_at))

    def _ends_at(self, payment: Payment) -> datetime:
        """A question that was answered before, without our hearing what came of it, may still turn into a charge."""
        if payment.challenge is None:
            return payment.expires_at
        if payment.attempts <= 1 or payment.sent_at is None:
            return payment.challenge.expires_at
        return max(payment.challenge.expires_at, later(payment.sent_at, self._times.window_s))

    async def _unanswered(self, payment: Payment) -> bool:
        """Whether the acquirer confirms that nothing came of a question; an answer that was lost may have charged."""
        answer = await self._of(payment).inquire(payment.id)
        found = await self._recorder.found(payment, answer)
        if found.state is not PaymentState.CHALLENGE:
            return False
        if isinstance(answer, UnknownOutcome | Pending):
            if self._clock.now() < later(self._ends_at(payment), UNANSWERED_MAX_S):
                await self._payments.look_again(payment.id, payment.state, self._soon())
            else:
                await self._move(payment, self._undecided(payment))
            return False
        return True

    def _undecided(self, payment: Payment) -> Change:
        """A question whose time is over, and nobody says what came of it: asked about like any unknown charge, and in
        the end people's."""
        now = self._clock.now()
        return Change(
            PaymentEvent.LOST,
            only=frozenset({PaymentState.CHALLENGE}),
            attempt=payment.attempts,
            due_at=next_look(self._times, payment.sent_at or payment.created_at, now, settled=False),
            detail="its question is over",
            messages=(MessageKind.UNDECIDED_SMS,),
        )

    async def _lose(self, payment: Payment) -> None:
        """Nobody has recorded an answer for too long: whoever sent it has died."""
        now = self._clock.now()
        stale_at = later(payment.sent_at or payment.created_at, self._times.stale_sending_s)
        if payment.page_until is not None:
            stale_at = max(stale_at, later(payment.page_until, PAGE_SLACK_S))
        if stale_at > now:
            await self._payments.look_again(payment.id, payment.state, stale_at)
            return
        due_at = next_look(self._times, payment.sent_at or payment.created_at, now, settled=False)
        lost = Change(PaymentEvent.LOST, only=_SENDING, attempt=payment.attempts, due_at=due_at, detail="stale")
        on_page = payment.page_until is not None
        payment = await self._move(payment, lost)
        await self._recorder.found(payment, await self._of(payment).inquire(payment.id), page_over=on_page)

    async def _confirm(self, payment: Payment) -> None:
        """Paid here: the acquirer must say so too, and of this amount. What a page only holds is taken first, in case
        our answer to its callback was lost."""
        answer: Inquiry | Authorisation = await self._of(payment).inquire(payment.id)
        if isinstance(answer, AuthorisedOnly):
            answer = await self._of(payment).capture(payment.id, payment.amount_centimes)
        if isinstance(answer, Approved) and answer.amount_centimes is not None:
            await self._recorder.confirmed(payment, answer.amount_centimes)
            return
        now = self._clock.now()
        due_at = next_look(self._times, payment.paid_at or payment.created_at, now, settled=True)
        if due_at is not None:
            await self._payments.look_again(payment.id, payment.state, due_at)
            return
        log.error("payment %s: paid here, not at the acquirer: for an operator", payment.id)
        detail = type(answer).__name__.lower()
        due_at = later(now, DAILY_S)
        if payment.by_hand is None:
            await self._move(
                payment, Change(PaymentEvent.UNCONFIRMED, due_at=due_at, detail=detail, by_hand="unconfirmed")
            )
        else:
            await self._payments.look_again(payment.id, payment.state, due_at)

    def _of(self, payment: Payment) -> Acquirer:
        """Who was asked for its money."""
        return self._acquirers.of(payment.acquirer)

    async def _move(self, payment: Payment, change: Change) -> Payment:
        return await self._payments.move(payment.id, change, self._clock.now())

    def _soon(self) -> datetime:
        return later(self._clock.now(), self._times.undo_pause_s)
