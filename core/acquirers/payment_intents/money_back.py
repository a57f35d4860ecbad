"""Giving money back: a hold is let go, what was taken is refunded, in parts too.

Rule of this file: each refund's key holds what was given back before it, so the same refund sent twice is one, and the
same amount given back once more later is another. A refund that is on its way counts as given.
"""

from core.acquirers.payment_intents.codes import (
    ALREADY_REFUNDED,
    CAME_TO_NOTHING,
    GIVEN_BACK,
    IDEMPOTENCY_ERROR,
    LOCK_TIMEOUT,
    REFUSED_STATUSES,
    TOO_MANY,
    IntentStatus,
    RefundStatus,
    clean_code,
)
from core.acquirers.payment_intents.finding import LookFailed, OrderFinder, Standing, why_of
from core.acquirers.payment_intents.outcomes import judged
from core.acquirers.payment_intents.transport import Exchange, GatewayAnswer, Said
from core.acquirers.payment_intents.wire import IntentObject, RefundList, RefundObject
from core.ports import (
    Approved,
    Decline,
    DeclineKind,
    NoSuchOrder,
    NotSent,
    NotSettled,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)

REFUNDS_MAX = 100  # of one intent; more than that are not counted, so nothing is sent
_LET_GO = frozenset({IntentStatus.HELD, IntentStatus.NO_METHOD, IntentStatus.ACTION, IntentStatus.UNCONFIRMED})


class MoneyBack:
    """Voids and refunds of one account."""

    def __init__(self, exchange: Exchange, finder: OrderFinder, currency: str) -> None:
        self._exchange = exchange
        self._finder = finder
        self._currency = currency

    async def void(self, order_id: str) -> Undoing:
        """See client.py. Every intent of the order that could still take money is canceled."""
        standing = await self._finder.order(order_id)
        match standing.says:
            case Undone():
                return Undone()
            case Approved():
                return TooLate()
            case UnknownOutcome(why):
                return UnknownOutcome(why)
        open_ = [one for one in standing.intents if one.status in _LET_GO]
        if not open_:
            nothing = isinstance(standing.says, NoSuchOrder | Decline)
            return Decline("no_such_order", DeclineKind.OUR_FAULT) if nothing else UnknownOutcome("being processed")
        for intent in open_:
            cancelled = await self._cancel(order_id, intent)
            if not isinstance(cancelled, Undone):
                return cancelled
        return Undone()

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        """See client.py. A word that settles nothing is Unknown, or BANK_BUSY: then compare `credited_centimes`."""
        standing = await self._finder.order(order_id)
        intent = _taken(standing)
        if intent is None:
            return _nothing_taken(standing)
        credited = await self._credited(intent)
        if credited is None:
            return UnknownOutcome("what was given back so far cannot be read")
        form = {"payment_intent": intent.id, "amount": str(amount_centimes)}
        key = f"{intent.id}-refund-{credited}-{amount_centimes}"
        answer = await self._exchange.post("/v1/refunds", form, key)
        return _refunded(answer, amount_centimes, self._currency)

    async def credited_centimes(self, order_id: str) -> int | None:
        """Returns what was given back in centimes, as PaymentIntentsAcquirer.credited_centimes says."""
        standing = await self._finder.order(order_id)
        intent = _taken(standing)
        return None if intent is None else await self._credited(intent)

    async def _cancel(self, order_id: str, intent: IntentObject) -> Undoing:
        path = f"/v1/payment_intents/{intent.id}/cancel"
        answer = await self._exchange.post(path, {}, f"{intent.id}-cancel-{intent.status}")
        if isinstance(answer, NotSent):
            return UnknownOutcome(answer.why)
        try:
            now = await self._finder.intent(intent.id)
        except LookFailed as error:
            return UnknownOutcome(str(error))
        if now.status == IntentStatus.CANCELED and now.order_id == order_id:
            return Undone()
        if isinstance(judged(now, order_id, self._currency), Approved):
            return TooLate()
        return UnknownOutcome(why_of(answer))

    async def _credited(self, intent: IntentObject) -> int | None:
        answer = await self._exchange.get("/v1/refunds", {"payment_intent": intent.id, "limit": str(REFUNDS_MAX)})
        refunds = answer.holds(RefundList) if isinstance(answer, GatewayAnswer) else None
        if refunds is None or refunds.has_more:
            return None
        credited = 0
        for each in refunds.data:
            if each.currency.lower() != self._currency or each.status not in GIVEN_BACK | CAME_TO_NOTHING:
                return None
            credited += each.amount if each.status in GIVEN_BACK else 0
        return credited


def _taken(standing: Standing) -> IntentObject | None:
    """The intent that took the order's money, given back since or not."""
    if not isinstance(standing.says, Approved | Undone):
        return None
    return next((one for one in standing.intents if one.status == IntentStatus.SUCCEEDED), None)


def _nothing_taken(standing: Standing) -> Undoing:
    if any(one.status == IntentStatus.HELD for one in standing.intents):
        return NotSettled()
    if isinstance(standing.says, NoSuchOrder | Decline | Undone):
        return Decline("no_such_order", DeclineKind.OUR_FAULT)
    return UnknownOutcome(standing.says.why if isinstance(standing.says, UnknownOutcome) else "being processed")


def _refunded(answer: Said, amount_centimes: int, currency: str) -> Undoing:
    if isinstance(answer, NotSent):
        return Decline("", DeclineKind.BANK_DOWN, answer.why)
    if isinstance(answer, UnknownOutcome):
        return answer
    refund = answer.holds(RefundObject)
    if refund is not None:
        if refund.status in CAME_TO_NOTHING:
            return Decline(clean_code(refund.failure_reason) or str(refund.status), DeclineKind.OUR_FAULT)
        exact = refund.amount == amount_centimes and refund.currency.lower() == currency
        done = refund.status == RefundStatus.SUCCEEDED and exact
        return Undone() if done else UnknownOutcome("a refund that is not done")
    error = answer.error()
    if error.code == ALREADY_REFUNDED:
        return Undone()
    if answer.status in REFUSED_STATUSES and error.type != IDEMPOTENCY_ERROR:
        return Decline(clean_code(error.code) or clean_code(error.type) or str(answer.status), DeclineKind.OUR_FAULT)
    if answer.status == TOO_MANY and error.code != LOCK_TIMEOUT:
        return Decline("rate_limit", DeclineKind.BANK_BUSY)
    return UnknownOutcome(why_of(answer))
