"""Turns over a real Valkey: cheap, once only, the same for every copy."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from channels.ussd.speaker import UssdSpeaker
from core.languages import LanguageCode
from core.messaging.texts import Texts
from sessions.pages import Page
from sessions.screens.choosing import HandOver
from sessions.screens.journey import FIELD_TRIES_MAX, Runaway
from sessions.screens.opening import Opening
from sessions.screens.wallet import WalletAsked
from sessions.store.codec import Record
from sessions.store.pipeline import Asked, RedisConnection
from sessions.store.protocol import POINTER_TTL_S, SESSION_TTL_S, Key, StoreDown
from sessions.store.redis import RedisStore
from sessions.turn.inbound import stamp
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import RACES_MAX, Inbound, TurnAnswer, Turns
from sessions.vault import Seals
from tests.sessions.cards import CARD, to_card
from tests.sessions.fakes import CALLER, CASABLANCA, MASTER_KEYS, NUMBERS, Stage, stage, to_confirm, walk
from tests.sessions.samples import BASKET

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

    async def erased(_: RedisStore, key: Key) -> None:
        gone.append(key.dialog)

    gone: list[str] = []
    monkeypatch.setattr(RedisStore, "save", overtaken)
    monkeypatch.setattr(RedisStore, "erase", erased)
    phone = on.ussd()
    with pytest.raises(StoreDown, match="overtaking"):
        await phone.dial()
    assert (tried, gone) == (RACES_MAX, [phone.dialog])


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


async def kept(on: Stage, dialog: str) -> Record:
    record = (await RedisStore(on.redis).load(Key(CALLER, "ussd", dialog), begins=False, with_card=False)).record
    assert record is not None
    return record


async def test_a_record_counts_its_turns_and_marks_what_bears_no_number_alone(on: Stage) -> None:
    phone = on.ussd()
    for order, heard in enumerate((None, "1", "1", "1")):
        answer = await (phone.dial() if heard is None else phone.key(heard))
        record = await kept(on, phone.dialog)
        assert (answer.version, record.version, record.order) == (order + 1, order + 1, order)
        assert (record.mark, record.answered_ms, record.said_chars, record.said_mark) == (0, 0, 0, 0)
    await on.turns.take(Inbound("uncounted", CALLER, None), phone.speaker)
    record = await kept(on, "uncounted")
    assert (record.order, record.answered_ms) == (0, stamp(on.clock.now()))
    assert record.mark
    await on.turns.take(Inbound("joined", CALLER, 0, so_far=""), phone.speaker)
    record = await kept(on, "joined")
    assert (record.mark, record.answered_ms, record.said_chars) == (0, 0, 0)
    assert record.said_mark


async def test_a_session_that_was_lost_goes_on_from_the_request_s_order(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    await phone.choose("fr")
    await on.redis.flushdb()
    phone.order = 40
    begun = await phone.key("1")
    assert (begun.version, (await kept(on, phone.dialog)).order) == (42, 41)
    assert (await phone.choose("mobile")).screen == "Reference"
    assert (await kept(on, phone.dialog)).version == 43


async def test_a_page_is_drawn_once_and_read_by_the_turn_that_follows(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = 0
    page = UssdSpeaker.page

    def counted(*told: Any) -> Page:
        nonlocal drawn
        drawn += 1
        return page(*told)

    monkeypatch.setattr(UssdSpeaker, "page", counted)
    phone = on.ussd()
    await phone.dial()
    for turns, typed in enumerate(("1", "1", "1"), 2):
        await phone.key(typed)
        assert drawn == turns
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
    phone.turns = Turns(RedisStore(on.redis), performer, on.clock, NUMBERS, zone=CASABLANCA)
    for _ in range(3):
        await phone.again()
        assert drawn == 5, "another process draws it once"


async def test_what_became_of_a_request_is_counted_by_one_word(on: Stage) -> None:
    phone = await to_confirm(on)
    dialled = await on.ussd("+212600000009").dial()
    assert (dialled.outcome, dialled.came_from, (await phone.again()).outcome) == ("answered", "", "replayed")
    left = await phone.choose("pay")
    assert (left.outcome, left.screen, left.came_from) == ("ended", "HandOver", "ConfirmTotal")
    again = await phone.again()
    assert (again.outcome, again.came_from) == ("replayed", "")
    assert left.words is left.page.words
    bare = TurnAnswer(left.page, "Help", LanguageCode.FR, 1, ends=False)
    assert (bare.outcome, bare.came_from) == ("answered", "")


@pytest.mark.parametrize("checks", [True, False])
async def test_a_number_with_a_wrong_check_digit_is_asked_again_unless_nothing_is_checked(
    on: Stage, checks: bool
) -> None:
    call = await to_card(on)
    if not checks:
        performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
        call.turns = Turns(RedisStore(on.redis), performer, on.clock, NUMBERS, zone=CASABLANCA, check_luhn=False)
    assert (await call.key(f"{CARD[:-1]}1")).screen == ("CardNumber" if checks else "CardExpiry")


@pytest.mark.parametrize("utf8", [False, True])
async def test_an_address_beyond_ascii_is_taken_where_it_is_said(on: Stage, utf8: bool) -> None:
    till = EffectPerformer(on.till, Seals(MASTER_KEYS))
    told = {"mail_utf8": True} if utf8 else {}
    on.turns = Turns(RedisStore(on.redis), till, on.clock, NUMBERS, zone=CASABLANCA, **told)  # type: ignore[arg-type]
    phone = await to_confirm(on)
    await phone.choose("email")
    assert (await phone.key("h\u00e9l\u00e8ne@example.com")).screen == ("ConfirmTotal" if utf8 else "Email")


async def test_a_session_that_rests_before_its_first_screen_is_our_fault(on: Stage) -> None:
    key = Key(CALLER, "ussd", "d0")
    assert await RedisStore(on.redis).save(key, Record(1, 1, Opening()), expected=0, seal={}, erase=False)
    with pytest.raises(Runaway):
        await on.turns.take(Inbound("d0", CALLER, 1, "1"), on.ussd().speaker)


async def test_a_wallet_that_waits_for_the_dialog_is_told_when_the_line_is_dead(on: Stage) -> None:
    over: list[str] = []

    class Waiting(EffectPerformer):
        async def dialog_over(self, payment_id: str) -> None:
            over.append(payment_id)

    store = RedisStore(on.redis)
    turns = Turns(store, Waiting(on.till, Seals(MASTER_KEYS)), on.clock, NUMBERS, zone=CASABLANCA)
    for dialog, screen in (("d1", WalletAsked(BASKET, "Neqdi", CALLER)), ("d2", HandOver(BASKET))):
        assert await store.save(Key(CALLER, "ussd", dialog), Record(1, 1, screen), expected=0, seal={}, erase=False)
    for dialog in ("d1", "d2", "d3"):
        await turns.hang_up(dialog, CALLER, "ussd")
    assert over == [BASKET.payment_id]


async def test_digits_that_may_have_been_heard_twice_count_once_they_are_typed_so_again(on: Stage) -> None:
    call = on.call("+212600000009")
    await call.dial()
    for option in ("fr", "mobile"):
        await call.choose(option)
    await call.key("0600000001")
    assert call.screen == "PaymentCode"
    await call.key("7")  # a wrong answer, which is no question whether it was heard twice
    for asked, tried in ((True, 0), (False, 1), (True, 1), (False, 2)):
        if call.screen == "PaymentCode":
            await call.key("11223344")
        assert (("heard-twice" in call.page.text), on.till.calls["identify"]) == (asked, tried)
