"""Turns over a real Valkey: cheap, once only, the same for every copy."""

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from core.messaging.texts import Texts
from sessions.screens.journey import FIELD_TRIES_MAX
from sessions.store.pipeline import Asked, RedisConnection
from sessions.store.protocol import POINTER_TTL_S, SESSION_TTL_S, Key, StoreDown
from sessions.store.redis import RedisStore
from sessions.turn.turns import RACES_MAX, Inbound
from tests.sessions.fakes import CALLER, Stage, stage, to_confirm, walk

COPIES = 20


class Trips:
    """Counts round trips: the store sends everything together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trips = 0
        ask = RedisConnection.ask

        def counted(line: RedisConnection, packed: bytes, asked: Sequence[Asked]) -> None:
            self.trips += 1
            ask(line, packed, asked)

        monkeypatch.setattr(RedisConnection, "ask", counted)


async def test_a_turn_is_two_round_trips_and_one_where_only_the_screen_moves(
    redis_url: str, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Redis.from_url(redis_url) as client:
        redis = Trips(monkeypatch)
        on = stage(client, texts)
        phone = on.ussd()
        async for _ in walk(on.ussd("+212600000009"), "fr", "mobile"):
            pass  # loads the scripts
        await phone.dial()
        for option, trips in (("fr", 2), ("own:0", 1), ("accept", 2), ("pay", 1), ("pay", 2)):
            redis.trips = 0
            await phone.choose(option)
            assert redis.trips == trips, option
        redis.trips = 0
        await phone.again()
        assert redis.trips == 1
        call = on.call("+212600000007")
        await call.dial()
        redis.trips = 0
        await call.key("1")
        assert redis.trips == 2


async def test_scripts_flushed_under_way_do_no_harm(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    await on.redis.script_flush()
    assert (await phone.choose("fr")).screen == "Service"


async def test_every_key_lives_for_a_named_time(on: Stage) -> None:
    phone = on.ussd()
    async for _ in walk(phone, "fr", "own:0", "accept", "pay", "email"):
        keys = await on.keys()
        assert len(keys) == 2
        for name, ttl_s in keys.items():
            most = SESSION_TTL_S if name.endswith(phone.dialog) else POINTER_TTL_S
            assert most - 60 < ttl_s <= most


async def test_each_turn_gives_the_session_its_time_again(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    record = Key(CALLER, "ussd", phone.dialog).record
    await on.redis.expire(record, 5)
    await phone.choose("fr")
    assert await on.redis.ttl(record) > SESSION_TTL_S - 60


async def test_a_repeat_gets_the_same_page_and_does_nothing(on: Stage) -> None:
    phone = on.ussd()
    async for first in walk(phone, "fr", "own:0", "accept", "pay", "pay"):
        done = on.till.calls.copy()
        for _ in range(3):
            again = await phone.again()
            assert again.replayed
            assert (again.page.text, again.screen, again.ends, again.version) == (
                first.page.text,
                first.screen,
                first.ends,
                first.version,
            )
        assert on.till.calls == done


async def test_a_repeat_of_a_wrong_answer_costs_no_second_try(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    first = await phone.key("7")
    for _ in range(FIELD_TRIES_MAX):
        assert (await phone.again()).page.text == first.page.text
    assert phone.screen == "Language"
    assert "Choix incorrect" in first.page.text


async def test_a_late_copy_answers_the_current_page(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    await phone.choose("fr")
    current = await phone.choose("own:0")
    done = on.till.calls.copy()
    late = await phone.late()
    assert late.replayed
    assert late.page.text == current.page.text
    assert on.till.calls == done


async def test_after_the_end_nothing_happens_any_more(on: Stage) -> None:
    phone = await to_confirm(on)
    last = await phone.choose("pay")
    done = on.till.calls.copy()
    assert (await phone.again()).page.text == last.page.text
    further = await phone.key("1")  # a new request of a dialog that is over
    assert further.page.text == last.page.text
    assert further.ends
    assert on.till.calls == done


async def test_twenty_copies_at_once_start_one_payment(on: Stage) -> None:
    phone = await to_confirm(on)
    heard = phone.next_heard("1")
    answers = await asyncio.gather(*(on.turns.take(heard, phone.speaker) for _ in range(COPIES)))
    assert {answer.page.text for answer in answers} == {answers[0].page.text}
    assert {answer.screen for answer in answers} == {"HandOver"}
    assert sum(not answer.replayed for answer in answers) == 1
    assert len(on.till.memory.payments) == 1
    assert len(on.till.memory.by_key) == 1


async def test_twenty_dials_at_once_are_one_dialog(on: Stage) -> None:
    phone = on.ussd()
    heard = Inbound("same", CALLER, 0, begins=True)
    answers = await asyncio.gather(*(on.turns.take(heard, phone.speaker) for _ in range(COPIES)))
    assert {answer.screen for answer in answers} == {"Language"}
    assert len(await on.keys()) == 2


async def test_a_race_that_never_ends_is_the_stores_fault(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0

    async def overtaken(*_: object, **__: object) -> bool:
        nonlocal tried
        tried += 1
        return False

    monkeypatch.setattr(RedisStore, "save", overtaken)
    with pytest.raises(StoreDown, match="overtaking"):
        await on.ussd().dial()
    assert tried == RACES_MAX


async def test_many_customers_at_once_do_not_meet(on: Stage) -> None:
    async def one(number: int) -> str:
        phone = on.ussd(f"+2126000{number:05d}")
        await phone.dial()
        await phone.choose(["fr", "ar", "en"][number % 3])
        await phone.choose("mobile")
        await phone.key("0600000001")
        await phone.key("482913")
        await phone.choose("accept")
        await phone.choose("pay")
        return phone.page.text

    texts = await asyncio.gather(*(one(number) for number in range(1000, 1030)))
    assert len(set(texts)) == 30
    assert len(on.till.memory.payments) == 30
