"""Cards tried at one line, for one bill and on one channel are bounded, whoever is said to call."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from channels.card_caps import RedisIntentLimits, RedisVisitLimits
from channels.limits import LimitsDown
from core.subscribers.lines import ServiceType
from tests.support.paid import paid


async def test_one_line_from_ever_other_callers(redis_url: str) -> None:
    """225 cards in 75 calls, each call from another forged number, three cards a basket."""
    async with Redis.from_url(redis_url) as redis:
        caps, tried = RedisIntentLimits(redis), 0
        for call in range(75):
            basket = replace(paid(), id=f"P{call}", payer_msisdn=f"+2126{call:08}", reference=f"{call:06}")
            tried += sum([await caps.allow(basket) for _ in range(3)])
        assert 0 < tried <= RedisIntentLimits.LINE_SENT
        other = replace(paid(), service=ServiceType.FIXED, line_reference="0537000103", invoices=(), amount_centimes=0)
        assert await caps.allow(other)


class OneMoreByChannel(RedisIntentLimits):
    CHANNEL_SENT = RedisIntentLimits.BILL_SENT + 1


async def test_one_bill_and_one_channel(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        caps = RedisIntentLimits(redis)
        lines = [replace(paid(), line_reference=f"06{n:08}") for n in range(20)]
        assert sum([await caps.allow(basket) for basket in lines]) == RedisIntentLimits.BILL_SENT
        narrow = OneMoreByChannel(redis)
        bare = [replace(basket, invoices=(), amount_centimes=0) for basket in lines]
        assert sum([await narrow.allow(basket) for basket in bare]) == 1


async def test_visits_to_the_acquirer_s_page_are_bounded_by_line(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        caps, line = RedisVisitLimits(redis), paid()
        others = [replace(paid(), line_reference=f"06{n:08}") for n in range(100, 140)]
        assert sum([await caps.allow(line) for _ in range(100)]) == RedisVisitLimits.LINE_VISITS
        assert all([await caps.allow(other) for other in others])


async def test_without_counters_no_card_is_tried() -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as nobody:
        with pytest.raises(LimitsDown):
            await RedisIntentLimits(nobody).allow(paid())
        with pytest.raises(LimitsDown):
            await RedisVisitLimits(nobody).allow(paid())
