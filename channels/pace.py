"""How often one payment's bank is asked because a browser says so: once in a few seconds, whoever posts how often."""

from channels.limits import Limit, Limits, LimitsDown

EVERY_S = 5
ONCE = 1


class RedisPace:
    """Implements core's Pace. Without Redis nobody is asked now: the payment's own time brings the inquiry."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def first(self, payment_id: str) -> bool:
        try:
            return await self._limits.spend([Limit("inquiry", payment_id, ONCE, EVERY_S)]) is None
        except LimitsDown:
            return False
