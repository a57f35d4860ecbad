"""Everything Redis holds of one number, named or dropped: what a person may ask for under law 09-08."""

from collections.abc import AsyncIterator

from redis.asyncio import Redis

SCAN_COUNT = 1_000
KEPT = ":sms:stop"  # that somebody wants no messages is kept for their own sake


class RedisConversations:
    """Implements core.privacy.requests.Conversations: sessions, the vault's sealed card, offers. Raises
    redis.RedisError.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def held(self, msisdn: str) -> list[str]:
        """The conversations that are held, by channel and dialog, without the number."""
        return sorted([key.removeprefix(_prefix(msisdn)) async for key in self._keys(msisdn)])

    async def forget(self, msisdn: str) -> int:
        """Dialogs in progress begin again; a card that waited is gone."""
        return sum([await self._redis.delete(key) async for key in self._keys(msisdn) if not key.endswith(KEPT)])

    async def _keys(self, msisdn: str) -> AsyncIterator[str]:
        # one walk through all keys, seconds on a large server: for the terminal, never for a request
        async for key in self._redis.scan_iter(match=_prefix(msisdn) + "*", count=SCAN_COUNT):
            yield key.decode() if isinstance(key, bytes) else key


def _prefix(msisdn: str) -> str:
    return f"kh:{{{msisdn}}}:"
