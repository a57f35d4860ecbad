"""The vault when things go wrong: a fault at every await of every turn of a card, and calls that end in mid-turn.

docs/protocols/security.md 4: whatever happens, no sealed card stays behind a call that is over.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from core.messaging.texts import Texts
from core.payments.table import Payment, PaymentState
from sessions.store.protocol import HUNG_UP_TTL_S, VAULT_TTL_S, Key, Store, StoreDown
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.sessions.cards import CARD, CVV, EXPIRY, assert_hidden, landed
from tests.sessions.fakes import CALLER, CASABLANCA, MASTER_KEYS, NUMBERS, Stage, stage, to_confirm
from tests.support.till import PIN_CARD, RIGHT_PIN, Broken

AWAITS_MAX = 200
WRONG_PIN = "999"


class Faults:
    """Counts what is awaited behind a port, and breaks one of them: before it happens, or after."""

    def __init__(self, error: type[BaseException], at: int = 0, *, after: bool = False) -> None:
        self.error = error
        self.at = at
        self.after = after
        self.count = 0
        self.names: list[str] = []

    def around(self, port: object) -> Any:
        return _Faulty(port, self)

    async def guarded(self, name: str, work: Callable[[], Awaitable[object]]) -> object:
        self.count += 1
        self.names.append(name)
        mine = self.count == self.at
        if mine and not self.after:
            raise self.error(name)
        done = await work()
        if mine:
            raise self.error(name)
        return done


class _Faulty:
    def __init__(self, port: object, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> object:
        method = getattr(self._port, name)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *args, **kwargs: self._faults.guarded(name, lambda: method(*args, **kwargs))


class Hall:
    """A stage whose store and till are behind faults."""

    def __init__(self, redis: Redis, texts: Texts) -> None:
        self.on: Stage = stage(redis, texts)
        self._redis = redis

    def turns(self, faults: Faults) -> Turns:
        store = cast("Store", faults.around(RedisStore(self._redis)))
        performer = EffectPerformer(faults.around(self.on.till), Seals(MASTER_KEYS))
        return Turns(store, performer, self.on.clock, NUMBERS, zone=CASABLANCA)

    async def whole_call(self, faults: Faults) -> bool:
        """A card typed, confirmed and sent, its PIN missed and given. Whether a turn broke."""
        self.on.till.put(self._basket())
        call = self.on.call()
        call.turns = self.turns(faults)
        broke = False
        try:
            await call.dial(payment_id="p1")
            for typed in (PIN_CARD, EXPIRY, "1", CVV, None, WRONG_PIN, None, RIGHT_PIN, None):
                await call.say(typed)
                await landed(call.turns)
        except faults.error:
            broke = True
            assert await self.on.vault() == set(), faults.names[-3:]
        assert_hidden(await self.on.values(), PIN_CARD)
        with contextlib.suppress(faults.error):
            await call.turns.hang_up(call.dialog, CALLER, "ivr")
        assert await self.on.vault() == set(), faults.names[-3:]
        return broke

    def _basket(self) -> Payment:
        return next(iter(self.on.till.memory.payments.values()))


@pytest.fixture
async def hall(on: Stage, redis_url: str, texts: Texts) -> AsyncIterator[Hall]:
    """A basket waits for its card."""
    async with Redis.from_url(redis_url) as redis:
        made = Hall(redis, texts)
        made.on = on
        await (await to_confirm(on)).choose("pay")
        yield made


async def _begun_anew(hall: Hall) -> None:
    memory = hall.on.till.memory
    (payment,) = memory.payments.values()
    fresh = replace(payment, state=PaymentState.CREATED, attempts=0, challenge=None, auth_code=None, sent_at=None)
    hall.on.till.put(fresh)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Broken, StoreDown, asyncio.CancelledError])
async def test_a_fault_at_any_await_leaves_no_card(hall: Hall, error: type[BaseException], after: bool) -> None:
    untouched = Faults(error)
    assert not await hall.whole_call(untouched)
    assert {"load", "save", "authorise", "answer_challenge", "payment", "hang_up"} <= set(untouched.names)
    assert untouched.count < AWAITS_MAX
    broke = 0
    for at in range(1, untouched.count + 1):
        await _begun_anew(hall)
        broke += await hall.whole_call(Faults(error, at, after=after))
    assert broke >= 2 * len(("dial", CARD, EXPIRY, "1", CVV))  # each of these turns loads and saves


class _Held(RedisStore):
    """A store whose next save waits until it is told to go on."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.saving = asyncio.Event()
        self.go_on = asyncio.Event()

    async def save(self, key: Key, *args: Any, **kwargs: Any) -> bool:
        self.saving.set()
        await self.go_on.wait()
        return await super().save(key, *args, **kwargs)


