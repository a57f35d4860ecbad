"""Give parts of a payment back, and tell billing of whatever went back.

A credit is asked for once: the acquirer's own sum, read before, tells afterwards whether one that nobody answered went
through; if it did not, an operator looks (facts/failure-points.md 16). Billing is told until it hears.
"""

import logging
from dataclasses import replace

from core.payment import Payment, State
from core.ports import Acquirer, Billing, BillingDown, Clock, NotSettled, Posting, TooLate, Undone, Unknown
from core.refunds import Refund, Refunds, RefundState, Reversal
from core.timing import Times, later

log = logging.getLogger(__name__)

TELL_PAUSES_S = (5, 15, 60, 300, 900, 3_600)  # the last one for ever
CREDIT_PAUSE_S = 3_600  # a part can be credited only after settlement


class Refunder:
    """Looks after the refunds of payments. Raises BooksDown."""

    def __init__(self, refunds: Refunds, billing: Billing, acquirer: Acquirer, clock: Clock, times: Times) -> None:
        self._refunds = refunds
        self._billing = billing
        self._acquirer = acquirer
        self._clock = clock
        self._times = times

    async def attend(self, payment: Payment) -> None:
        """Do what is due, unless another worker does."""
        now = self._clock.now()
        for refund in await self._refunds.claim(payment.id, now, later(now, self._times.lease_s)):
            match refund.state:
                case RefundState.ASKED:
                    await self._credit(payment, refund)
                case RefundState.CREDITING:
                    await self._compare(refund)
                case RefundState.CREDITED:
                    await self._tell(payment, refund)

    async def _credit(self, payment: Payment, refund: Refund) -> None:
        if payment.state is not State.CAPTURED:  # the whole went another way meanwhile
            await self._turn(refund, RefundState.REFUSED)
            return
        before = await self._acquirer.credited_centimes(payment.id)
        now = self._clock.now()
        if before is None or not await self._refunds.begin(refund, before, now, later(now, self._times.lease_s)):
            await self._postpone(refund, self._times.undo_pause_s)
            return
        begun = replace(refund, state=RefundState.CREDITING)
        match await self._acquirer.refund(payment.id, refund.amount_centimes):
            case Undone():
                await self._turn(begun, RefundState.CREDITED, again_s=0)
            case NotSettled():
                await self._turn(begun, RefundState.ASKED, again_s=CREDIT_PAUSE_S)
            case Unknown():  # it may land yet: the acquirer's sum is compared later
                await self._postpone(begun, self._times.undo_pause_s)
            case TooLate():
                await self._stick(begun)
            case refused:
                log.error("payment %s: bill %s: the credit is refused: %s", payment.id, refund.number, refused.code)
                await self._turn(begun, RefundState.REFUSED)

    async def _compare(self, refund: Refund) -> None:
        """A credit whose end nobody heard."""
        credited = await self._acquirer.credited_centimes(refund.payment_id)
        if credited is None:
            await self._postpone(refund, self._times.undo_pause_s)
        elif refund.before_centimes is not None and credited >= refund.before_centimes + refund.amount_centimes:
            await self._turn(refund, RefundState.CREDITED, again_s=0)
        else:
            await self._stick(refund)

    async def _stick(self, refund: Refund) -> None:
        log.error("payment %s: bill %s: an operator must see to its credit", refund.payment_id, refund.number)
        await self._turn(refund, RefundState.STUCK)

    async def _tell(self, payment: Payment, refund: Refund) -> None:
        reversal = Reversal(payment, refund.number, refund.amount_centimes, refund.reference)
        try:
            answer = await self._billing.reverse(reversal)
        except BillingDown:
            await self._postpone(refund, TELL_PAUSES_S[min(refund.attempts, len(TELL_PAUSES_S)) - 1])
            return
        if answer is Posting.REFUSED:
            log.error("payment %s: bill %s: billing will not hear that its money went back", payment.id, refund.number)
        await self._turn(refund, RefundState.TOLD if answer is Posting.POSTED else RefundState.UNTOLD)

    async def _turn(self, refund: Refund, after: RefundState, again_s: float | None = None) -> None:
        now = self._clock.now()
        await self._refunds.turn(refund, after, now, None if again_s is None else later(now, again_s))

    async def _postpone(self, refund: Refund, pause_s: float) -> None:
        await self._refunds.postpone(refund, later(self._clock.now(), pause_s))
