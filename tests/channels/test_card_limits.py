"""Nobody tries stolen cards here: what is sent is counted by call, caller and card, and uncounted nothing is sent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from channels.limits import LimitsDown, RedisCardLimits
from core.cards import Card, Secret, luhn
from core.messaging.texts import load_texts
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import CardLimits, CardTold, DeclineKind
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer, card_told
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.sessions.cards import CARD, CVV, landed, to_cvv
from tests.sessions.fakes import CASABLANCA, MASTER_KEYS, NUMBERS, Stage, stage

CALLER, OTHER = "+212600000001", "+212600000009"
KEY = b"k" * 32


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def limits(redis: Redis) -> CardLimits:
    return RedisCardLimits(redis, KEY)


def pan(number: int) -> str:
    stem = f"453201{number:09d}"
    return next(stem + digit for digit in "0123456789" if luhn(stem + digit))


def card(number: int) -> Card:
    return Card(Secret(pan(number)), 12, 2028)


async def sent(limits: CardLimits, times: int, call: str = "c{n}", caller: str = CALLER, number: str = "{n}") -> int:
    """How many of so many tries would be sent; {n} changes with each."""
    tries = [(call.format(n=n), caller.format(n=n), card(int(number.format(n=n)))) for n in range(times)]
    return sum([await limits.allow(*each) for each in tries])


async def test_a_call_sends_so_many_cards(limits: CardLimits) -> None:
    assert await sent(limits, 20, call="one", caller="+2126{n:08}") == RedisCardLimits.CALL_SENT


async def test_a_caller_sends_so_many_in_an_hour_and_a_day(limits: CardLimits, redis: Redis) -> None:
    assert await sent(limits, 50) == RedisCardLimits.CALLER_SENT
    assert await limits.allow("another", OTHER, card(99))
    days = 0
    for hour in range(24):
        await redis.delete(f"kh:{{limit:cards}}:caller:{CALLER}")
        days += await sent(limits, 20, call=f"h{hour}-{{n}}", number=f"{hour + 1}{{n:02}}")
    assert days + RedisCardLimits.CALLER_SENT == RedisCardLimits.CALLER_DAY_SENT


async def test_a_card_is_tried_so_often_whoever_calls(limits: CardLimits) -> None:
    assert await sent(limits, 20, caller="+2126{n:08}", number="7") == RedisCardLimits.CARD_SENT
    assert await limits.allow("another", OTHER, card(8))


async def tried(limits: CardLimits, what: CardTold, times: int) -> int:
    """How many payments in a row by one card, in one call, by one caller, each told so."""
    passed = 0
    for n in range(times):
        if not await limits.allow("one", CALLER, card(1)):
            break
        await limits.sending(f"p{n}", "one", CALLER, card(1))
        await limits.told(f"p{n}", what)
        await limits.told(f"p{n}", CardTold.NOTHING)  # told again it gives nothing back
        passed += 1
    return passed


async def test_a_household_pays_twenty_bills_by_one_card_in_an_evening(limits: CardLimits) -> None:
    assert await tried(limits, CardTold.NOTHING, 20) == 20


class PatientWithCallers(RedisCardLimits):
    CALL_SENT, CALLER_SENT, CALLER_DAY_SENT = 100, 100, 100


async def test_declines_are_counted_and_tries_without_an_end_less_so(limits: CardLimits, redis: Redis) -> None:
    assert await tried(limits, CardTold.DECLINED, 20) == RedisCardLimits.CARD_SENT
    await redis.flushall()
    assert await tried(PatientWithCallers(redis, KEY), CardTold.UNDECIDED, 20) == RedisCardLimits.CARD_ALL_SENT


@pytest.mark.parametrize(
    ("state", "kind", "what"),
    [
        (PaymentState.CAPTURED, None, CardTold.NOTHING),
        (PaymentState.DECLINED, DeclineKind.OTHER_CARD, CardTold.DECLINED),
        (PaymentState.DECLINED, DeclineKind.NEUTRAL, CardTold.DECLINED),
        (PaymentState.DECLINED, DeclineKind.PIN, CardTold.DECLINED),
        (PaymentState.DECLINED, DeclineKind.BANK_BUSY, CardTold.NOTHING),
        (PaymentState.DECLINED, DeclineKind.OUR_FAULT, CardTold.NOTHING),
        (PaymentState.DECLINED, DeclineKind.BANK_DOWN, CardTold.NOTHING),
        (PaymentState.UNKNOWN, None, CardTold.UNDECIDED),
        (PaymentState.CHALLENGE, None, None),
    ],
)
async def test_what_an_end_says_about_the_card(
    on: Stage, state: PaymentState, kind: DeclineKind | None, what: CardTold | None
) -> None:
    await to_cvv(on, CARD)
    (payment,) = on.till.memory.payments.values()
    assert isinstance(payment, Payment)
    assert card_told(replace(payment, state=state, decline_kind=kind)) is what
    assert card_told(Refusal.BILLS_CHANGED) is CardTold.NOTHING


class SevenHidden(RedisCardLimits):
    HIDDEN_SENT = 7


async def test_hidden_numbers_are_one_caller(redis: Redis) -> None:
    limits = SevenHidden(redis, KEY)
    assert await sent(limits, 20, caller="anonymous:CA{n}") == 7
    assert await limits.allow("another", OTHER, card(99))


async def test_cards_at_once_do_not_pass_together(limits: CardLimits) -> None:
    answers = await asyncio.gather(*(limits.allow("one", CALLER, card(n)) for n in range(40)))
    assert sum(answers) == RedisCardLimits.CALL_SENT


async def test_a_fingerprint_is_short_lived_and_worth_nothing_without_the_key(limits: CardLimits, redis: Redis) -> None:
    await limits.allow("c", CALLER, card(1))
    names = sorted([key.decode() async for key in redis.scan_iter()])
    assert len(names) == 6
    for name in names:
        assert pan(1)[6:] not in name
        assert 0 < await redis.ttl(name) <= RedisCardLimits.DAY_S
    await redis.flushall()
    await RedisCardLimits(redis, b"another key").allow("c", CALLER, card(1))
    others = {key.decode() async for key in redis.scan_iter()}
    assert {name for name in names if name.partition("}:")[2].startswith("card")}.isdisjoint(others)


def test_the_key_of_fingerprints_comes_from_the_vaults() -> None:
    assert Seals({"a": b"1" * 32}).key("x") == Seals({"a": b"1" * 32, "b": b"2" * 32}).key("x")
    assert Seals({"a": b"1" * 32}).key("x") != Seals({"b": b"2" * 32}).key("x")
    assert Seals({"a": b"1" * 32}).key("x") != Seals({"a": b"1" * 32}).key("y")


@pytest.fixture
async def on(redis: Redis) -> AsyncIterator[Stage]:
    made = stage(redis, load_texts())
    yield made
    await made.turns.close()


# --- in a call -------------------------------------------------------------------------------------------------------


class Never:
    """No card may be sent."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down

    async def allow(self, call: str, caller: str, card: Card) -> bool:
        if self.down:
            raise LimitsDown("down")
        return False

    async def sending(self, payment_id: str, call: str, caller: str, card: Card) -> None:
        raise AssertionError("nothing is sent")

    async def told(self, payment_id: str, what: CardTold) -> None:
        raise AssertionError("nothing is sent")


@pytest.mark.parametrize(("down", "reason"), [(False, "refused.card-locked"), (True, "refused.bank-down")])
async def test_the_customer_is_told_and_nothing_is_sent(on: Stage, down: bool, reason: str) -> None:
    call = await to_cvv(on, CARD)
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS), Never(down=down))
    call.turns = Turns(RedisStore(on.redis), performer, on.clock, NUMBERS, zone=CASABLANCA)
    await call.key(CVV)
    await landed(call.turns)
    answer = await call.say(None)
    assert (answer.screen, answer.page.text) == ("Goodbye", reason)
    assert on.till.memory.sent == []
    assert await on.vault() == set()
    states = {payment.state for payment in on.till.memory.payments.values()}
    assert states == ({PaymentState.CREATED} if down else {PaymentState.EXPIRED}), "the bills are free for others"


async def test_what_is_refused_is_a_value(on: Stage) -> None:
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS), Never(down=True))
    came = await performer.charge("p1", card(1), Secret("123"), call="c", caller=CALLER, wait_s=0)
    assert came is Refusal.BANK_DOWN
    assert on.till.memory.sent == []
