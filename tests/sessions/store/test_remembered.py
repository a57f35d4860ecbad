"""What a process remembers of the records it saved: the very bytes or nothing, bounded, no longer than Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from sessions.screens.ending import Goodbye, Help
from sessions.store.codec import Record
from sessions.store.protocol import SESSION_TTL_S, Key, StoreDown
from sessions.store.redis import RedisStore
from tests.sessions.fakes import CALLER, Stage
from tests.support.waiting import until

FIRST, SECOND = Record(1, 0, Help()), Record(2, 1, Goodbye())


def key(dialog: str) -> Key:
    return Key(CALLER, "ussd", dialog)


async def saved(store: RedisStore, at: Key, record: Record, expected: int = 0) -> None:
    assert await store.save(at, record, expected=expected, seal={}, erase=False)


@pytest.fixture
async def elsewhere(redis_url: str) -> AsyncIterator[RedisStore]:
    """Another process's store in the same Redis."""
    async with Redis.from_url(redis_url) as redis:
        yield RedisStore(redis)


async def test_a_record_is_saved_over_the_one_that_was_saved_here(on: Stage, elsewhere: RedisStore) -> None:
    store, at = RedisStore(on.redis), key("d")
    await saved(store, at, FIRST)
    await on.redis.expire(at.record, 5)
    guessed = store.guess(at)
    assert guessed is not None
    assert guessed.record is FIRST
    assert await store.save_over(at, guessed, SECOND)
    assert await on.redis.ttl(at.record) > SESSION_TTL_S - 60
    assert (await elsewhere.load(at, begins=False, with_card=False)).record == SECOND
    again = store.guess(at)
    assert again is not None
    assert again.record is SECOND


async def test_another_record_of_the_same_version_is_not_the_guessed_one(on: Stage, elsewhere: RedisStore) -> None:
    """Redis was lost and the dialog began anew elsewhere: it has come as far, and is another one."""
    store, at, other = RedisStore(on.redis), key("d"), Record(1, 0, Goodbye())
    await saved(store, at, FIRST)
    await on.redis.delete(at.record)
    await saved(elsewhere, at, other)
    guessed = store.guess(at)
    assert guessed is not None
    assert not await store.save_over(at, guessed, SECOND)
    assert store.guess(at) is None, "a wrong guess is not made twice"
    assert (await store.load(at, begins=False, with_card=False)).record == other


async def test_what_is_gone_from_redis_is_not_saved_over(on: Stage) -> None:
    store, at = RedisStore(on.redis), key("d")
    await saved(store, at, FIRST)
    await on.redis.delete(at.record)
    guessed = store.guess(at)
    assert guessed is not None
    assert not await store.save_over(at, guessed, SECOND)
    assert await on.redis.get(at.record) is None


async def test_a_failed_save_leaves_nothing_to_guess(on: Stage, elsewhere: RedisStore) -> None:
    store, at = RedisStore(on.redis), key("d")
    await saved(store, at, FIRST)
    await saved(elsewhere, at, SECOND, expected=1)
    assert not await store.save(at, SECOND, expected=1, seal={}, erase=False)
    assert store.guess(at) is None


@pytest.mark.parametrize("erase", [True, False])
async def test_where_a_card_comes_or_goes_nothing_is_remembered(on: Stage, erase: bool) -> None:
    store, at = RedisStore(on.redis), key("d")
    await saved(store, at, FIRST)
    seal = {} if erase else {"number": b"sealed"}
    assert await store.save(at, SECOND, expected=1, seal=seal, erase=erase)
    assert store.guess(at) is None


async def test_the_records_kept_are_bounded_by_count(on: Stage) -> None:
    store = RedisStore(on.redis, records_max=2)
    for n in range(4):
        await saved(store, key(str(n)), FIRST)
    assert [store.guess(key(str(n))) is not None for n in range(4)] == [False, False, True, True]
    assert (await store.load(key("0"), begins=False, with_card=False)).record == FIRST


async def test_and_by_bytes(on: Stage) -> None:
    other = RedisStore(on.redis)
    await saved(other, key("of its own"), FIRST)
    guessed = other.guess(key("of its own"))
    assert guessed is not None
    store = RedisStore(on.redis, records_bytes_max=3 * len(guessed.payload))
    for n in range(6):
        await saved(store, key(str(n)), FIRST)
    assert [store.guess(key(str(n))) is not None for n in range(6)] == [False, False, False, True, True, True]


async def test_and_by_a_session_s_time(on: Stage) -> None:
    store = RedisStore(on.redis, ttl_s=1)
    await saved(store, key("0"), FIRST)
    await saved(store, key("1"), FIRST)
    await until(lambda: len(store._saved) == 0)
    assert store.guess(key("0")) is None
    await saved(store, key("2"), FIRST)
    assert len(store._saved) == 1


async def test_a_store_that_goes_away_at_a_guess_says_so(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    store, at = RedisStore(on.redis), key("d")
    await saved(store, at, FIRST)
    guessed = store.guess(at)
    assert guessed is not None

    async def lost(*_: object) -> None:
        raise ConnectionLost

    monkeypatch.setattr(store._pipe, "run", lost)
    with pytest.raises(StoreDown):
        await store.save_over(at, guessed, SECOND)
