"""A record that this process saved last is guessed, not loaded: nothing may come of it that a load would not bring."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from core.cards import Secret
from core.messaging.texts import Texts
from sessions.store.forget import RedisConversations
from sessions.store.protocol import Guessed, Key
from sessions.store.redis import RedisStore
from sessions.turn.effects import AnswerChallenge, Cancel, HoldNumber, Look, Recall, RingBack
from sessions.turn.perform import DialogKey, EffectPerformer, RecordUncertain
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.sessions.cards import CARD, EXPIRY, to_card
from tests.sessions.fakes import CALLER, CASABLANCA, MASTER_KEYS, NUMBERS, Converse, Stage, stage, walk
from tests.support.till import bill

STEPS_MAX = 14


class Loading(RedisStore):
    """A store that never guesses: what every turn was before."""

    def guess(self, key: Key) -> Guessed | None:
        return None


class Slow(RedisStore):
    """Its saves over a guess wait until they are told to go on."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.saving = asyncio.Event()
        self.go_on = asyncio.Event()

    async def save_over(self, key: Key, *args: Any, **kwargs: Any) -> bool:
        self.saving.set()
        await self.go_on.wait()
        return await super().save_over(key, *args, **kwargs)


@dataclass(slots=True)
class Guesses:
    """What came of them."""

    held: int = 0
    failed: int = 0


def watched(monkeypatch: pytest.MonkeyPatch) -> Guesses:
    """Counts the guesses of every store that came true, and those that did not."""
    told = Guesses()
    save_over = RedisStore.save_over

    async def counted(store: RedisStore, *args: Any) -> bool:
        saved = await save_over(store, *args)
        told.held += saved
        told.failed += not saved
        return saved

    monkeypatch.setattr(RedisStore, "save_over", counted)
    return told


def worker(on: Stage, store: RedisStore | None = None) -> Turns:
    """One more process that serves the same customers."""
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
    return Turns(store or RedisStore(on.redis), performer, on.clock, NUMBERS, zone=CASABLANCA)


async def at_the_list(on: Stage) -> Converse:
    """A caller at the list of three bills, each of whose steps this process has saved."""
    on.till.memory.bills["0600000001"] = tuple(bill(f"b{n}", 3 + n, 10_000 + n) for n in range(3))
    phone = on.ussd()
    async for _ in walk(phone, "fr", "own:0", "accept"):
        pass
    assert phone.screen == "PickInvoices"
    return phone


