"""What the SMS channel remembers in Redis (>= 6.2, Valkey, a cluster). Every key ends by itself."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from redis.asyncio import Redis

from channels.limits import script_of
from channels.sms.answers import Reference
from channels.sms.folding import fold
from core.ports import DeliveryFailed
from core.sealing import Sealer
from core.subscribers.lines import ServiceType
from sessions.store.cluster import pipelined
from sessions.store.pipeline import REDIS_ERRORS, redis_errors_as

CLAIM_TTL_S = 30  # longer than any answer takes; whoever claimed and died is succeeded after this
SEEN_TTL_S = 3 * 24 * 3600  # gateways repeat for two days at most (docs/protocols/sms.md)
OFFER_TTL_S = 600
SAME_TTL_S = 3_600  # two machines answer each other within seconds
AWAY_S = 5.0
STOP_TTL_S = 5 * 365 * 24 * 3600
SEALED_FOR = "replies 1"
_CLAIMED, _SILENT, _TEXT, _SEALED = b"?", b"-", b"+", b"*"  # _TEXT: in clear, by releases before this one
_CLAIM = script_of(
    "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) and 1 or redis.call('GET', KEYS[1])"
)


class MemoryDown(Exception):
    """Redis's fault: nothing is known to have been written. Retry later."""


@dataclass(frozen=True, slots=True)
class AlreadyAnswered:
    """The message was answered before: this was the reply, None for silence."""

    text: str | None


class RedisDeduplication:
    """Implements channels.sms.answers.Memory and channels.sms.inbox.Seen. Raises MemoryDown. Replies hold payment
    codes: they rest sealed.
    """

    def __init__(self, redis: Redis, sealer: Sealer) -> None:
        self._pipe = pipelined(redis)
        self._sealer = sealer

    # --- messages that were seen ---------------------------------------------------------------------------------

    async def claim(self, reference: str) -> bool | AlreadyAnswered:
        """Claims a message. True: it is yours to answer. False: another copy is being answered right now."""
        with redis_errors_as(MemoryDown):
            state = await self._pipe.run(_CLAIM, (_seen(reference),), (_CLAIMED, CLAIM_TTL_S))
        if isinstance(state, int):
            return True
        return False if state == _CLAIMED else AlreadyAnswered(self._text(reference, state))

    async def keep(self, reference: str, text: str | None) -> None:
        """Answered: a repeat within SEEN_TTL_S gets the same."""
        value = _SILENT if text is None else _SEALED + self._sealer.seal(reference, text.encode())
        await self._do("SET", _seen(reference), value, "EX", SEEN_TTL_S)

    async def reply_of(self, reference: str) -> str | None:
        """Implements core.ports.Replies: what was kept, None when there is nothing to send (any more)."""
        try:
            value = await self._pipe.do("GET", _seen(reference))
        except REDIS_ERRORS as error:
            raise DeliveryFailed("Redis is away", retryable=True, again_in_s=AWAY_S) from error
        return self._text(reference, value) if isinstance(value, bytes) else None

    def _text(self, reference: str, value: bytes) -> str | None:
        if value.startswith(_TEXT):
            return value.removeprefix(_TEXT).decode()
        opened = self._sealer.open(reference, value.removeprefix(_SEALED)) if value.startswith(_SEALED) else None
        return None if opened is None else opened[0].decode()

    async def release(self, reference: str) -> None:
        """Forgets the claim on a message that was not answered, so that its repeat counts as a first time."""
        await self._do("DEL", _seen(reference))

    async def times(self, msisdn: str, text: str) -> int:
        """Returns how often this sender has sent the same text within SAME_TTL_S, this time counted; digits are all
        alike.
        """
        folded = "".join("0" if char.isdigit() else char for char in fold(text))
        key = f"kh:{{{msisdn}}}:sms:same:{sha256(folded.encode()).hexdigest()[:16]}"
        count = await self._do("INCR", key)
        await self._do("EXPIRE", key, SAME_TTL_S)
        return int(count)

    # --- what was offered, who opted out -------------------------------------------------------------------------

    async def offer(self, msisdn: str, references: tuple[Reference, ...]) -> None:
        await self._do("SET", f"kh:{{{msisdn}}}:sms:offer", json.dumps(references), "EX", OFFER_TTL_S)

    async def offered(self, msisdn: str) -> tuple[Reference, ...]:
        value = await self._do("GET", f"kh:{{{msisdn}}}:sms:offer")
        return tuple((ServiceType(service), reference) for service, reference in json.loads(value or "[]"))

    async def stop(self, msisdn: str, *, stopped: bool) -> None:
        key = f"kh:{{{msisdn}}}:sms:stop"
        await (self._do("SET", key, b"1", "EX", STOP_TTL_S) if stopped else self._do("DEL", key))

    async def stopped(self, msisdn: str) -> bool:
        """Returns whether the customer opted out: for messages that nobody asked for, of which there are none today."""
        return bool(await self._do("EXISTS", f"kh:{{{msisdn}}}:sms:stop"))

    async def _do(self, *command: str | bytes | int) -> Any:
        with redis_errors_as(MemoryDown):
            return await self._pipe.do(*command)


def _seen(reference: str) -> str:
    return f"kh:sms:seen:{reference}"
