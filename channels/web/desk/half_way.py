"""Whoever told the right password and owes the second factor: kept in Redis for minutes, opened by the login form's
own cookie. It is no session: it shows nothing and does nothing but let a code be typed."""

from hashlib import sha256

import msgspec
from redis.asyncio import Redis

from channels.web.desk.sessions import TOKEN_CHARS_MAX, SessionsDown
from sessions.store.pipeline import redis_errors_as

HALF_WAY_TTL_S = 300


class HalfWay(msgspec.Struct, frozen=True):
    """A login after its password and before its second factor."""

    name: str
    generation: int


class HalfWayLogins:
    """Remembers logins that wait for a second factor. Raises SessionsDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, cookie: str, waiting: HalfWay) -> None:
        """`cookie` is a fresh one: what came along with the password opens nothing."""
        with redis_errors_as(SessionsDown):
            await self._redis.set(_key(cookie), msgspec.json.encode(waiting), ex=HALF_WAY_TTL_S)

    async def of(self, cookie: str) -> HalfWay | None:
        """Returns who it is; None when it took too long, or was never so."""
        if not 0 < len(cookie) <= TOKEN_CHARS_MAX:
            return None
        with redis_errors_as(SessionsDown):
            data = await self._redis.get(_key(cookie))
        try:
            return None if data is None else msgspec.json.decode(data, type=HalfWay)
        except msgspec.MsgspecError:
            return None

    async def end(self, cookie: str) -> None:
        with redis_errors_as(SessionsDown):
            await self._redis.delete(_key(cookie))


def _key(cookie: str) -> str:
    return f"kh:half-way:{sha256(cookie.encode(errors='replace')).hexdigest()}"
