"""Guessing payment codes and line numbers from many telephones: locked out, told nothing, and the owner is unharmed.

"Same time" is shown by the same work: the same statements, the same counters, the same comparison, in the same order,
for a line that exists and for one that does not. No clock decides.
"""

import hmac
import io
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis

from channels.limits import COUNT_ONLY, Limit, Limits, RedisCodeLimits
from core.database.subscribers.importing import import_csv
from core.payments.service import PaymentService, Refusal
from core.payments.service import Ports as Joined
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.caller import UssdPhone, VoicePhone
from tests.security.callers import EXPIRY, PACE, TURNS_MAX, subscribe
from tests.support.world import BEGINS, PUBLIC_URL, World, world

LINES = 12
STRANGERS = 100
KNOWN = tuple(f"07{n:08d}" for n in range(LINES))
NOBODYS = tuple(f"07{n:08d}" for n in range(50_000_000, 50_000_000 + LINES))
RIGHT = "482913"
OWNER = "+212600000000"  # of the first line


@pytest.fixture
async def here(redis_url: str, database_url: str) -> AsyncIterator[World]:
    await subscribe(database_url, LINES)
    async with world(redis_url, database_url) as made:
        yield made


def _strangers(seed: int, count: int) -> list[str]:
    chance = random.Random(seed)
    return [f"+2126{chance.randrange(20_000_000, 99_999_999):08d}" for _ in range(count)]


def _code(chance: random.Random) -> str:
    return f"{chance.randrange(1_000_000):06d}".replace(RIGHT, "000000")


async def _guessed(till: PaymentService, reference: str, seed: int, strangers: int, codes: int) -> Counter[object]:
    """What many were told, each of whom tried some codes of one line, in turn."""
    chance = random.Random(seed)
    answers: Counter[object] = Counter()
    for stranger in _strangers(seed, strangers):
        for _ in range(codes):
            answers[await till.identify("ivr", stranger, ServiceType.MOBILE, reference, _code(chance))] += 1
    return answers


async def test_a_line_is_locked_against_many_and_its_owner_is_unharmed(here: World) -> None:
    till = here.house.till
    answers = await _guessed(till, KNOWN[0], 1, STRANGERS, 7)
    # as many codes of a million as docs/SECURITY.md says, and no line that exists is told from one that does not
    assert answers[Refusal.WRONG_CODE] <= RedisCodeLimits.TARGET_WRONG + STRANGERS * RedisCodeLimits.SLOW_TRIES
    assert answers == await _guessed(till, NOBODYS[0], 1, STRANGERS, 7)
    assert set(answers) == {Refusal.WRONG_CODE, Refusal.LOCKED}
    # whoever calls from the line's contact number is known, and slips as often as on any other day
    for code in ("000000", "000001", "000002"):
        assert await till.identify("ivr", OWNER, ServiceType.MOBILE, KNOWN[0], code) is Refusal.WRONG_CODE
    assert isinstance(await till.identify("ivr", OWNER, ServiceType.MOBILE, KNOWN[0], RIGHT), SubscribedLine)
    # the network vouches for the owner's own number: no code is asked, so nobody can lock it
    async with UssdPhone(here.url, OWNER) as phone:
        await phone.dial()
        await phone.send("1")  # French
        shown = await phone.send("1")  # the own line
        assert shown.screen == "Terms"
        shown = await phone.send("1")
    assert shown.screen == "PickInvoices"
    assert "100,50 DH" in shown.text


async def _pays(here: World, msisdn: str) -> str | None:
    """A call with the code and a card; the screen it ended on."""
    keys = {"Service": "2", "Reference": f"{KNOWN[0]}#", "PaymentCode": f"{RIGHT}#"}
    keys |= {"CardNumber": "4000000000000010#", "CardExpiry": f"{EXPIRY}#", "CardCvv": "123#"}
    async with VoicePhone(here.url, msisdn, public_url=PUBLIC_URL, pace=PACE) as phone:
        call = await phone.dial()
        for _ in range(TURNS_MAX):
            if call.ended:
                break
            call.press(keys.get(call.screen or "", "1"))
            await call.settled()
        return call.screen


async def _channel_crowded(here: World) -> None:
    """As many wrong codes at other lines as one channel takes, counted at once."""
    wrong, window_s = RedisCodeLimits.CHANNEL_WRONG, RedisCodeLimits.CHANNEL_WRONG_S
    await Limits(here.house.redis, "codes").spend([Limit("channel", "ivr", COUNT_ONLY, window_s, wrong)])


async def test_its_people_pay_on_whatever_strangers_do(here: World) -> None:
    """The owner, who paid it before, and who calls for the first time: with the line and the whole channel crowded."""
    till, payer, newcomer = here.house.till, "+212622222222", "+212633333333"
    assert await _pays(here, payer) == "Paid"
    await _guessed(till, KNOWN[0], 6, STRANGERS, 2)
    assert isinstance(await till.identify("ivr", newcomer, ServiceType.MOBILE, KNOWN[0], RIGHT), SubscribedLine)
    assert (
        await till.identify("ivr", newcomer, ServiceType.MOBILE, KNOWN[0], RIGHT) is Refusal.LOCKED
    )  # once in the hour
    await _channel_crowded(here)
    assert await till.identify("ivr", "+212644444444", ServiceType.MOBILE, KNOWN[0], RIGHT) is Refusal.LOCKED
    bill = f"reference,number,period,amount,due_date\n{KNOWN[0]},{9:016d},2026-10-01,99.50,2026-12-25\n"
    await import_csv(here.house.database, io.StringIO(bill), BEGINS)  # next month's
    for known in (OWNER, payer):
        assert isinstance(await till.identify("ivr", known, ServiceType.MOBILE, KNOWN[0], RIGHT), SubscribedLine)
    assert await _pays(here, payer) == "Paid"


