"""Counters in a real Valkey: all are spent or none, windows end, and a stranger locks out only the stranger."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from channels.limits import COUNT_ONLY, LIMITS_MAX, Limit, Limits, LimitsDown, RedisCodeLimits
from core.ports import CodeLimits, Tries

OWNER, STRANGER, LINE = "+212600000001", "+212600000009", "mobile:0600000001"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def limits(redis: Redis) -> Limits:
    return Limits(redis, "test")


async def test_up_to_the_limit_and_no_further(limits: Limits) -> None:
    limit = Limit("sender", OWNER, 3, 60)
    assert [await limits.spend([limit]) for _ in range(5)] == [None, None, None, limit, limit]
    assert await limits.spend([Limit("sender", STRANGER, 3, 60)]) is None


async def test_all_are_spent_or_none(limits: Limits, redis: Redis) -> None:
    wide, narrow = Limit("wide", "all", 100, 60), Limit("narrow", "x", 1, 60)
    assert await limits.spend([wide, narrow]) is None
    assert await limits.spend([wide, narrow]) == narrow
    assert await redis.get("kh:{limit:test}:wide:all") == b"1"


async def test_copies_at_once_do_not_pass_together(limits: Limits) -> None:
    answers = await asyncio.gather(*(limits.spend([Limit("sender", OWNER, 5, 60)]) for _ in range(50)))
    assert answers.count(None) == 5


async def test_a_window_begins_with_its_first_event_and_ends(limits: Limits, redis: Redis) -> None:
    limit = Limit("sender", OWNER, 2, 60)
    await limits.spend([limit])
    key = "kh:{limit:test}:sender:" + OWNER
    await redis.expire(key, 30)
    await limits.spend([limit])
    assert 0 < await redis.ttl(key) <= 30  # a later event makes it no longer
    await redis.delete(key)
    assert await limits.spend([limit]) is None
    assert 30 < await redis.ttl(key) <= 60


async def test_looking_and_counting(limits: Limits, redis: Redis) -> None:
    look = Limit("wrong", OWNER, 2, 60, cost=0)
    count = Limit("wrong", OWNER, COUNT_ONLY, 60)
    assert [await limits.spend([look]) for _ in range(5)] == [None] * 5
    assert await redis.keys("*") == []
    assert [await limits.spend([count]) for _ in range(3)] == [None] * 3
    assert await limits.spend([look]) == look


async def test_bounds_of_a_question(limits: Limits) -> None:
    for wrong in ([], [Limit("a", "b", 1, 1)] * (LIMITS_MAX + 1)):
        with pytest.raises(ValueError, match="limits"):
            await limits.spend(wrong)


async def test_without_redis() -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as nobody:
        with pytest.raises(LimitsDown):
            await Limits(nobody, "test").spend([Limit("a", "b", 1, 1)])
        with pytest.raises(LimitsDown):
            await RedisCodeLimits(nobody).allow("ussd", OWNER, LINE)


# --- wrong payment codes -------------------------------------------------------------------------------------------


@pytest.fixture
def codes(redis: Redis) -> CodeLimits:
    return RedisCodeLimits(redis)


async def wrong(codes: CodeLimits, caller: str, target: str, times: int, channel: str = "ussd") -> int:
    """Guess until told to stop; how many guesses were let through."""
    for done in range(times):
        if await codes.allow(channel, caller, target) is not Tries.OPEN:
            return done
        await codes.failed(channel, caller, target)
    return times


async def test_a_stranger_locks_out_only_the_stranger(codes: CodeLimits) -> None:
    assert await wrong(codes, STRANGER, LINE, 100) == RedisCodeLimits.PAIR_WRONG
    assert await codes.allow("ivr", STRANGER, LINE) is Tries.LOCKED  # whatever the channel
    assert await codes.allow("ivr", STRANGER, LINE, known=True) is Tries.LOCKED
    assert await codes.allow("ussd", OWNER, LINE) is Tries.OPEN
    assert await codes.allow("ussd", STRANGER, "mobile:0600000002") is Tries.OPEN


async def test_a_caller_that_goes_from_line_to_line(codes: CodeLimits) -> None:
    guesses = [await wrong(codes, STRANGER, f"mobile:06000001{n:02}", 1) for n in range(20)]
    assert sum(guesses) == RedisCodeLimits.CALLER_WRONG


async def test_many_callers_at_one_line(codes: CodeLimits) -> None:
    """As many codes as TARGET_WRONG, and one each above that: nobody is shut out by others, and guessing is bounded."""
    callers, each = 60, 4
    guesses = sum([await wrong(codes, f"+2126000001{n:02}", LINE, each) for n in range(callers)])
    busy = -(-RedisCodeLimits.TARGET_WRONG // each)
    assert guesses == RedisCodeLimits.TARGET_WRONG + callers - busy + RedisCodeLimits.SLOW_TRIES
    assert guesses <= RedisCodeLimits.TARGET_WRONG + callers * RedisCodeLimits.SLOW_TRIES
    assert await codes.allow("ivr", "+212600000159", LINE) is Tries.CROWDED
    assert await codes.allow("ivr", "+212600000159", LINE, known=True) is Tries.OPEN
    assert await codes.allow("ivr", OWNER, LINE) is Tries.OPEN
    assert await codes.allow("ivr", OWNER, LINE) is Tries.CROWDED  # once in the hour


class CrowdedAtOnce(RedisCodeLimits):
    TARGET_WRONG, CHANNEL_WRONG = 1, 1


async def test_who_is_known_has_the_usual_pace_at_a_crowded_line(redis: Redis) -> None:
    codes = CrowdedAtOnce(redis)
    await wrong(codes, STRANGER, LINE, 1)
    assert await codes.allow("ussd", OWNER, LINE) is Tries.CROWDED  # the whole channel is
    for _ in range(RedisCodeLimits.PAIR_WRONG):
        assert await codes.allow("ussd", OWNER, LINE, known=True) is Tries.OPEN
        await codes.failed("ussd", OWNER, LINE)
    assert await codes.allow("ussd", OWNER, LINE, known=True) is Tries.LOCKED


class CrowdedLine(RedisCodeLimits):
    TARGET_WRONG = 1


async def test_copies_at_once_share_one_slow_try(redis: Redis) -> None:
    codes = CrowdedLine(redis)
    await wrong(codes, STRANGER, LINE, 1)
    allowed = await asyncio.gather(*(codes.allow("ussd", OWNER, LINE) for _ in range(60)))
    assert allowed.count(Tries.OPEN) == RedisCodeLimits.SLOW_TRIES


class NarrowChannels(RedisCodeLimits):
    CHANNEL_WRONG, ALL_WRONG = 7, 10


async def test_a_whole_channel(redis: Redis) -> None:
    codes = NarrowChannels(redis)
    assert sum([await wrong(codes, f"+21260000{n:04}", f"line:{n}", 1) for n in range(20)]) == 7
    assert await codes.allow("ivr", OWNER, LINE) is Tries.OPEN
    assert sum([await wrong(codes, f"+21261000{n:04}", f"line:{n}", 1, "ivr") for n in range(20)]) == 3


async def test_guesses_at_once_are_counted_before_they_are_wrong(codes: CodeLimits) -> None:
    allowed = await asyncio.gather(*(codes.allow("ussd", STRANGER, LINE) for _ in range(60)))
    assert allowed.count(Tries.OPEN) == RedisCodeLimits.PAIR_TRIES


async def test_every_counter_ends(codes: CodeLimits, redis: Redis) -> None:
    await wrong(codes, STRANGER, LINE, 3)
    keys = await redis.keys("*")
    assert len(keys) == 7
    assert all([0 < await redis.ttl(key) <= 3600 for key in keys])


async def test_hidden_callers_share_one_budget_and_close_the_door_for_nobody(codes: CodeLimits) -> None:
    """One telephone that hides its number: 671 calls of three wrong codes each, at one line and at many."""
    at_one = sum([await wrong(codes, f"anonymous:A{n}", LINE, 3, "ivr") for n in range(60)])
    assert at_one <= RedisCodeLimits.HIDDEN_TARGET_WRONG + RedisCodeLimits.HIDDEN_SLOW
    everywhere = sum([await wrong(codes, f"anonymous:B{n}", f"mobile:06{n:08}", 3, "ivr") for n in range(671)])
    assert everywhere <= RedisCodeLimits.HIDDEN_WRONG + 2 * RedisCodeLimits.HIDDEN_PACE
    assert await codes.allow("ivr", OWNER, LINE) is Tries.OPEN
    assert await codes.allow("ivr", "+212600000777", "mobile:0600000002") is Tries.OPEN


async def test_past_their_budget_hidden_callers_have_a_slow_way(codes: CodeLimits, redis: Redis) -> None:
    for n in range(100):
        await wrong(codes, f"anonymous:B{n}", f"mobile:06{n:08}", 3, "ivr")
    await redis.delete("kh:{limit:codes}:hidden-pace:hidden")  # a minute later
    assert await codes.allow("ivr", "anonymous:new", "mobile:0699999999") is Tries.OPEN
    assert await codes.allow("ivr", "anonymous:other", "mobile:0699999999") is Tries.CROWDED
