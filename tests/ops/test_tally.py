"""What two workers of one server count is one number, and none of it is lost when they are told to stop."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from core.clock import SystemClock
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.usage import UsageCounters
from tests.e2e.demo import free_port
from tests.ops.house import USSD, ended, house

TOGETHER = 40
ROUNDS_MAX = 50


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="khallas-ops-") as name:
        yield Path(name)


async def _dial(url: str, number: int) -> None:
    """On a connection of its own: any worker may take it."""
    form = {"sessionId": f"s{number}", "serviceCode": "*1117#", "phoneNumber": f"+2126{number:08}", "text": ""}
    async with aiohttp.ClientSession() as http, http.post(f"{url}{USSD}", data=form) as answer:
        assert answer.headers["X-Screen"] == "Language"


async def _processes(redis: Redis) -> set[bytes | str]:
    """Those that have sent counts."""
    return {name async for key in redis.scan_iter("kh:ops:*") for name in await redis.hkeys(key) if b"process|" in name}


async def test_two_workers_count_into_one_number(database_url: str, redis_url: str, folder: Path) -> None:
    async with house(database_url, redis_url, folder) as khallas, Redis.from_url(redis_url) as redis:
        port, dialled = free_port(), 0
        server = await khallas.serve(port, "--workers", "2")
        for _ in range(ROUNDS_MAX):
            numbers = range(dialled, dialled + TOGETHER)
            await asyncio.gather(*(_dial(f"http://127.0.0.1:{port}", number) for number in numbers))
            dialled += TOGETHER
            if len(await _processes(redis)) == 2:
                break
            await asyncio.sleep(0.2)
        assert await ended(server, signal.SIGTERM) == 0
        assert len(await _processes(redis)) == 2
        activity = await UsageCounters(redis, SystemClock(), Metrics()).read()
    assert activity.moves == {("ussd", "africastalking", "", "Language", "answered"): dialled}
    assert sum(activity.slowness.values()) == dialled