async def test_one_stranger_harms_nobody_else(here: World) -> None:
    till, chance = here.house.till, random.Random(2)
    for _ in range(50):
        await till.identify("ussd", "+212699999999", ServiceType.MOBILE, KNOWN[0], _code(chance))
    assert await till.identify("ussd", "+212699999999", ServiceType.MOBILE, KNOWN[0], RIGHT) is Refusal.LOCKED
    for other in (OWNER, "+212688888888"):
        line = await till.identify("ivr", other, ServiceType.MOBILE, KNOWN[0], RIGHT)
        assert not isinstance(line, Refusal)
        assert line.reference == KNOWN[0]


async def test_a_telephone_that_tries_line_after_line_is_locked(here: World) -> None:
    till, chance = here.house.till, random.Random(3)
    answers = [
        await till.identify("ussd", "+212677777777", ServiceType.MOBILE, reference, _code(chance))
        for reference in (*NOBODYS, *KNOWN)
    ]
    assert answers.count(Refusal.WRONG_CODE) == RedisCodeLimits.CALLER_WRONG
    assert answers[-1] is Refusal.LOCKED


async def test_a_right_code_found_by_guessing_at_a_crowded_line_is_not_told(here: World) -> None:
    till, stranger = here.house.till, "+212666666666"
    await _guessed(till, KNOWN[1], 4, RedisCodeLimits.TARGET_WRONG, 1)
    assert await till.identify("ivr", stranger, ServiceType.MOBILE, KNOWN[1], "000000") is Refusal.WRONG_CODE
    assert await till.identify("ivr", stranger, ServiceType.MOBILE, KNOWN[1], RIGHT) is Refusal.LOCKED


async def test_the_same_words_for_no_such_line_and_a_wrong_code(here: World) -> None:
    told = set()
    for number, reference in enumerate((KNOWN[2], NOBODYS[2], KNOWN[3], NOBODYS[3])):
        async with UssdPhone(here.url, f"+21265555555{number}") as phone:
            await phone.dial()
            await phone.send("1")
            shown = await phone.send("1")
            assert shown.screen == "Reference"
            await phone.send(reference)
            shown = await phone.send("000000")
            told.add((shown.screen, shown.text.replace(reference, "LINE")))
    assert len(told) == 1


ASKED: ContextVar[bool] = ContextVar("asked", default=False)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What is done from now on, in order: statements with how many values each, counters asked, secrets compared."""
    done: list[tuple[object, ...]] = []
    execute, spend, compare = psycopg.AsyncCursor.execute, Limits.spend, hmac.compare_digest

    async def executed(cursor: Any, query: Any, params: Any = None, **how: Any) -> Any:
        if ASKED.get():  # not what the house does besides
            done.append(("sql", str(query), {name: _size(value) for name, value in (params or {}).items()}))
        return await execute(cursor, query, params, **how)

    async def spent(limits: Limits, asked: Sequence[Limit]) -> Limit | None:
        done.append(("redis", [(limit.name, limit.most, limit.cost) for limit in asked]))
        return await spend(limits, asked)

    def compared(left: Any, right: Any) -> bool:
        done.append(("compare", len(left), len(right)))
        return compare(left, right)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", executed)
    monkeypatch.setattr(Limits, "spend", spent)
    monkeypatch.setattr(hmac, "compare_digest", compared)
    return done


def _size(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else 1


async def _work_for(
    work: list[tuple[object, ...]], till: PaymentService, guess: tuple[str, str, str]
) -> list[tuple[object, ...]]:
    caller, reference, code = guess
    work.clear()
    asked = ASKED.set(True)
    try:
        await till.identify("ussd", caller, ServiceType.MOBILE, reference, code)
    finally:
        ASKED.reset(asked)
    return list(work)


async def test_the_same_work_for_no_such_line_and_a_wrong_code(here: World, work: list[tuple[object, ...]]) -> None:
    till, callers = here.house.till, iter(_strangers(5, 2 * LINES + 1))
    for known, nobody in zip(KNOWN, NOBODYS, strict=True):
        wrong = await _work_for(work, till, (next(callers), known, "000000"))
        absent = await _work_for(work, till, (next(callers), nobody, "000000"))
        assert wrong == absent
        assert {kind for kind, *_ in wrong} == {"sql", "redis", "compare"}
        assert [kind for kind, *_ in wrong].count("sql") == 1  # billing is asked once, whatever it knows
    right = await _work_for(work, till, (next(callers), KNOWN[0], RIGHT))
    assert right != wrong  # a difference is seen: nothing is counted against the caller


class Away(RedisCodeLimits):
    """Nobody counts."""

    def __init__(self) -> None:
        super().__init__(Redis.from_url("redis://127.0.0.1:1"))


async def test_without_counters_no_code_is_tried(redis_url: str, database_url: str) -> None:
    """Redis away: closed for whoever must prove a line, in words and not by an exception; reading goes on."""
    await subscribe(database_url, 1)
    async with world(redis_url, database_url) as here:
        house = here.house
        till = PaymentService(Joined(house.books, house.billing, house.acquirers, Away(), house.clock))
        for code in (RIGHT, "000000"):
            came = await till.identify("ivr", OWNER, ServiceType.MOBILE, KNOWN[0], code)
            assert came is Refusal.BILLING_DOWN
        assert await till.unpaid(ServiceType.MOBILE, KNOWN[0])
        assert (await till.person(OWNER)).lines
