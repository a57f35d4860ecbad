"""Cards kept for one charge in the same call (Pay connector, `tokenize`): sealed as the vault seals, in Redis >= 6.2.

The key is derived from the master key that Redis never sees, and from call, payment and token: none of them opens it
with another. One card a call, VAULT_TTL_S and never longer; it is gone with the first charge, with the call, and with
every page of ours that asks for no card. A security code is never here (docs/decisions/008-tokens.md).
"""

import secrets
from hashlib import sha1
from importlib import resources

from redis.asyncio import Redis

from channels.ivr.pay_connector.endpoint import Busy
from core.cards import Card, Secret
from sessions.store.cluster import pipelined
from sessions.store.pipeline import Script, redis_errors_as
from sessions.store.protocol import HUNG_UP_TTL_S, VAULT_TTL_S
from sessions.vault import EXPIRY, NUMBER, Seals

TOKEN_BYTES = 16


class RedisTokens:
    """Implements channels.ivr.pay_connector.endpoint.CardTokens."""

    def __init__(self, redis: Redis, seals: Seals) -> None:
        self._pipe = pipelined(redis)
        self._seals = seals
        source = resources.files("channels.ivr.pay_connector").joinpath("tokens.lua").read_text()
        self._keep = Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())

    async def keep(self, call: str, payment_id: str, card: Card) -> str | None:
        token = secrets.token_hex(TOKEN_BYTES)
        bound = _bound(call, payment_id, token)
        expiry = Secret(f"{card.expiry_month:02d}{card.expiry_year % 100:02d}")
        sealed = (self._seals.seal(bound, NUMBER, card.pan), self._seals.seal(bound, EXPIRY, expiry))
        with redis_errors_as(Busy):
            stored = await self._pipe.run(self._keep, (_key(call), _mark(call)), (VAULT_TTL_S, NUMBER, EXPIRY, *sealed))
        return token if stored else None

    async def take(self, call: str, payment_id: str, token: str) -> Card | None:
        with redis_errors_as(Busy):
            number, expiry = await self._pipe.do("HMGET", _key(call), NUMBER, EXPIRY)
            if number is None or expiry is None:
                return None
            card = self._seals.card(_bound(call, payment_id, token), {NUMBER: number, EXPIRY: expiry})
            if card is None:
                return None
            # of two charges with one token the one that deletes has the card
            return card if await self._pipe.do("DEL", _key(call)) else None

    async def erase(self, call: str) -> None:
        with redis_errors_as(Busy):
            await self._pipe.do("DEL", _key(call))

    async def over(self, call: str) -> None:
        with redis_errors_as(Busy):
            # one after the other: what is kept before the mark is deleted after it
            await self._pipe.do("SET", _mark(call), b"1", "EX", HUNG_UP_TTL_S)
            await self._pipe.do("DEL", _key(call))


def _key(call: str) -> str:
    return f"kh:pay-token:{{{call}}}"


def _mark(call: str) -> str:
    return f"kh:pay-token:{{{call}}}:over"


def _bound(call: str, payment_id: str, token: str) -> str:
    return f"token {call} {payment_id} {token}"
