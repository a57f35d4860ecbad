"""One credit, from the first ask to its end: credit, compare, postpone. Posting and refunding share it.

An answer is taken at its word only when it says "given" or "not settled yet"; after everything else, a refusal too, the
acquirer's sum is compared with the one read before. What was answered and is not in the sum after the acquirer's window
is asked for again, what nobody answered never: it is a person's, and still found if it lands late.
"""

import logging

from core.payments.schedule import DAILY_S, Times
from core.payments.table import Payment
from core.ports import Acquirers, Clock, Decline, DeclineKind, NotSettled, TooLate, Undone
from core.refunds.credits import Credit, CreditEnd, Credits, Outcome

log = logging.getLogger(__name__)

SETTLEMENT_PAUSE_S = 3_600  # a part can be credited only after settlement
BUSY_PAUSE_S = 3_600
ASKS_MAX = 24  # of one credit that is answered by "busy" each time; then a person looks
UNREADABLE_MAX_S = 86_400  # an acquirer that cannot tell its sum for so long is a person's matter
_TRANSIENT = frozenset({DeclineKind.BANK_BUSY, DeclineKind.BANK_DOWN})


class Crediter:
    """Gives back amounts of captured payments, one at a time of each. Raises DatabaseUnavailable."""

    def __init__(self, under_way: Credits, acquirers: Acquirers, clock: Clock, times: Times) -> None:
        self._credits = under_way
        self._acquirers = acquirers
        self._clock = clock
        self._times = times

    async def begin(self, payment: Payment, key: str, amount_centimes: int) -> Credit | None:
        """Write it down with the sum read before; None while another is under way or the sum cannot be read. The row it
        is for turns to CREDITING next, and only then is it asked for."""
        before = await self._acquirers.of(payment.acquirer).credited_centimes(payment.id)
        if before is None:
            return None
        return await self._credits.begin(payment.id, key, amount_centimes, before, self._clock.now())

    async def ask(self, payment: Payment, credit: Credit) -> Outcome:
        """Ask for it once."""
        counted = await self._credits.asking(credit, self._clock.now())
        if counted is None:
            return Outcome(CreditEnd.UNDECIDED, self._times.undo_pause_s)
        answer = await self._acquirers.of(payment.acquirer).refund(payment.id, credit.amount_centimes)
        match answer:
            case Undone():
                return Outcome(CreditEnd.GIVEN)
            case NotSettled():
                return Outcome(CreditEnd.NOT_ASKED, SETTLEMENT_PAUSE_S)
            case Decline(kind=DeclineKind.BANK_DOWN):  # it never left
                return Outcome(CreditEnd.NOT_ASKED, self._times.undo_pause_s)
            case Decline() if answer.kind not in _TRANSIENT:
                return await self._refused(payment, counted, answer)
            case TooLate():
                landed = await self._landed(payment, counted)
                return Outcome(CreditEnd.GIVEN) if landed is CreditEnd.GIVEN else Outcome(CreditEnd.STUCK, DAILY_S)
            case Decline():
                await self._credits.answered(counted)
                if await self._landed(payment, counted) is CreditEnd.GIVEN:
                    return Outcome(CreditEnd.GIVEN)
        return Outcome(CreditEnd.UNDECIDED, self._times.undo_pause_s)

    async def compare(self, payment: Payment, key: str) -> Outcome:
        """A credit whose end nobody knows yet."""
        credit = await self._credits.of(payment.id, key)
        if credit is None:  # of a worker before this discipline: nobody knows what was asked
            return Outcome(CreditEnd.STUCK)
        landed = await self._landed(payment, credit)
        age_s = (self._clock.now() - credit.asked_at).total_seconds()
        if landed is CreditEnd.GIVEN:
            return Outcome(CreditEnd.GIVEN)
        if landed is None:
            stuck = age_s > UNREADABLE_MAX_S
            return Outcome(CreditEnd.STUCK, DAILY_S) if stuck else Outcome(CreditEnd.UNDECIDED, self._pause_s(age_s))
        if credit.asks == 0 and landed == credit.before_centimes:
            return await self.ask(payment, credit)
        if age_s <= self._times.window_s:
            return Outcome(CreditEnd.UNDECIDED, self._times.undo_pause_s)
        if landed != credit.before_centimes or not credit.answered or credit.asks >= ASKS_MAX:
            log.error("payment %s: its credit %s is not in the acquirer's sum", payment.id, key)
            return Outcome(CreditEnd.STUCK, DAILY_S)
        if age_s < BUSY_PAUSE_S:
            return Outcome(CreditEnd.UNDECIDED, BUSY_PAUSE_S - age_s)
        return await self.ask(payment, credit)

    async def end(self, payment_id: str, key: str) -> None:
        """Notes that nothing of a credit is under way: others of the payment may go on."""
        await self._credits.end(payment_id, key)

    async def _refused(self, payment: Payment, credit: Credit, answer: Decline) -> Outcome:
        """Even a refusal is believed only as far as the sum agrees."""
        landed = await self._landed(payment, credit)
        if landed is CreditEnd.GIVEN:
            return Outcome(CreditEnd.GIVEN)
        if landed is None:
            return Outcome(CreditEnd.UNDECIDED, self._times.undo_pause_s)
        return Outcome(CreditEnd.REFUSED, code=answer.code)

    async def _landed(self, payment: Payment, credit: Credit) -> CreditEnd | int | None:
        """GIVEN, else the acquirer's sum, else None when it cannot be read."""
        credited = await self._acquirers.of(payment.acquirer).credited_centimes(payment.id)
        if credited is not None and credited >= credit.before_centimes + credit.amount_centimes:
            return CreditEnd.GIVEN
        return credited

    def _pause_s(self, age_s: float) -> float:
        """As long again as it has waited already, within bounds."""
        return min(max(age_s, self._times.undo_pause_s), BUSY_PAUSE_S)
