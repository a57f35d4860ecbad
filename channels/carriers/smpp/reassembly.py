"""Parts of long messages until all are there, in Redis: in any order, over any connection, through a restart.

A part is kept before it is acknowledged. A message stays until its taker says it is kept elsewhere, so that a last
part that was refused completes it again; then its parts are remembered for a while, to know a repeat. They are sealed:
people write card numbers into texts (docs/protocols/security.md 1).
"""

import logging
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from typing import NamedTuple

from redis.asyncio import Redis

from channels.carriers.smpp.account import JOIN_S
from channels.carriers.smpp.coding import Alphabet, heard
from channels.carriers.smpp.message import ShortMessage
from channels.carriers.smpp.parts import Fragment
from core.cards import Secret
from sessions.store.pipeline import redis_errors_as
from sessions.vault import Seals

log = logging.getLogger(__name__)

PARTS_TTL_S = 24 * 3600
MIXED_JOIN_S = 30  # where their data codings differ, which few SMSCs do within a message
MARK_BYTES = 4
DONE_TTL_S = 600
BROUGHT_BY = "by"
TORN_ID_BYTES = 12


class PartsDown(Exception):
    """Redis's fault: nothing is known to have been kept. Retry later."""


@dataclass(frozen=True, slots=True)
class Added:
    """`text` of the message that a part completes. `torn` names what was dropped for it and is not answered yet."""

    text: str | None = field(default=None, repr=False)
    torn: str = ""


class Reassembly:
    """Keyed (smsc, source, destination, reference, total), see docs/protocols/sms.md. Raises PartsDown."""

    def __init__(self, redis: Redis, seals: Seals) -> None:
        self._redis = redis
        self._seals = seals
        self._add = redis.register_script(
            resources.files("channels.carriers.smpp").joinpath("reassembly.lua").read_text()
        )

    async def add(
        self,
        smsc: str,
        message: ShortMessage,
        part: Fragment,
        alphabet: Alphabet,
        session_id: str = "",
        *,
        join_s: int = JOIN_S,
    ) -> Added:
        """The whole message's text when this part completes it.

        A part of a message that was kept is a repeat where another connection brings it; over the same one the sender
        has used its reference again, as it does with a text of one part. Of two unfinished messages with one reference
        the older is dropped: the same number says something else, `join_s` lies between, or the data coding differs
        and the parts did not come together.
        """
        if part.total == 1:
            return Added(heard(part.data_coding, part.data, alphabet))
        keys = _keys(smsc, message, part)
        value, name = self._sealed(keys[0], part), secrets.token_hex(TORN_ID_BYTES)
        bounds = (join_s, part.data_coding, min(join_s, MIXED_JOIN_S))
        with redis_errors_as(PartsDown):
            found, torn = await self._add(
                keys=list(keys),
                args=[part.number, value, part.total, PARTS_TTL_S, MARK_BYTES, session_id, *bounds, name],
            )
        torn = torn.decode()
        if torn == name:
            log.warning("smpp %s: an unfinished message gave way to another of its reference", smsc)
        if not isinstance(found, list):
            return Added(torn=torn)
        opened = [self._opened(keys[0], number, blob) for number, blob in enumerate(found, 1)]
        return Added(_joined(opened, alphabet), torn)

    async def told(self, smsc: str, message: ShortMessage, part: Fragment) -> None:
        """The sender's answer about what was dropped is kept."""
        with redis_errors_as(PartsDown):
            await self._redis.delete(_keys(smsc, message, part).torn)

    async def kept(self, smsc: str, message: ShortMessage, part: Fragment, session_id: str = "") -> None:
        """The whole message is kept elsewhere: forget its parts, after a while."""
        if part.total == 1:
            return
        parts, done, begun, _ = _keys(smsc, message, part)
        with redis_errors_as(PartsDown):
            pipe = self._redis.pipeline(transaction=True)
            pipe.rename(parts, done)
            pipe.hset(done, BROUGHT_BY, session_id)
            pipe.expire(done, DONE_TTL_S)
            pipe.delete(begun)
            await pipe.execute(raise_on_error=False)  # renamed already: a repeat was kept at the same time

    def _sealed(self, key: str, part: Fragment) -> bytes:
        clear = (bytes((part.data_coding,)) + part.data).decode("latin-1")
        mark = self._seals.mark(f"{key} {part.number}", clear).to_bytes(MARK_BYTES, "big")
        return mark + self._seals.seal(key, str(part.number), Secret(clear))

    def _opened(self, key: str, number: int, blob: bytes) -> bytes:
        """Coding and octets; nothing of a part whose key is no longer known."""
        clear = self._seals.open(key, str(number), blob[MARK_BYTES:])
        return clear.reveal().encode("latin-1") if clear is not None else bytes(1)


def _joined(values: list[bytes], alphabet: Alphabet) -> str:
    """Joined as octets where they share a coding, so that a pair cut in two reads right."""
    coding = values[0][0]
    if all(value[0] == coding for value in values):
        return heard(coding, b"".join(value[1:] for value in values), alphabet)
    return "".join(heard(value[0], value[1:], alphabet) for value in values)


class _Keys(NamedTuple):
    parts: str
    done: str
    begun: str
    torn: str


def _keys(smsc: str, message: ShortMessage, part: Fragment) -> _Keys:
    # hashed: addresses are the peer's and may hold anything
    who = f"{message.source.digits}|{message.destination.digits}"
    tag = sha256(f"{smsc}|{who}|{part.reference}|{part.total}".encode()).hexdigest()[:32]
    parts = f"kh:smpp:parts:{{{tag}}}"
    return _Keys(parts, f"{parts}:done", f"{parts}:begun", f"{parts}:torn")
