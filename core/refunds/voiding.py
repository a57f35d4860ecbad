"""A whole payment goes back: void before the acquirer's settlement, refund where it is too late for that.

The acquirer's own word comes first, for it may be done already. Parts of bills go back by core/refunds/service.py.
"""

import logging

from core.payments.schedule import Times, later
from core.payments.table import Payment, PaymentEvent, PaymentState
from core.ports import (
    Acquirers,
    Clock,
    Decline,
    DeclineKind,
    NotSettled,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from core.repositories import Change, MessageKind, Payments

log = logging.getLogger(__name__)

_TRANSIENT = frozenset({DeclineKind.BANK_BUSY, DeclineKind.BANK_DOWN})


class Voider:
    """Gives whole payments back. Raises DatabaseUnavailable, and IllegalMove where a payment moved on meanwhile."""

    def __init__(self, payments: Payments, acquirers: Acquirers, clock: Clock, times: Times) -> None:
        self._payments = payments
        self._acquirers = acquirers
        self._clock = clock
        self._times = times

    async def begin(self, payment: Payment, why: str) -> Payment:
        """Decides it, and gives the money back right after."""
        soon = later(self._clock.now(), self._times.undo_pause_s)
        voiding = await self._move(payment, Change(PaymentEvent.VOID, due_at=soon, detail=why))
        return await self.attend(voiding)

    async def attend(self, payment: Payment) -> Payment:
        """Does the next step for a payment that is `voiding` or `refunding`, and returns it as it stands then."""
        acquirer = self._acquirers.of(payment.acquirer)
        if isinstance(await acquirer.inquire(payment.id), Undone):
            return await self._undone(payment)
        if payment.state is PaymentState.VOIDING:
            answer = await acquirer.void(payment.id)
            if isinstance(answer, TooLate):
                soon = later(self._clock.now(), self._times.undo_pause_s)
                payment = await self._move(payment, Change(PaymentEvent.REFUND, due_at=soon))
        if payment.state is PaymentState.REFUNDING:
            answer = await self._refund_the_rest(payment)
        match answer:
            case Undone():
                return await self._undone(payment)
            case Decline() if payment.state is PaymentState.REFUNDING and answer.kind not in _TRANSIENT:
                log.error("payment %s: the credit is refused (%s): for an operator", payment.id, answer.code)
                refused = Change(PaymentEvent.UNDO_REFUSED, detail=answer.code, by_hand="undo_refused")
                return await self._move(payment, refused)
            case Decline() | NotSettled() | TooLate():
                log.error("payment %s: it cannot be given back yet", payment.id)
                await self._look_again(payment, self._times.undo_refused_pause_s)
            case _:
                await self._look_again(payment, self._times.undo_pause_s)
        return payment

    async def _refund_the_rest(self, payment: Payment) -> Undoing:
        """What is not given back yet, single bills may be: never more than was taken (CORE-2503)."""
        acquirer = self._acquirers.of(payment.acquirer)
        credited = await acquirer.credited_centimes(payment.id)
        if credited is None:
            return UnknownOutcome("what was given back so far cannot be read")
        rest = (payment.approved_centimes or payment.amount_centimes) - credited
        return await acquirer.refund(payment.id, rest) if rest > 0 else Undone()

    async def _undone(self, payment: Payment) -> Payment:
        event = PaymentEvent.VOIDED if payment.state is PaymentState.VOIDING else PaymentEvent.REFUNDED
        return await self._move(payment, Change(event, messages=(MessageKind.UNDONE_SMS,)))

    async def _move(self, payment: Payment, change: Change) -> Payment:
        return await self._payments.move(payment.id, change, self._clock.now())

    async def _look_again(self, payment: Payment, pause_s: float) -> None:
        await self._payments.look_again(payment.id, payment.state, later(self._clock.now(), pause_s))
