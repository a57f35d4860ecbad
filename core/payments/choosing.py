"""Who is asked for a payment's money: its own acquirer as long as anything may be there, else the first that fits.

Another one comes only after "certainly not sent", or after the first confirmed that it knows nothing when nothing can
be on its way any more; after "unknown" never, and never for what it said of the customer's card
(docs/protocols/failure-points.md 6, 7).
"""

from dataclasses import replace

from core.payments.schedule import Times, window_open
from core.payments.table import Payment, PaymentState
from core.ports import Acquirers, Attempt, Clock, DeclineKind, NoSuchOrder
from core.repositories import Payments

# What says nothing of the customer's card.
_NOT_THE_CARD = frozenset({DeclineKind.BANK_DOWN, DeclineKind.BANK_BUSY, DeclineKind.NO_CARD, DeclineKind.OUR_FAULT})


class AcquirerChoice:
    """Chooses the acquirers that are asked for a payment. Raises DatabaseUnavailable."""

    def __init__(self, payments: Payments, acquirers: Acquirers, clock: Clock, times: Times) -> None:
        self._payments = payments
        self._acquirers = acquirers
        self._clock = clock
        self._times = times

    async def of(self, payment: Payment, brand: str | None, *, telephone: bool) -> tuple[str, ...]:
        """Returns whom to ask, first to last; empty where nobody takes such a payment now."""
        attempt = Attempt(payment.id, payment.amount_centimes, payment.currency, brand, telephone)
        now = self._clock.now()
        ordered = self._acquirers.candidates(attempt, now)
        if is_free(payment):
            return ordered
        tied = self._acquirers.candidates(replace(attempt, tied_to=payment.acquirer), now)
        if tied and not self._acquirers.shut(payment.acquirer):
            return tied
        if set(ordered) - {payment.acquirer} and await self._absent(payment):
            return ordered if await self._payments.free(payment.id, payment.attempts) else ()
        return tied

    async def _absent(self, payment: Payment) -> bool:
        """Whether its acquirer knows nothing of it, and nothing can be on its way there."""
        if payment.state is not PaymentState.DECLINED or payment.decline_kind not in _NOT_THE_CARD:
            return False
        if not self._nothing_flies(payment):
            return False
        return await knows_nothing(self._acquirers, payment)

    def _nothing_flies(self, payment: Payment) -> bool:
        answered = payment.attempts == 1 and payment.decline_kind == DeclineKind.OUR_FAULT
        return answered or not window_open(self._times, payment.sent_at or payment.created_at, self._clock.now())


def is_free(payment: Payment) -> bool:
    """Returns whether nothing of it can be at an acquirer."""
    return payment.attempts == 0 or payment.acquirer_free


async def knows_nothing(acquirers: Acquirers, payment: Payment) -> bool:
    """The acquirer's own word; its silence is none."""
    return isinstance(await acquirers.of(payment.acquirer).inquire(payment.id), NoSuchOrder)
