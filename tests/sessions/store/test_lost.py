"""Sessions lost and dropped, faults of the till and the store: nothing is lost, nothing is done twice."""

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.payments.refusal import Refusal
from core.payments.table import PaymentState
from sessions.screens.ending import Goodbye, Help
from sessions.screens.journey import STEPS_MAX, Runaway
from sessions.screens.opening import Opening
from sessions.store.codec import Record, encode
from sessions.store.protocol import SESSION_TTL_S, Key, StoreDown
from sessions.store.redis import RedisStore
from sessions.turn.turns import Inbound
from tests.sessions.fakes import CALLER, Stage, stage, to_confirm
from tests.support.till import Broken


async def test_a_lost_session_begins_again_within_its_dialog(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("own:0")
    await on.redis.flushall()
    answer = await phone.key("1")
    assert answer.screen == "Service"
    assert not answer.replayed
    assert (await phone.choose("own:0")).screen == "Terms"


async def test_versions_never_fall_back(on: Stage) -> None:
    """Wires count by them, idempotency keys hold them: a lost session must not meet its own past."""
    phone = await to_confirm(on)
    assert phone.answer is not None
    before = phone.answer.version
    await on.redis.flushall()
    answer = await phone.key("1")
    assert answer.version > before
    await phone.choose("own:0")
    await phone.choose("pay")
    await phone.choose("pay")
    assert len(set(on.till.memory.by_key)) == 1


@pytest.mark.parametrize("damage", [b"", b"garbage", b"3|\xc1", b"3|" + encode(Record(3, 2, Opening()))[:-3]])
async def test_a_session_that_cannot_be_read_counts_as_lost(on: Stage, damage: bytes) -> None:
    phone = on.ussd()
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("own:0")
    await on.redis.set(Key(CALLER, "ussd", phone.dialog).record, damage, ex=60)
    answer = await phone.key("1")
    assert answer.screen == "Service"


async def test_a_dropped_dialog_is_offered_again(on: Stage) -> None:
    await to_confirm(on)
    again = on.ussd()
    offered = await again.dial()
    assert offered.screen == "Resume"
    assert offered.page.text.splitlines()[1:] == ["1. Continuer", "2. Recommencer"]
    assert "0600000001" in offered.page.text
    assert (await again.key("1")).screen == "ConfirmTotal"
    await again.choose("pay")
    assert on.till.only_payment().amount_centimes == 76920


async def test_or_begun_anew(on: Stage) -> None:
    await to_confirm(on)
    again = on.ussd()
    await again.dial()
    assert (await again.key("2")).screen == "Service"


async def test_a_dialog_dropped_at_the_offer_is_offered_still(on: Stage) -> None:
    await to_confirm(on)
    for _ in range(3):
        again = on.ussd()
        assert (await again.dial()).screen == "Resume"
    assert (await again.key("1")).screen == "ConfirmTotal"


async def test_not_after_ten_minutes(on: Stage) -> None:
    phone = await to_confirm(on)
    record = Key(CALLER, "ussd", phone.dialog).record
    assert 0 < await on.redis.ttl(record) <= SESSION_TTL_S == 600
    await on.redis.pexpireat(record, 1)  # what Valkey does when that time is over
    assert (await on.ussd().dial()).screen == "Service"


async def test_not_on_a_channel_whose_number_may_be_forged(on: Stage) -> None:
    call = on.call()
    await call.dial()
    await call.choose("fr")
    await call.choose("own:0")
    assert call.screen == "PaymentCode"
    assert (await on.call().dial()).screen == "Service"


async def test_an_open_payment_is_offered_when_all_of_redis_is_lost(on: Stage) -> None:
    phone = await to_confirm(on)
    await phone.choose("pay")
    await on.redis.flushall()
    again = on.ussd()
    offered = await again.dial()
    assert offered.screen == "Resume"
    assert "769,20 DH" in offered.page.text
    assert (await again.key("1")).screen == "HandOver"
    assert on.till.calls["request_call"] == 2
    assert len(on.till.memory.payments) == 1


async def test_starting_over_gives_the_basket_up(on: Stage) -> None:
    phone = await to_confirm(on)
    await phone.choose("pay")
    again = on.ussd()
    await again.dial()
    assert (await again.key("2")).screen == "Service"
    assert on.till.only_payment().state is PaymentState.EXPIRED


async def test_what_was_paid_meanwhile_is_not_offered(on: Stage) -> None:
    phone = await to_confirm(on)
    await phone.choose("pay")
    on.till.become("p1", PaymentState.CAPTURED)
    assert (await on.ussd().dial()).screen == "Service"


@pytest.mark.parametrize("state", [PaymentState.UNKNOWN, PaymentState.SENDING, PaymentState.CHALLENGE])
async def test_what_may_be_charged_is_not_paid_again(on: Stage, state: PaymentState) -> None:
    phone = await to_confirm(on)
    await phone.choose("pay")
    on.till.become("p1", state)
    again = on.ussd()
    answer = await again.dial()
    assert answer.screen == "Unknown"
    assert "Ne payez pas" in answer.page.text
    assert (await again.choose("other")).screen == "Service"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("remember_language", ()),
        ("unpaid", ("fr", "own:0")),
        ("accept_terms", ("fr", "own:0")),
        ("start", ("fr", "own:0", "accept", "pay")),
        ("request_call", ("fr", "own:0", "accept", "pay")),
    ],
)
async def test_a_fault_of_the_till_loses_nothing(on: Stage, name: str, options: tuple[str, ...]) -> None:
    following = {"remember_language": "fr", "unpaid": "accept", "accept_terms": "accept"}
    phone = on.ussd()
    await phone.dial()
    for option in options:
        await phone.choose(option)
    before = phone.page.text
    on.till.memory.broken.add(name)
    with pytest.raises(Broken):
        await phone.choose(following.get(name, "pay"))
    on.till.memory.broken.clear()
    answer = await phone.again()  # the gateway repeats the request that failed
    assert not answer.replayed
    assert answer.page.text != before
    assert len(on.till.memory.payments) <= 1


