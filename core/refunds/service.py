"""Give parts of a payment back, and tell billing of whatever went back.

One credit of a payment is under way at a time (core/refunds/crediting.py); one whose end nobody can tell is an
operator's, and
those after it wait for that (docs/protocols/failure-points.md 16). Billing is told until it hears.
"""

import logging
from dataclasses import replace

from core.payments.schedule import Times, later
from core.payments.table import Payment, PaymentState
from core.ports import BillingDown, BillingSystem, Clock, Posting
from core.refunds.crediting import Crediter
from core.refunds.credits import CreditEnd, Outcome
from core.refunds.model import Refund, Refunds, RefundState, Reversal

log = logging.getLogger(__name__)

TELL_PAUSES_S = (5, 15, 60, 300, 900, 3_600)  # the last one for ever


class Refunder:
    """Looks after the refunds of payments. Raises DatabaseUnavailable."""

    def __init__(
        self, refunds: Refunds, billing: BillingSystem, crediter: Crediter, clock: Clock, times: Times
    ) -> None:
        self._refunds = refunds
        self._billing = billing
        self._crediter = crediter
        self._clock = clock
        self._times = times

    async def attend(self, payment: Payment) -> None:
        """Does what is due for the refunds of a payment, unless another worker does."""
        now = self._clock.now()
        for refund in await self._refunds.claim(payment.id, now, later(now, self._times.lease_s)):
            match refund.state:
                case RefundState.ASKED:
                    await self._credit(payment, refund)
                case RefundState.CREDITING | RefundState.STUCK:
                    await self._compare(payment, refund)
                case RefundState.CREDITED:
                    await self._tell(payment, refund)

    async def _credit(self, payment: Payment, refund: Refund) -> None:
        if payment.state is not PaymentState.CAPTURED:  # the whole went another way meanwhile
            await self._turn(refund, RefundState.REFUSED, closed=True)
            return
        credit = await self._crediter.begin(payment, refund.key, refund.amount_centimes)
        now = self._clock.now()
        if credit is None or not await self._refunds.begin(
            refund, credit.before_centimes, now, later(now, self._times.lease_s)
        ):
            await self._postpone(refund, self._times.undo_pause_s)
            return
        begun = replace(refund, state=RefundState.CREDITING)
        await self._settle(begun, await self._crediter.ask(payment, credit))

    async def _compare(self, payment: Payment, refund: Refund) -> None:
        """A credit whose end nobody knows yet."""
        await self._settle(refund, await self._crediter.compare(payment, refund.key))

    async def _settle(self, refund: Refund, outcome: Outcome) -> None:
        """Write down what is known of a credit that is under way."""
        match outcome.end:
            case CreditEnd.GIVEN:
                await self._turn(refund, RefundState.CREDITED, again_s=0)
            case CreditEnd.NOT_ASKED:
                await self._turn(refund, RefundState.ASKED, again_s=outcome.again_s)
            case CreditEnd.UNDECIDED if outcome.again_s is not None:
                await self._postpone(refund, outcome.again_s)
            case CreditEnd.REFUSED:
                code, number = outcome.code, refund.number
                log.error("payment %s: bill %s: the credit is refused: %s", refund.payment_id, number, code)
                await self._turn(refund, RefundState.REFUSED)
            case _:
                await self._stick(refund, outcome.again_s)

    async def _stick(self, refund: Refund, again_s: float | None) -> None:
        if refund.state is RefundState.STUCK and again_s is not None:
            await self._postpone(refund, again_s)
            return
        log.error("payment %s: bill %s: an operator must see to its credit", refund.payment_id, refund.number)
        await self._turn(refund, RefundState.STUCK, again_s=again_s)

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

    async def _turn(
        self, refund: Refund, after: RefundState, again_s: float | None = None, *, closed: bool = False
    ) -> None:
        now = self._clock.now()
        due_at = None if again_s is None else later(now, again_s)
        await self._refunds.turn(refund, after, now, due_at, closed=closed)

    async def _postpone(self, refund: Refund, pause_s: float) -> None:
        await self._refunds.postpone(refund, later(self._clock.now(), pause_s))
