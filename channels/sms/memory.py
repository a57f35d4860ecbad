"""What the SMS channel remembers in Redis (>= 6.2, Valkey, a cluster). Every key ends by itself."""

import json
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from channels.sms.answers import Reference
from core.ports import DeliveryFailed
from core.subscribers import Service

CLAIM_TTL_S = 30  # longer than any answer takes; whoever claimed and died is succeeded after this
SEEN_TTL_S = 3 * 24 * 3600  # gateways repeat for two days at most (facts/sms.md)
OFFER_TTL_S = 600
AWAY_S = 5.0
STOP_TTL_S = 5 * 365 * 24 * 3600
_CLAIMED, _SILENT, _TEXT = b"?", b"-", b"+"


class MemoryDown(Exception):
    """Redis's fault: nothing is known to have been written. Retry later."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The message was answered before: this was the reply, None for silence."""

    text: str | None


class RedisMemory:
    """Implements answers.Memory and inbox.Seen. Raises MemoryDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    # --- messages that were seen ---------------------------------------------------------------------------------

    async def claim(self, reference: str) -> bool | Answered:
        """True: it is yours to answer. False: another copy is being answered right now."""
        key = f"kh:sms:seen:{reference}"
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(key, _CLAIMED, nx=True, ex=CLAIM_TTL_S)
            pipe.get(key)
            ours, value = await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise MemoryDown(type(error).__name__) from error
        if ours or value is None:
            return bool(ours)
        return False if value == _CLAIMED else Answered(_text(value))

    async def keep(self, reference: str, text: str | None) -> None:
        """Answered: a repeat within SEEN_TTL_S gets the same."""
        value = _SILENT if text is None else _TEXT + text.encode()
        await self._set(f"kh:sms:seen:{reference}", value, SEEN_TTL_S)

    async def reply_of(self, reference: str) -> str | None:
        """Implements ports.Replies: what was kept, None when there is nothing to send (any more)."""
        try:
            value = await self._redis.get(f"kh:sms:seen:{reference}")
        except (RedisError, OSError, TimeoutError) as error:
            raise DeliveryFailed("Redis is away", retryable=True, again_in_s=AWAY_S) from error
        return _text(value) if isinstance(value, bytes) else None

    async def release(self, reference: str) -> None:
        """Not answered: a repeat is a first time."""
        await self._delete(f"kh:sms:seen:{reference}")

    # --- what was offered, who opted out -------------------------------------------------------------------------

    async def offer(self, msisdn: str, references: tuple[Reference, ...]) -> None:
        await self._set(f"kh:{{{msisdn}}}:sms:offer", json.dumps(references).encode(), OFFER_TTL_S)

    async def offered(self, msisdn: str) -> tuple[Reference, ...]:
        try:
            value = await self._redis.get(f"kh:{{{msisdn}}}:sms:offer")
        except (RedisError, OSError, TimeoutError) as error:
            raise MemoryDown(type(error).__name__) from error
        return tuple((Service(service), reference) for service, reference in json.loads(value or "[]"))

    async def stop(self, msisdn: str, *, stopped: bool) -> None:
        key = f"kh:{{{msisdn}}}:sms:stop"
        await (self._set(key, b"1", STOP_TTL_S) if stopped else self._delete(key))

    async def stopped(self, msisdn: str) -> bool:
        """Whether the customer opted out: for messages that nobody asked for, of which there are none today."""
        try:
            return bool(await self._redis.exists(f"kh:{{{msisdn}}}:sms:stop"))
        except (RedisError, OSError, TimeoutError) as error:
            raise MemoryDown(type(error).__name__) from error

    async def _set(self, key: str, value: bytes, ttl_s: int) -> None:
        try:
            await self._redis.set(key, value, ex=ttl_s)
        except (RedisError, OSError, TimeoutError) as error:
            raise MemoryDown(type(error).__name__) from error

    async def _delete(self, key: str) -> None:
        try:
            await self._redis.delete(key)
        except (RedisError, OSError, TimeoutError) as error:
            raise MemoryDown(type(error).__name__) from error


def _text(value: bytes) -> str | None:
    return value.removeprefix(_TEXT).decode() if value.startswith(_TEXT) else None
