"""Alive, ready, metrics: what hangs is named within a second, what breaks is named without its words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from channels.web import health as operations
from khallas.telemetry.metrics import Metrics
from lab.servers.serving import serving


async def fine() -> None:
    return None


async def broken() -> None:
    raise OSError("s3cret-host: connection refused")


async def hangs() -> None:
    await asyncio.Event().wait()


async def told(probes: dict[str, Callable[[], Awaitable[None]]]) -> tuple[int, Any]:
    app = Starlette(routes=operations.routes(probes, Metrics().page, lambda: {"smsc": "away"}))
    async with serving(app) as url, aiohttp.ClientSession(url) as client, client.get("/readyz") as answer:
        assert answer.headers["cache-control"] == "no-store"
        return answer.status, await answer.json()


async def test_ready() -> None:
    # what is only shown ("smsc") changes nothing
    assert await told({"redis": fine}) == (200, {"ready": True, "checks": {"redis": "ok", "smsc": "away"}})


@pytest.mark.parametrize(("probe", "state"), [(broken, "down"), (hangs, "no answer in time")])
async def test_not_ready(probe: Callable[[], Awaitable[None]], state: str, caplog: pytest.LogCaptureFixture) -> None:
    status, body = await told({"redis": fine, "database": probe})
    assert status == 503
    assert body == {"ready": False, "checks": {"redis": "ok", "database": state, "smsc": "away"}}
    assert "s3cret" not in caplog.text


async def test_alive_asks_nobody_and_metrics_are_metrics() -> None:
    app = Starlette(routes=operations.routes({"redis": broken}, Metrics().page))
    async with serving(app) as url, aiohttp.ClientSession(url) as client:
        async with client.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        async with client.get("/metrics") as answer:
            assert answer.status == 200
            assert "# TYPE khallas_turns_total counter" in await answer.text()
