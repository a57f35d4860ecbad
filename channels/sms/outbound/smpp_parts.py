"""What is remembered of messages sent over SMPP, in Redis: which parts were accepted under which id, what became of
each. A receipt may come before the answer to its submit, over another connection, to another process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from channels.carriers.smpp.receipts import PartState, Receipt
from channels.sms.deduplication import MemoryDown
from sessions.store.pipeline import redis_errors_as

SENT_TTL_S = 3 * 24 * 3600  # receipts come within two days, or never
EARLY_TTL_S = 3_600
REFERENCE_TTL_S = 24 * 3600
_REFERENCE, _TOTAL, _STATE, _TO = "ref", "total", "state", "to"


@dataclass(frozen=True, slots=True)
class Begun:
    """A message's own number for the air, the same at every try, and the ids of the parts that were accepted."""

    reference: int
    accepted: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class MessageDelivery:
    """The delivery of a whole message, which is delivered only when every part is."""

    reference: str
    state: PartState


class SentParts:
    """Remembers sent parts in Redis. Raises MemoryDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, reference: str, msisdn: str) -> Begun:
        """Numbers count up per recipient, so that parts of two messages never mix on one telephone."""
        key = _message(reference)
        with redis_errors_as(MemoryDown):
            fields = _texts(await self._redis.hgetall(key))
            if _REFERENCE not in fields:
                pipe = self._redis.pipeline(transaction=False)
                pipe.incr(counter := f"kh:smpp:ref:{msisdn}")
                pipe.expire(counter, REFERENCE_TTL_S)
                number = (await pipe.execute())[0]
                pipe.hset(key, mapping={_REFERENCE: number, _TO: msisdn})
                pipe.expire(key, SENT_TTL_S)
                await pipe.execute()
                fields[_REFERENCE] = str(number)
        accepted = {int(name): value for name, value in fields.items() if name.isdecimal()}
        return Begun(int(fields[_REFERENCE]), accepted)

    async def accepted(self, smsc: str, reference: str, part: tuple[int, int], message_id: str) -> Receipt | None:
        """Part (number, total) has an id; a receipt that came before, if one did."""
        number, total = part
        key, early = _message(reference), _early(smsc, message_id)
        with redis_errors_as(MemoryDown):
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(key, mapping={str(number): message_id, _TOTAL: total})
            pipe.expire(key, SENT_TTL_S)
            pipe.hget(key, _TO)
            if message_id:  # an SMSC that gives none cannot tell of it either
                pipe.set(_id(smsc, message_id), f"{number}|{reference}", ex=SENT_TTL_S)
                # after the id is known: `receipt` does it the other way round, so one sees the other
                pipe.get(early)
            answers = await pipe.execute()
        to, waiting = _plain(answers[2]), _plain(answers[-1]) if message_id else ""
        if not waiting:
            return None
        state, failure, sender, unsure = (*waiting.split("|"), "", "", "")[:4]
        if unsure and sender != to:
            return None
        return Receipt(message_id, PartState(state), failure or None, sender=sender)

    async def receipt(self, smsc: str, receipt: Receipt, state: PartState) -> MessageDelivery | None:
        """The message this receipt is about; None while nobody knows the id.

        In its other spellings an id may be another message's: those count only where the recipient agrees.
        """
        spelled = (receipt.message_id, *receipt.others)
        with redis_errors_as(MemoryDown):
            pipe = self._redis.pipeline(transaction=False)
            for place, each in enumerate(spelled):
                unsure = "" if receipt.sure and not place else "?"
                early = "|".join((state, receipt.error or "", receipt.sender, unsure))
                pipe.set(_early(smsc, each), early, ex=EARLY_TTL_S, nx=bool(unsure))
            for each in spelled:
                pipe.get(_id(smsc, each))
            references = [_plain(value) for value in (await pipe.execute())[len(spelled) :]]
            recipients = await self._recipients(references)
            chosen = _chosen(references, recipients, receipt)
            if chosen is None:
                return None
            number, _, reference = references[chosen].partition("|")
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(_message(reference), f"{_STATE}{number}", state)
            pipe.expire(_message(reference), SENT_TTL_S)
            pipe.hgetall(_message(reference))
            pipe.delete(*(_early(smsc, each) for each in spelled))
            whole = _texts((await pipe.execute())[2])
        return MessageDelivery(reference, _together(whole))

    async def _recipients(self, references: Sequence[str]) -> list[str]:
        """Whom each found message went to; "" where that is not known."""
        if not any(references):
            return [""] * len(references)
        pipe = self._redis.pipeline(transaction=False)
        for each in references:
            pipe.hget(_message(each.partition("|")[2]), _TO)
        return [_plain(value) for value in await pipe.execute()]


def _chosen(references: Sequence[str], recipients: Sequence[str], receipt: Receipt) -> int | None:
    """Which spelling the receipt means."""
    for place, each in enumerate(references):
        if each and receipt.sender and recipients[place] == receipt.sender:
            return place
    return 0 if references[0] and receipt.sure else None


def _together(fields: Mapping[str, str]) -> PartState:
    states = [value for name, value in fields.items() if name.startswith(_STATE)]
    if PartState.FAILED in states:
        return PartState.FAILED
    delivered = states.count(PartState.DELIVERED) >= int(fields.get(_TOTAL, "1"))
    return PartState.DELIVERED if delivered else PartState.ON_ITS_WAY


def _texts(fields: Mapping[bytes | str, bytes | str]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in fields.items()}


def _plain(value: bytes | str | None) -> str:
    return "" if value is None else _text(value)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _message(reference: str) -> str:
    return f"kh:smpp:out:{reference}"


def _id(smsc: str, message_id: str) -> str:
    return f"kh:smpp:id:{smsc}:{message_id}"


def _early(smsc: str, message_id: str) -> str:
    return f"kh:smpp:early:{smsc}:{message_id}"
