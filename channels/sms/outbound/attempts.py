"""Which way a message was tried and taken, in Redis: what makes an accepted message be sent once, through crashes."""

from dataclasses import dataclass

from redis.asyncio import Redis

from channels.sms.deduplication import MemoryDown
from sessions.store.pipeline import redis_errors_as

SENDS_TTL_S = 3 * 24 * 3600
_TRYING, _ACCEPTED = b"?", b"+"


@dataclass(frozen=True, slots=True)
class Trying:
    """A route may have it: nobody heard the end of that try."""

    route: str


@dataclass(frozen=True, slots=True)
class GatewayAccepted:
    """A gateway has it, under this id."""

    provider_id: str


class SendAttempts:
    """Remembers tries in Redis, by one small key a message. Raises MemoryDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def known(self, reference: str) -> Trying | GatewayAccepted | None:
        """The record of earlier tries; None where nothing was sent."""
        with redis_errors_as(MemoryDown):
            value = await self._redis.get(_key(reference))
        if not isinstance(value, bytes):
            return None
        return GatewayAccepted(value[1:].decode()) if value[:1] == _ACCEPTED else Trying(value[1:].decode())

    async def trying(self, reference: str, route: str) -> None:
        """Written before anything is sent."""
        await self._set(reference, _TRYING + route.encode())

    async def accepted(self, reference: str, provider_id: str) -> None:
        await self._set(reference, _ACCEPTED + provider_id.encode())

    async def forget(self, reference: str) -> None:
        """Forgets a try that certainly was not sent."""
        with redis_errors_as(MemoryDown):
            await self._redis.delete(_key(reference))

    async def _set(self, reference: str, value: bytes) -> None:
        with redis_errors_as(MemoryDown):
            await self._redis.set(_key(reference), value, ex=SENDS_TTL_S)


def _key(reference: str) -> str:
    return f"kh:sms:out:{reference}"
