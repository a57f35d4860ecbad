"""Guessing payment codes and line numbers from many telephones: locked out, told nothing, and the owner is unharmed.

"Same time" is compared by rank: how often an answer about a line that exists takes longer than one about a line that
does not. Half of the times is what chance gives, whatever machine this runs on.
"""

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from channels.limits import RedisCodeLimits
from core.billpay import Refusal, Till
from core.billpay import World as Joined
from core.subscribers import Service
from lab.caller import UssdPhone
from tests.security.callers import subscribe
from tests.security.world import World, world

LINES = 12
KNOWN = tuple(f"07{n:08d}" for n in range(LINES))
NOBODYS = tuple(f"07{n:08d}" for n in range(50_000_000, 50_000_000 + LINES))
RIGHT = "482913"
OWNER = "+212611000000"  # of the first line
SAMPLES = 600
CHANCE = 0.07  # five standard errors of the share at this many samples


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


async def test_a_line_is_locked_against_many_and_its_owner_is_unharmed(here: World) -> None:
    till, chance = here.house.till, random.Random(1)
    answers: Counter[object] = Counter()
    for stranger in _strangers(1, 100):
        for _ in range(7):
            answers[await till.identify("ivr", stranger, Service.MOBILE, KNOWN[0], _code(chance))] += 1
    assert answers[Refusal.WRONG_CODE] == RedisCodeLimits.TARGET_WRONG
    assert set(answers) == {Refusal.WRONG_CODE, Refusal.LOCKED}
    # the network vouches for the owner's own number: no code is asked, so nobody can lock it
    async with UssdPhone(here.url, OWNER) as phone:
        await phone.dial()
        await phone.send("1")  # French
        shown = await phone.send("1")  # the own line
        assert shown.screen == "Terms"
        shown = await phone.send("1")
    assert shown.screen == "PickInvoices"
    assert "100,50 DH" in shown.text


async def test_one_stranger_harms_nobody_else(here: World) -> None:
    till, chance = here.house.till, random.Random(2)
    for _ in range(50):
        await till.identify("ussd", "+212699999999", Service.MOBILE, KNOWN[0], _code(chance))
    assert await till.identify("ussd", "+212699999999", Service.MOBILE, KNOWN[0], RIGHT) is Refusal.LOCKED
    for other in (OWNER, "+212688888888"):
        line = await till.identify("ivr", other, Service.MOBILE, KNOWN[0], RIGHT)
        assert not isinstance(line, Refusal)
        assert line.reference == KNOWN[0]


async def test_a_telephone_that_tries_line_after_line_is_locked(here: World) -> None:
    till, chance = here.house.till, random.Random(3)
    answers = [
        await till.identify("ussd", "+212677777777", Service.MOBILE, reference, _code(chance))
        for reference in (*NOBODYS, *KNOWN)
    ]
    assert answers.count(Refusal.WRONG_CODE) == RedisCodeLimits.CALLER_WRONG
    assert answers[-1] is Refusal.LOCKED


async def test_a_right_code_found_by_guessing_at_a_locked_line_is_not_told(here: World) -> None:
    till = here.house.till
    for stranger in _strangers(4, RedisCodeLimits.TARGET_WRONG):
        await till.identify("ivr", stranger, Service.MOBILE, KNOWN[1], "000000")
    assert await till.identify("ivr", "+212666666666", Service.MOBILE, KNOWN[1], RIGHT) is Refusal.LOCKED


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


@pytest.fixture
def unlimited() -> Iterator[None]:
    """Every guess is answered: only its time is of interest."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PAIR_TRIES", "CALLER_TRIES", "PAIR_WRONG", "TARGET_WRONG", "CALLER_WRONG", "CHANNEL_WRONG"):
            patch.setattr(RedisCodeLimits, name, 10**9)
        patch.setattr(RedisCodeLimits, "ALL_WRONG", 10**9)
        yield


async def _timed(till: Till, reference: str, number: int) -> float:
    began = time.perf_counter()
    assert await till.identify("ussd", f"+2126{number:08d}", Service.MOBILE, reference, "000000") is Refusal.WRONG_CODE
    return time.perf_counter() - began


def _share(left: list[float], right: list[float]) -> float:
    """How often one of the left is the longer, of all pairs (the Mann-Whitney statistic)."""
    return sum((a > b) + (a == b) / 2 for a in left for b in right) / (len(left) * len(right))


async def test_the_same_time_for_no_such_line_and_a_wrong_code(here: World, unlimited: None) -> None:
    chance = random.Random(5)
    times: dict[bool, list[float]] = {True: [], False: []}
    # pairs in either order, so that what grows with time weighs on both alike
    order = [known for _ in range(SAMPLES + LINES) for known in chance.sample([True, False], 2)]
    for number, known in enumerate(order):
        taken = await _timed(here.house.till, chance.choice(KNOWN if known else NOBODYS), number)
        if number >= 2 * LINES:
            times[known].append(taken)
    share = _share(times[True], times[False])
    assert abs(share - 0.5) < CHANCE, share


def test_the_comparison_sees_a_difference() -> None:
    """A twentieth of a millisecond in one, with the spread of real answers, would be found."""
    chance = random.Random(6)
    left = [chance.lognormvariate(0, 0.1) + 0.05 for _ in range(SAMPLES)]
    right = [chance.lognormvariate(0, 0.1) for _ in range(SAMPLES)]
    assert _share(left, right) - 0.5 > CHANCE


class Away(RedisCodeLimits):
    """Nobody counts."""

    def __init__(self) -> None:
        super().__init__(Redis.from_url("redis://127.0.0.1:1"))


async def test_without_counters_no_code_is_tried(redis_url: str, database_url: str) -> None:
    """Redis away: closed for whoever must prove a line, in words and not by an exception; reading goes on."""
    await subscribe(database_url, 1)
    async with world(redis_url, database_url) as here:
        house = here.house
        till = Till(Joined(house.books, house.billing, house.acquirer, Away(), house.clock))
        for code in (RIGHT, "000000"):
            came = await till.identify("ivr", OWNER, Service.MOBILE, KNOWN[0], code)
            assert came is Refusal.BILLING_DOWN
        assert await till.unpaid(Service.MOBILE, KNOWN[0])
        assert (await till.person(OWNER)).lines