@pytest.mark.parametrize(
    "typed_before", [(), (CARD,)], ids=["while the number is sealed", "while the expiry is sealed"]
)
async def test_a_hang_up_that_overtakes_a_turn_wins(hall: Hall, redis_url: str, typed_before: tuple[str, ...]) -> None:
    call = hall.on.call()
    await call.dial(payment_id="p1")
    for typed in typed_before:
        await call.key(typed)
    async with Redis.from_url(redis_url) as redis:
        held = _Held(redis)
        turns = Turns(held, EffectPerformer(hall.on.till, Seals(MASTER_KEYS)), hall.on.clock, NUMBERS, zone=CASABLANCA)
        heard = call.next_heard(EXPIRY if typed_before else CARD)
        turn = asyncio.create_task(turns.take(heard, call.speaker))
        await held.saving.wait()
        await hall.on.turns.hang_up(call.dialog, CALLER, "ivr")
        held.go_on.set()
        await turn
    assert await hall.on.vault() == set()


async def test_a_hang_up_told_twice_or_before_the_call_is_harmless(on: Stage) -> None:
    await (await to_confirm(on)).choose("pay")
    call = on.call()
    for _ in range(2):
        await on.turns.hang_up("another-call", CALLER, "ivr")
    await call.dial(payment_id="p1")
    await call.key(CARD)
    assert await on.vault() == {"number"}
    marks = {key: ttl_s for key, ttl_s in (await on.keys()).items() if key.endswith(":hung-up")}
    assert len(marks) == 1
    assert all(VAULT_TTL_S <= HUNG_UP_TTL_S and 0 < ttl_s <= HUNG_UP_TTL_S for ttl_s in marks.values())


async def test_the_record_of_a_call_that_hung_up_is_still_there_to_be_resumed(hall: Hall) -> None:
    call = hall.on.call()
    await call.dial(payment_id="p1")
    await call.key(CARD)
    await hall.on.turns.hang_up(call.dialog, CALLER, "ivr")
    again = hall.on.call()
    assert (await again.dial(payment_id="p1")).screen == "CardNumber"
    assert (await again.key(CARD)).screen == "CardExpiry"
    assert await hall.on.vault() == {"number"}


async def test_a_turn_costs_one_load_and_one_save(hall: Hall) -> None:
    """The mark of a hang-up is looked for inside the save: no round trip more."""
    faults = Faults(Broken)
    call = hall.on.call()
    call.turns = hall.turns(faults)
    await call.dial(payment_id="p1")
    await call.key(CARD, EXPIRY, "1")
    assert [name for name in faults.names if name in {"load", "save", "erase", "hang_up"}] == ["load", "save"] * 4


async def _with_keys(hall: Hall, keys: dict[str, bytes], redis: Redis) -> Turns:
    return Turns(RedisStore(redis), EffectPerformer(hall.on.till, Seals(keys)), hall.on.clock, NUMBERS, zone=CASABLANCA)


async def test_a_key_is_rotated_in_the_middle_of_a_call(hall: Hall, redis_url: str) -> None:
    old, new = {"k1": b"1" * 32}, {"k2": b"2" * 32}
    async with Redis.from_url(redis_url) as redis:
        call = hall.on.call()
        for keys, typed in ((old, None), (old, CARD), (new | old, EXPIRY), (new | old, "1"), (new | old, CVV)):
            call.turns = await _with_keys(hall, keys, redis)
            await (call.say(typed) if typed else call.dial(payment_id="p1"))
            await landed(call.turns)
        assert [sent.pan for sent in hall.on.till.memory.sent] == [CARD]


async def test_a_key_that_was_taken_away_charges_nothing(hall: Hall, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        call = hall.on.call()
        call.turns = await _with_keys(hall, {"k1": b"1" * 32}, redis)
        await call.dial(payment_id="p1")
        await call.key(CARD, EXPIRY, "1")
        call.turns = await _with_keys(hall, {"k2": b"2" * 32}, redis)
        answer = await call.key(CVV)
        assert (answer.screen, answer.page.text.splitlines()[0]) == ("CardNumber", "card-gone")
    assert hall.on.till.memory.sent == []
    assert await hall.on.vault() == set()