async def test_a_store_that_is_away_says_so(texts: Texts) -> None:
    async with Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)) as nowhere:
        on = stage(nowhere, texts)
        with pytest.raises(StoreDown):
            await on.ussd().dial()
        with pytest.raises(StoreDown):
            await on.turns.hang_up("d", CALLER, "ivr")
        with pytest.raises(StoreDown):
            await RedisStore(nowhere).save(
                Key(CALLER, "ussd", "d"),
                Record(1, 0, Help()),
                expected=0,
                seal={},
                erase=False,
            )
        assert not on.till.memory.payments


async def test_a_turn_that_would_not_end_is_our_fault(on: Stage) -> None:
    phone = await to_confirm(on)
    on.till.memory.refusals |= {"start": Refusal.BILLS_CHANGED, "unpaid": Refusal.BILLS_CHANGED}
    with pytest.raises(Runaway):
        await phone.choose("pay")
    assert on.till.calls["unpaid"] <= STEPS_MAX
    on.till.memory.refusals.clear()
    assert (await phone.again()).screen == "HandOver"


async def test_a_session_at_rest_on_no_screen_is_our_fault(on: Stage) -> None:
    key = Key(CALLER, "ussd", "odd")
    await RedisStore(on.redis).save(key, Record(1, 0, Opening()), expected=0, seal={}, erase=False)
    with pytest.raises(Runaway, match="no screen"):
        await on.turns.take(Inbound("odd", CALLER, 1, "1"), on.ussd().speaker)


async def test_a_record_that_another_process_saved_is_read(on: Stage, redis_url: str) -> None:
    key, here = Key(CALLER, "ussd", "shared"), RedisStore(on.redis)
    first, second = Record(1, 0, Help()), Record(2, 1, Goodbye("bye"), LanguageCode.AR)
    assert await here.save(key, first, expected=0, seal={}, erase=False)
    kept = (await here.load(key, begins=False, with_card=False)).record
    assert kept is first, "what was saved here is not read again"
    async with Redis.from_url(redis_url) as redis:
        assert await RedisStore(redis).save(key, second, expected=1, seal={}, erase=False)
    loaded = await here.load(key, begins=False, with_card=False)
    assert (loaded.record, loaded.version) == (second, 2)
    assert not await here.save(key, second, expected=1, seal={}, erase=False)
    assert (await here.load(key, begins=False, with_card=False)).record == second
    await on.redis.delete(key.record)
    assert (await here.load(key, begins=False, with_card=False)).record is None


async def test_a_chosen_language_stays(on: Stage) -> None:
    """The caller's own choice, whatever the basket that is quoted was begun in."""
    await (await to_confirm(on)).choose("pay")
    call = on.call("+212600000009")
    await call.dial()
    await call.choose("en")
    await call.choose("basket")
    await call.key("110001")
    answer = await call.key("0600000001")
    assert answer.screen == "CardNumber"
    assert answer.language is LanguageCode.EN
