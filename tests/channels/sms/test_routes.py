"""Several ways out: their order, their rates, and at most one accepted send a message."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from channels.sms.outbound.attempts import SendAttempts
from channels.sms.outbound.routes import Routes, SmsRoute
from channels.sms.outbound.token_bucket import Bucket
from core.ports import DeliveryFailed, OutgoingSms
from tests.channels.sms.conftest import SALMA

AWAY = DeliveryFailed("away", retryable=True, again_in_s=7)
BROKEN = DeliveryFailed("broken", retryable=True)
HOPELESS = DeliveryFailed("no such number", retryable=False)
MAYBE = DeliveryFailed("no answer", retryable=True, maybe_sent=True)


class Way:
    """A texter that does as it is told."""

    def __init__(self, name: str, *ends: DeliveryFailed | None) -> None:
        self.name = name
        self.ends = list(ends)
        self.tried: list[str] = []

    async def send(self, sms: OutgoingSms) -> str:
        self.tried.append(sms.reference)
        end = self.ends.pop(0) if self.ends else None
        if end is not None:
            raise end
        return f"{self.name}:{len(self.tried)}"


Make = Callable[..., Routes]


@pytest.fixture
async def make(redis_url: str) -> AsyncIterator[Make]:
    async with Redis.from_url(redis_url) as redis:

        def routes(*ways: Way, reply_only: tuple[str, ...] = ()) -> Routes:
            return Routes(
                [SmsRoute(way.name, way, reply_only=way.name in reply_only) for way in ways], SendAttempts(redis)
            )

        yield routes


def sms(reference: str = "r-1", route: str | None = None) -> OutgoingSms:
    return OutgoingSms(reference, SALMA, "text", route=route)


async def test_the_first_way_that_takes_it(make: Make) -> None:
    first, second = Way("atlas", AWAY, BROKEN), Way("kannel")
    routes = make(first, second)
    assert await routes.send(sms("r-1")) == "kannel:1"
    assert await routes.send(sms("r-2")) == "kannel:2"
    assert await routes.send(sms("r-3")) == "atlas:3"


async def test_an_accepted_message_is_never_sent_again(make: Make) -> None:
    way = Way("atlas")
    assert await make(way).send(sms()) == "atlas:1"
    # another process, that does not know the books were not written
    other = Way("kannel")
    assert await make(other, way).send(sms()) == "atlas:1"
    assert (way.tried, other.tried) == (["r-1"], [])


async def test_what_may_have_been_sent_stays_with_its_way(make: Make) -> None:
    first, second = Way("atlas", MAYBE, AWAY, MAYBE), Way("kannel")
    for wanted in ("no answer", "away", "no answer"):
        with pytest.raises(DeliveryFailed, match=wanted):
            await make(first, second).send(sms())
    assert await make(first, second).send(sms()) == "atlas:4"
    assert second.tried == []


async def test_a_hopeless_message_is_tried_nowhere_else(make: Make) -> None:
    first, second = Way("atlas", HOPELESS), Way("kannel")
    with pytest.raises(DeliveryFailed) as failed:
        await make(first, second).send(sms())
    assert not failed.value.retryable
    assert second.tried == []


async def test_a_reply_leaves_by_the_way_its_question_came(make: Make) -> None:
    first, second = Way("twilio"), Way("kannel", None, AWAY)
    routes = make(first, second, reply_only=("kannel",))
    assert await routes.send(sms("r-1", route="kannel")) == "kannel:1"
    assert await routes.send(sms("r-2", route="kannel")) == "twilio:1"
    assert await routes.send(sms("r-3")) == "twilio:2"
    assert await routes.send(sms("r-4", route="unheard-of")) == "twilio:3"


async def test_busy_everywhere_is_no_attempt_broken_somewhere_is(make: Make) -> None:
    with pytest.raises(DeliveryFailed) as busy:
        await make(Way("atlas", AWAY), Way("kannel", DeliveryFailed("busy", retryable=True, again_in_s=3))).send(sms())
    assert busy.value.again_in_s == 3
    with pytest.raises(DeliveryFailed) as broken:
        await make(Way("atlas", AWAY), Way("kannel", BROKEN)).send(sms("r-2"))
    assert (broken.value.again_in_s, broken.value.retryable) == (None, True)


async def test_without_redis_nothing_is_sent() -> None:
    way = Way("atlas")
    async with Redis.from_url("redis://127.0.0.1:1") as redis:
        with pytest.raises(DeliveryFailed) as failed:
            await Routes([SmsRoute("atlas", way)], SendAttempts(redis)).send(sms())
    assert failed.value.again_in_s is not None
    assert way.tried == []


async def test_replies_overtake_receipts_at_a_rate() -> None:
    bucket = Bucket(5)  # one in 200 ms: so long a machine may take to hand all of them in
    order: list[str] = []

    async def take(name: str, *, urgent: bool) -> None:
        assert await bucket.take(urgent=urgent)
        order.append(name)

    burst = [take(f"burst {n}", urgent=False) for n in range(5)]
    receipts = [take(f"receipt {n}", urgent=False) for n in range(5)]
    replies = [take(f"reply {n}", urgent=True) for n in range(5)]
    await asyncio.gather(*burst, *receipts, *replies)
    waited = order[5:]
    assert waited == [*(f"reply {n}" for n in range(5)), *(f"receipt {n}" for n in range(5))]


async def test_whoever_waits_too_long_leaves_the_line() -> None:
    bucket = Bucket(0.01)
    assert await bucket.take()
    assert not await bucket.take(wait_s=0.01)
    assert not await bucket.take(urgent=True, wait_s=0.01)
