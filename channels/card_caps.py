"""How many cards are tried where: at one line, for one bill, on one channel (docs/protocols/security.md 13).

A caller's number can be forged for each call, a card's is another each time; the line that is paid for stays the same.
Beside channels/limits.RedisCardLimits, which counts per call, caller and card.
"""

from redis.asyncio import Redis

from channels.limits import LIMITS_MAX, Hit, Limit, Limits
from core.payments.table import Payment

HOUR_S, DAY_S = 3_600, 86_400
BILLS_COUNTED_MAX = LIMITS_MAX - 3


class RedisVisitLimits:
    """Implements core.ports.IntentLimits for visits to the acquirer's page, where cards are tried that we do not see.

    Who is sent back and goes again is one visit. Raises LimitsDown.
    """

    LINE_VISITS = 30
    LINE_DAY_VISITS = 60
    ALL_VISITS = 6_000

    def __init__(self, redis: Redis, hit: Hit | None = None) -> None:
        self._limits = Limits(redis, "visits", hit)

    async def allow(self, payment: Payment) -> bool:
        line = f"{payment.service}:{payment.line_reference}"
        limits = (
            Limit("line", line, self.LINE_VISITS, HOUR_S),
            Limit("line-day", line, self.LINE_DAY_VISITS, DAY_S),
            Limit("all", "all", self.ALL_VISITS, HOUR_S),
        )
        return await self._limits.spend(limits) is None


class RedisIntentLimits:
    """Implements core.ports.IntentLimits. Raises LimitsDown: uncounted no card is sent."""

    LINE_SENT = 12  # a family's bills of one line, with some cards that the bank declines
    LINE_DAY_SENT = 30
    BILL_SENT = 9  # three baskets of three declines
    CHANNEL_SENT = 6_000  # some 100 a minute

    def __init__(self, redis: Redis, hit: Hit | None = None) -> None:
        self._limits = Limits(redis, "intents", hit)

    async def allow(self, payment: Payment) -> bool:
        """Returns whether one more card may be tried for it, counted at once."""
        line = f"{payment.service}:{payment.line_reference}"
        bills = sorted(invoice.number for invoice in payment.invoices)[:BILLS_COUNTED_MAX]
        limits = (
            Limit("line", line, self.LINE_SENT, HOUR_S),
            Limit("line-day", line, self.LINE_DAY_SENT, DAY_S),
            Limit("channel", payment.channel, self.CHANNEL_SENT, HOUR_S),
            *(Limit("bill", number, self.BILL_SENT, HOUR_S) for number in bills),
        )
        return await self._limits.spend(limits) is None
