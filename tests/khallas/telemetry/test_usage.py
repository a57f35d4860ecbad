"""Counts of conversations on their way to Redis: none twice, none of them in the way of a turn."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.help_desk.operations import Activity, UsageDown
from khallas.telemetry.metrics import AT_ONCE, Metrics
from khallas.telemetry.usage import FLUSH_EVERY_S, KEPT_S, UsageCounters
from lab.clocks import StillClock
from lab.servers.valkey import Valkey

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
TERMS = ("ussd", "africastalking", "Service", "Terms", "answered")


@dataclass
class Process:
    """One server: its counters, its connection, its tally."""

    redis: Redis
    clock: StillClock = field(default_factory=lambda: StillClock(NOON))
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.tally = UsageCounters(self.redis, self.clock, self.metrics)

    def turns(self, count: int, seconds: float = 0.003) -> None:
        wire = self.metrics.wire("ussd", "africastalking")
        for _ in range(count):
            wire.turn("Terms", "answered", seconds, "Service")


async def test_the_counters_of_two_processes_are_one_number(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as one, Redis.from_url(redis_url) as two:
        first, second = Process(one), Process(two)
        first.turns(3)
        second.turns(4, seconds=0.3)
        second.metrics.wire("ivr", "twilio").turn("Paid", "ended", 0.1, "Paying")
        assert await first.tally.flush()
        assert await second.tally.flush()
        first.turns(2)
        assert await first.tally.flush()
        assert await first.tally.flush()  # nothing has grown
        activity = await second.tally.read()
    assert activity.moves == {TERMS: 9, ("ivr", "twilio", "Paying", "Paid", "ended"): 1}
    assert activity.slowness == {
        ("ussd", "africastalking", "0.005"): 5,
        ("ussd", "africastalking", "0.5"): 4,
        ("ivr", "twilio", "0.1"): 1,
    }


def test_turns_of_a_busy_door_are_counted_a_few_at_a_time_and_whenever_somebody_looks() -> None:
    metrics = Metrics()
    door = metrics.wire("ussd", "africastalking")
    for n in range(2 * AT_ONCE + 3):
        door.turn("Terms", "answered", 0.003, "Service")
        assert metrics._moves[TERMS] == n + 1 - (n + 1) % AT_ONCE
    assert metrics.moves()[TERMS] == 2 * AT_ONCE + 3
    door.turn("Terms", "answered", 0.003, "Service")
    assert sum(metrics.slowness().values()) == 2 * AT_ONCE + 4
    door.turn("Terms", "answered", 0.003, "Service")
    assert f'khallas_turn_seconds_count{{channel="ussd",wire="africastalking"}} {2 * AT_ONCE + 5}.0' in (
        metrics.page()[0].decode()
    )


async def test_a_batch_whose_answer_was_lost_is_counted_once(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        process = Process(redis)
        process.turns(5)
        add, lost = process.tally._add, iter((True, False, False))

        async def lossy(**given: object) -> object:
            answer = await add(**given)  # type: ignore[arg-type]  # as the script is called
            if next(lost):
                raise ConnectionError("the answer was lost")
            return answer

        process.tally._add = lossy  # type: ignore[assignment]  # a script whose answer is lost
        assert not await process.tally.flush()
        process.turns(1)
        assert await process.tally.flush()
        assert (await process.tally.read()).moves == {TERMS: 6}


async def test_while_redis_is_away_turns_go_on_and_are_counted_later(tmp_path: Path) -> None:
    with Valkey(tmp_path / "valkey") as server:
        async with Redis.from_url(server.url, socket_timeout=0.5, socket_connect_timeout=0.5) as redis:
            process = Process(redis)
            process.turns(2)
            assert await process.tally.flush()
            server.kill()
            process.turns(3)
            assert not await process.tally.flush()
            with pytest.raises(UsageDown):
                await process.tally.read()
            server.start()
            process.turns(1)
            assert await process.tally.flush()
            kept = (await process.tally.read()).moves[TERMS]
    assert kept == 6


async def test_what_grows_is_sent_by_itself_and_at_the_end(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        process = Process(redis)
        async with process.tally.running(every_s=0.01):
            process.turns(1)
            while not (await process.tally.read()).moves:
                pass
        async with process.tally.running(every_s=3_600):
            process.turns(1)
        assert (await process.tally.read()).moves == {TERMS: 2}
        assert FLUSH_EVERY_S <= 5  # what a killed process loses at most


async def test_a_day_is_kept_and_no_more(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        process = Process(redis)
        process.turns(1)
        await process.tally.flush()
        (key,) = [key async for key in redis.scan_iter("kh:ops:*")]
        assert KEPT_S - 60 < await redis.ttl(key) <= KEPT_S
        process.clock.time = NOON + timedelta(hours=1)
        assert (await process.tally.read()).slowness
        process.clock.time = NOON + timedelta(hours=2)
        assert not (await process.tally.read()).slowness
        process.clock.time = NOON + timedelta(hours=23)
        old = await process.tally.read()
        assert (old.moves, old.slowness) == ({TERMS: 1}, {})  # times are those of now
        process.clock.time = NOON + timedelta(hours=24)
        later = await process.tally.read()
    assert later == Activity({}, {}, later.recent_since)
