"""Browsers that sat at the help desk before: each has a random mark of its own in a cookie, Redis keeps its digest.

A browser that came in as somebody is a place of its own for that account's wrong passwords, and one browser in which a
refund is both proposed and approved is told.
"""

import secrets
from hashlib import sha256

from redis.asyncio import Redis

from channels.limits import LimitsDown
from sessions.store.pipeline import redis_errors_as

MARK_BYTES = 16
MARK_CHARS_MAX = 64
MARK_TTL_S = 90 * 86_400
DIGEST_CHARS = 32


def fresh_mark() -> str:
    """Draws a cookie's value."""
    return secrets.token_urlsafe(MARK_BYTES)


def digest_of(mark: str) -> str:
    """The digest that is kept and compared; empty for what is no mark of ours."""
    if not mark or len(mark) > MARK_CHARS_MAX:
        return ""
    return sha256(f"khallas browser 1\n{mark}".encode(errors="replace")).hexdigest()[:DIGEST_CHARS]


class Browsers:
    """Remembers who came in by which browser. Raises LimitsDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def came_in(self, name: str, browser: str) -> None:
        """Notes that this account came in, by the browser of this digest."""
        with redis_errors_as(LimitsDown):
            await self._redis.set(_key(name, browser), b"1", ex=MARK_TTL_S)

    async def known(self, name: str, browser: str) -> bool:
        """Returns whether this account came in by it; nobody else can say so."""
        if not browser:
            return False
        with redis_errors_as(LimitsDown):
            return bool(await self._redis.exists(_key(name, browser)))


def _key(name: str, browser: str) -> str:
    return f"kh:browser:{browser}:{name}"
