"""Sessions in Redis (>= 6.2, Valkey, a cluster): one round trip to load, one to save. The only socket of this room."""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha1
from importlib import resources

from redis.asyncio import Redis

from sessions.store.cluster import pipelined
from sessions.store.codec import Record, Unreadable, decode, encode
from sessions.store.pipeline import Script, redis_errors_as
from sessions.store.protocol import HUNG_UP_TTL_S, POINTER_TTL_S, SESSION_TTL_S, VAULT_TTL_S, Key, Loaded, StoreDown
from sessions.vault import EXPIRY, NUMBER

SAVED_MAX = 1_024  # records of customers who are thinking now, as sessions/page_cache.py
VERSION_DIGITS_MAX = 12  # of what step.lua looks at


class RedisStore:
    """The Store over redis-py."""

    def __init__(self, redis: Redis, ttl_s: int = SESSION_TTL_S) -> None:
        """`ttl_s`: how long a session waits for its next request."""
        self._ttl_s = ttl_s
        self._pipe = pipelined(redis)
        self._step = step_script()
        self._sealed = _script("step.lua", then=_source("sealed.lua"))
        self._begin = _script("begin.lua")
        self._saved: OrderedDict[str, tuple[bytes, Record]] = OrderedDict()

    async def load(self, key: Key, *, begins: bool, with_card: bool) -> Loaded:
        with redis_errors_as(StoreDown):
            if begins:
                record, previous = await self._pipe.run(self._begin, (key.record, key.pointer), ())
                return Loaded(_read(record), _version(record), _read(previous))
            if not with_card:
                record = await self._pipe.do("GET", key.record)
                saved = self._saved.get(key.record)
                if saved is not None and saved[0] == record:  # nearly always: nothing is read twice
                    return Loaded(saved[1], saved[1].version)
                return Loaded(_read(record), _version(record))
            record, number, expiry = await self._pipe.do("MGET", key.record, key.sealed(NUMBER), key.sealed(EXPIRY))
        sealed = {name: blob for name, blob in ((NUMBER, number), (EXPIRY, expiry)) if isinstance(blob, bytes)}
        return Loaded(_read(record), _version(record), sealed=sealed)

    async def save(self, key: Key, record: Record, *, expected: int, seal: Mapping[str, bytes], erase: bool) -> bool:
        names: tuple[str, ...] = (key.record, key.pointer)
        payload = b"%d|%b" % (record.version, encode(record))
        told: tuple[int | bytes, ...] = (expected, payload, self._ttl_s, POINTER_TTL_S)
        with redis_errors_as(StoreDown):
            if not seal and not erase:  # no card comes or goes: nearly every turn
                done = bool(await self._pipe.run(self._step, names, told))
                if done:
                    self._keep(key, payload, record)
                return done
            names += (key.sealed(NUMBER), key.sealed(EXPIRY), key.hung_up)
            told += (VAULT_TTL_S, int(erase), seal.get(NUMBER, b""), seal.get(EXPIRY, b""))
            return bool(await self._pipe.run(self._sealed, names, told))

    def _keep(self, key: Key, payload: bytes, record: Record) -> None:
        self._saved[key.record] = (payload, record)
        self._saved.move_to_end(key.record)
        if len(self._saved) > SAVED_MAX:
            self._saved.popitem(last=False)

    async def stay(self, key: Key) -> None:
        """The session's time begins anew, and nothing else changes."""
        with redis_errors_as(StoreDown):
            await self._pipe.do("EXPIRE", key.record, self._ttl_s)

    async def erase(self, key: Key) -> None:
        with redis_errors_as(StoreDown):
            await self._pipe.do("DEL", key.sealed(NUMBER), key.sealed(EXPIRY))

    async def hang_up(self, key: Key) -> None:
        with redis_errors_as(StoreDown):
            # one after the other: what is saved before the mark is deleted after it
            await self._pipe.do("SET", key.hung_up, b"1", "EX", HUNG_UP_TTL_S)
            await self._pipe.do("DEL", key.sealed(NUMBER), key.sealed(EXPIRY))


def step_script() -> Script:
    """The save of nearly every turn, without a card."""
    return _script("step.lua", then="return 1\n")


def _source(name: str) -> str:
    return resources.files("sessions.store").joinpath(name).read_text()


def _script(name: str, *, then: str = "") -> Script:
    source = _source(name) + then
    return Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())


def _version(data: bytes | str | None) -> int:
    """As step.lua reads it: of a record of another release too, which the next save replaces."""
    digits = data.partition(b"|")[0] if isinstance(data, bytes) else b""
    return int(digits) if digits.isdigit() and len(digits) < VERSION_DIGITS_MAX else 0


def _read(data: bytes | str | None) -> Record | None:
    """A record of another release counts as lost: its dialog begins again and PostgreSQL still knows the payment."""
    if not isinstance(data, bytes):
        return None
    try:
        return decode(data.partition(b"|")[2])
    except Unreadable:
        return None
