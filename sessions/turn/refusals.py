"""Why a launch sent nothing, until the call that launched it asks: such a refusal stands in no payment's row.

The next request of the call may reach another process, so it is told through Redis. It is about one attempt: once the
payment was sent, it is over. It is worth no turn: where Redis is away the call polls on, then asks for the card again.
"""

import logging
from collections import OrderedDict
from typing import Protocol

from redis.asyncio import Redis

from core.payments.refusal import Refusal
from sessions.store.cluster import pipelined
from sessions.store.pipeline import REDIS_ERRORS

log = logging.getLogger(__name__)

REFUSAL_TTL_S = 120  # longer than a call polls
KEPT_MAX = 1_000


class Refusals(Protocol):
    """The refusals by call and payment. `attempts` are the payment's as it was refused, or is now. Never raises."""

    async def tell(self, call: str, payment_id: str, refusal: Refusal, attempts: int) -> None: ...

    async def heard(self, call: str, payment_id: str, attempts: int) -> Refusal | None:
        """The refusal that was kept; None where nothing was refused, or the payment was sent since."""


class KeptRefusals:
    """Keeps the refusals of one process alone."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, int], Refusal] = OrderedDict()

    async def tell(self, call: str, payment_id: str, refusal: Refusal, attempts: int) -> None:
        self._kept[call, payment_id, attempts] = refusal
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    async def heard(self, call: str, payment_id: str, attempts: int) -> Refusal | None:
        return self._kept.get((call, payment_id, attempts))


class RedisRefusals:
    """Keeps the refusals of all processes."""

    def __init__(self, redis: Redis) -> None:
        self._pipe = pipelined(redis)

    async def tell(self, call: str, payment_id: str, refusal: Refusal, attempts: int) -> None:
        try:
            await self._pipe.do("SET", _key(call, payment_id), f"{attempts}|{refusal}", "EX", REFUSAL_TTL_S)
        except REDIS_ERRORS as error:
            log.warning("payment %s: a refusal could not be told: %s", payment_id, type(error).__name__)

    async def heard(self, call: str, payment_id: str, attempts: int) -> Refusal | None:
        try:
            record = await self._pipe.do("GET", _key(call, payment_id))
        except REDIS_ERRORS:
            return None
        if not isinstance(record, bytes):
            return None
        then, _, refusal = record.decode().partition("|")
        return Refusal(refusal) if then == str(attempts) and refusal in set(Refusal) else None


def _key(call: str, payment_id: str) -> str:
    return f"kh:refused:{call}:{payment_id}"
