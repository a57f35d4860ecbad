"""Sessions in Redis (>= 6.2, Valkey, a cluster): one round trip to load, one to save; a guess saves the first.

The only socket of this room.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha1
from importlib import resources
from typing import NamedTuple

from redis.asyncio import Redis

from sessions.screens.paying import holds_card
from sessions.store.cluster import pipelined
from sessions.store.codec import Record, Unreadable, decode, encode
from sessions.store.pipeline import Script, redis_errors_as
from sessions.store.protocol import (
    HUNG_UP_TTL_S,
    POINTER_TTL_S,
    SESSION_TTL_S,
    VAULT_TTL_S,
    Guessed,
    Key,
    Loaded,
    StoreDown,
)
from sessions.vault import EXPIRY, NUMBER

RECORDS_MAX = 1_024  # of customers who are thinking now, as sessions/page_cache.py
RECORDS_BYTES_MAX = 2 * 1024 * 1024
VERSION_DIGITS_MAX = 12  # of what step.lua looks at


class SavedRecord(NamedTuple):
    """The bytes that a save left in Redis, and the record that they say."""

    payload: bytes
    record: Record
    ends_at: float  # monotonic: a session's time after its save


class SavedRecords:
    """Records that this process saved last, as they rest in Redis: what is likely there still, never what is.

    A guess is worth nothing by itself: it is compared with the stored bytes, by a load or by the script that saves.
    Bounded by count, by bytes and by a session's time, the longest untouched forgotten first. Nothing of a card is
    kept, not even its last digits.
    """

    def __init__(self, ttl_s: float, records_max: int = RECORDS_MAX, bytes_max: int = RECORDS_BYTES_MAX) -> None:
        self._ttl_s = ttl_s
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._kept: OrderedDict[str, SavedRecord] = OrderedDict()
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, name: str) -> SavedRecord | None:
        """Returns what was saved last under that name by this process, as far as it is remembered."""
        record = self._kept.get(name)
        return None if record is None or record.ends_at <= time.monotonic() else record

    def came(self, name: str, payload: bytes, record: Record, *, saved: bool) -> None:
        """Remember what was just saved, unless a card is concerned. Not saved: what was remembered is wrong by now."""
        self.forget(name)
        if not saved or holds_card(record.screen):
            return
        self._kept[name] = SavedRecord(payload, record, time.monotonic() + self._ttl_s)
        self._bytes += len(payload)
        while len(self._kept) > self._records_max or self._bytes > self._bytes_max:
            self._drop_oldest()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._ttl_s, self._expire)

    def forget(self, name: str) -> None:
        """Guesses nothing about a name until it is saved again."""
        gone = self._kept.pop(name, None)
        if gone is not None:
            self._bytes -= len(gone.payload)

    def _drop_oldest(self) -> None:
        _, gone = self._kept.popitem(last=False)
        self._bytes -= len(gone.payload)

    def _expire(self) -> None:
        """One timer for all: the record kept longest comes first, and says when to look again."""
        self._timer = None
        now = time.monotonic()
        while self._kept:
            ends_at = next(iter(self._kept.values())).ends_at
            if ends_at > now:
                self._timer = asyncio.get_running_loop().call_later(ends_at - now, self._expire)
                return
            self._drop_oldest()


class RedisStore:
    """The Store over redis-py."""

    def __init__(
        self,
        redis: Redis,
        ttl_s: int = SESSION_TTL_S,
        *,
        records_max: int = RECORDS_MAX,
        records_bytes_max: int = RECORDS_BYTES_MAX,
    ) -> None:
        """`ttl_s`: how long a session waits for its next request. The bounds are of the records that are guessed."""
        self._ttl_s = ttl_s
        self._pipe = pipelined(redis)
        self._step = step_script()
        self._sealed = _script("step.lua", then=_source("sealed.lua"))
        self._begin = _script("begin.lua")
        self._guessed = _script("guessed.lua")
        self._saved = SavedRecords(ttl_s, records_max, records_bytes_max)

    async def load(self, key: Key, *, begins: bool, with_card: bool) -> Loaded:
        with redis_errors_as(StoreDown):
            if begins:
                record, previous = await self._pipe.run(self._begin, (key.record, key.pointer), ())
                return Loaded(_read(record), _version(record), _read(previous))
            if not with_card:
                record = await self._pipe.do("GET", key.record)
                saved = self._saved.find(key.record)
                if saved is not None and saved.payload == record:  # nearly always: nothing is read twice
                    return Loaded(saved.record, saved.record.version)
                return Loaded(_read(record), _version(record))
            record, number, expiry = await self._pipe.do("MGET", key.record, key.sealed(NUMBER), key.sealed(EXPIRY))
        sealed = {name: blob for name, blob in ((NUMBER, number), (EXPIRY, expiry)) if isinstance(blob, bytes)}
        return Loaded(_read(record), _version(record), sealed=sealed)

    async def save(self, key: Key, record: Record, *, expected: int, seal: Mapping[str, bytes], erase: bool) -> bool:
        names: tuple[str, ...] = (key.record, key.pointer)
        payload = _payload(record)
        arguments: tuple[int | bytes, ...] = (expected, payload, self._ttl_s, POINTER_TTL_S)
        with redis_errors_as(StoreDown):
            if not seal and not erase:  # no card comes or goes: nearly every turn
                done = bool(await self._pipe.run(self._step, names, arguments))
                self._saved.came(key.record, payload, record, saved=done)
                return done
            self._saved.forget(key.record)
            names += (key.sealed(NUMBER), key.sealed(EXPIRY), key.hung_up)
            arguments += (VAULT_TTL_S, int(erase), seal.get(NUMBER, b""), seal.get(EXPIRY, b""))
            return bool(await self._pipe.run(self._sealed, names, arguments))

    def guess(self, key: Key) -> Guessed | None:
        saved = self._saved.find(key.record)
        return None if saved is None else Guessed(saved.record, saved.payload)

    async def save_over(self, key: Key, guessed: Guessed, record: Record) -> bool:
        payload = _payload(record)
        with redis_errors_as(StoreDown):
            arguments = (guessed.payload, payload, self._ttl_s)
            done = bool(await self._pipe.run(self._guessed, (key.record,), arguments))
        self._saved.came(key.record, payload, record, saved=done)
        return done

    async def stay(self, key: Key) -> None:
        """The session's time begins anew, and nothing else changes."""
        with redis_errors_as(StoreDown):
            await self._pipe.do("EXPIRE", key.record, self._ttl_s)

    async def erase(self, key: Key) -> None:
        with redis_errors_as(StoreDown):
            await self._pipe.do("DEL", key.sealed(NUMBER), key.sealed(EXPIRY))

    async def hang_up(self, key: Key) -> Record | None:
        with redis_errors_as(StoreDown):
            # one after the other: what is saved before the mark is deleted after it
            await self._pipe.do("SET", key.hung_up, b"1", "EX", HUNG_UP_TTL_S)
            await self._pipe.do("DEL", key.sealed(NUMBER), key.sealed(EXPIRY))
            return _read(await self._pipe.do("GET", key.record))


def step_script() -> Script:
    """The save of nearly every turn, without a card."""
    return _script("step.lua", then="return 1\n")


def _source(name: str) -> str:
    return resources.files("sessions.store").joinpath(name).read_text()


def _script(name: str, *, then: str = "") -> Script:
    source = _source(name) + then
    return Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())


def _payload(record: Record) -> bytes:
    return b"%d|%b" % (record.version, encode(record))


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