async def test_a_tick_goes_on_from_what_was_saved_here(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told = watched(monkeypatch)
    phone = await at_the_list(on)
    before, held = phone.page.text, told.held
    await phone.key("2")
    assert phone.page.text != before
    assert (told.held, told.failed) == (held + 1, 0)


async def test_a_copy_that_another_worker_answered_is_no_second_key(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = await at_the_list(on)
    told = watched(monkeypatch)
    heard = phone.next_heard("2")
    first = await worker(on).take(heard, phone.speaker)
    again = await on.turns.take(heard, phone.speaker)
    assert (again.replayed, again.page.text, again.version) == (True, first.page.text, first.version)
    assert (told.held, told.failed) == (0, 1)


async def test_a_wrong_guess_does_nothing_that_is_not_undone(on: Stage) -> None:
    """The total is confirmed at another worker; its copy comes to the one that remembers the question."""
    phone = await at_the_list(on)
    await phone.choose("pay")
    assert phone.screen == "ConfirmTotal"
    heard = phone.next_heard("1")
    await worker(on).take(heard, phone.speaker)
    done = on.till.calls.copy()
    assert done["start"] == 1
    again = await on.turns.take(heard, phone.speaker)
    assert again.replayed
    assert on.till.calls == done


async def test_what_another_worker_moved_on_is_not_answered_as_it_was(on: Stage) -> None:
    """Two keys further: the order tells that this process has missed one."""
    phone = await at_the_list(on)
    phone.turns, here = worker(on), phone.turns
    await phone.key("2")
    phone.turns = here
    await phone.key("3")
    assert phone.page.text.count("[x]") == 1


async def test_a_late_copy_is_answered_of_what_is_stored(on: Stage) -> None:
    """Not of what this process remembers: the dialog has moved on elsewhere."""
    phone = await at_the_list(on)
    late = phone.heard
    assert late is not None
    current = await worker(on).take(phone.next_heard("2"), phone.speaker)
    answer = await on.turns.take(late, phone.speaker)
    assert (answer.replayed, answer.page.text, answer.version) == (True, current.page.text, current.version)


async def test_copies_at_two_workers_press_one_key(on: Stage) -> None:
    phone = await at_the_list(on)
    workers = (on.turns, worker(on))
    for _ in range(6):
        heard = phone.next_heard("2")
        answers = await asyncio.gather(*(workers[n % 2].take(heard, phone.speaker) for n in range(8)))
        assert sum(not answer.replayed for answer in answers) == 1
        assert len({answer.page.text for answer in answers}) == 1
        phone.answer = answers[0]


async def test_a_flushed_redis_begins_anew(on: Stage) -> None:
    phone = await at_the_list(on)
    await on.redis.flushall()
    answer = await phone.key("2")
    assert (answer.screen, answer.replayed) == ("Service", False)


async def test_what_was_forgotten_by_law_does_not_come_back(on: Stage) -> None:
    phone = await at_the_list(on)
    await phone.key("2")
    assert await RedisConversations(on.redis).forget(CALLER) == 2
    answer = await phone.key("3")
    assert answer.screen == "Service"
    assert b"b1" not in await on.values()


async def test_a_call_that_hangs_up_meanwhile_keeps_no_card(on: Stage, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        slow = Slow(redis)
        call = await to_card(on)
        call.turns = worker(on, slow)
        await call.dial(payment_id="p1")
        turn = asyncio.create_task(call.key("12"))  # no card's number: only the question comes again
        await slow.saving.wait()
        await on.turns.hang_up(call.dialog, CALLER, "ivr")
        slow.go_on.set()
        assert (await turn).screen == "CardNumber"
        assert await on.vault() == set()
        assert (await call.key(CARD)).screen == "CardExpiry"
        assert await on.vault() == set(), "the call is over"


async def test_nothing_of_a_card_is_remembered(on: Stage, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        store = RedisStore(redis)
        call = await to_card(on)
        call.turns = worker(on, store)
        await call.dial(payment_id="p1")
        key = Key(CALLER, "ivr", call.dialog)
        assert store.guess(key) is not None
        for typed in (CARD, "x", EXPIRY, "x", "1", "x"):  # kept, and asked again
            await call.say(typed)
            assert store.guess(key) is None, (typed, call.screen)


@pytest.mark.parametrize(
    "effect", [Recall(), Look("p1"), Cancel("p1"), RingBack("p1"), HoldNumber(Secret(CARD))], ids=lambda one: str(one)
)
async def test_no_effect_is_performed_on_a_guess(on: Stage, effect: Any) -> None:
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
    place = DialogKey(Key(CALLER, "ivr", "d"), 3, {}, guessed=True)
    visit: Any = None
    with pytest.raises(RecordUncertain):
        await performer.perform(effect, visit, place)
    with pytest.raises(RecordUncertain):
        performer.card_for(AnswerChallenge("p1", Secret("123")), place)
    assert not on.till.calls


# --- any conversation, at any workers --------------------------------------------------------------------------------


@pytest.fixture
async def empty(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.mark.parametrize("seed", range(8))
async def test_whoever_serves_a_step_the_conversation_is_the_same(
    empty: Redis, texts: Texts, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Keys at random, each to one of two workers, with copies and a Redis that is lost: as one that always loads."""
    told = watched(monkeypatch)
    expected = await _conversation(empty, texts, seed, guesses=False)
    assert told.held == 0
    await empty.flushall()
    assert await _conversation(empty, texts, seed, guesses=True) == expected
    assert told.held > 0


async def _conversation(redis: Redis, texts: Texts, seed: int, *, guesses: bool) -> list[object]:
    """All that was answered, and all that the till was asked."""
    chance, kind = random.Random(seed), RedisStore if guesses else Loading
    on = stage(redis, texts)
    workers = [worker(on, kind(redis)) for _ in range(2)]
    on.turns = workers[0]
    phone = await at_the_list(on)
    told: list[object] = [phone.page.text]
    for _ in range(STEPS_MAX):
        phone.turns = chance.choice((workers[0], workers[0], workers[1]))
        answer = await phone.key(chance.choice([*sorted(phone.page.meaning), "2", "2", "7"]))
        told.append((answer.page.text, answer.screen, answer.version, answer.replayed))
        if chance.random() < 0.4:
            phone.turns = chance.choice(workers)
            late = await phone.again()
            told.append((late.page.text, late.version, late.replayed))
        if chance.random() < 0.1:
            await redis.flushall()
        if answer.ends:
            break
    return [*told, sorted(on.till.calls.items())]
