"""Who began a dialog, for gateways that name the caller at its begin only. One key a dialog, gone with the session."""

from typing import Protocol

from redis.asyncio import Redis

from sessions.store.protocol import SESSION_TTL_S


class Callers(Protocol):
    """Remembers who began a dialog. Raises what its store raises."""

    async def remember(self, dialog: str, msisdn: str) -> None: ...

    async def recall(self, dialog: str) -> str | None: ...


class RedisCallers:
    """Remembers in Redis who calls, so that any server may be asked next."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def remember(self, dialog: str, msisdn: str) -> None:
        await self._redis.set(_key(dialog), msisdn, ex=SESSION_TTL_S)

    async def recall(self, dialog: str) -> str | None:
        found = await self._redis.get(_key(dialog))
        return found.decode() if isinstance(found, bytes) else found


def _key(dialog: str) -> str:
    return f"kh:ussd-caller:{dialog}"
