"""The USSD door over real HTTP: a stage behind it, its gates chosen by the test."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from channels.http.receive import Authentication
from channels.ussd.callers import RedisCallers
from channels.ussd.endpoint import routes
from channels.ussd.wires import WIRES
from core.messaging.texts import load_texts
from khallas.telemetry.metrics import Metrics
from lab.servers.serving import serving
from tests.sessions.fakes import Stage, stage

PATH = "/ussd/africastalking"
RECORDED = json.loads(Path("tests/wires/ussd-africastalking.json").read_text(encoding="utf-8"))


@dataclass(slots=True)
class Heard:
    """An answer as the gateway reads it."""

    status: int
    text: str
    headers: dict[str, str]


@dataclass(slots=True)
class Door:
    """Posts as a gateway does."""

    url: str
    on: Stage
    metrics: Metrics
    http: aiohttp.ClientSession

    async def post(self, body: bytes | str, *, path: str = PATH, headers: dict[str, str] | None = None) -> Heard:
        data = body.encode() if isinstance(body, str) else body
        sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        async with self.http.post(self.url + path, data=data, headers=sent) as response:
            told = {name.lower(): value for name, value in response.headers.items()}
            return Heard(response.status, await response.text(), told)

    async def send(self, text: str, *, session: str = "AT-1", caller: str = "+212600000001", **more: Any) -> Heard:
        form = {
            "sessionId": session,
            "serviceCode": "*117#",
            "phoneNumber": caller,
            "networkCode": "60401",
            "text": text,
        }
        return await self.post(urlencode(form), **more)


Opened = Callable[..., Awaitable[Door]]


@pytest.fixture
async def opened(redis_url: str) -> AsyncIterator[Opened]:
    """Opens a door: `await opened(gate=…, expose_screens=…)`."""
    async with AsyncExitStack() as stack:

        async def open_(*, gate: Authentication | None = None, expose_screens: bool = True) -> Door:
            redis = await stack.enter_async_context(Redis.from_url(redis_url))
            texts = load_texts()
            on = stage(redis, texts)
            metrics = Metrics()
            check = (gate or Authentication(open_to_all=True)).check
            app = Starlette(
                routes=routes(
                    on.turns,
                    texts,
                    WIRES,
                    dict.fromkeys(WIRES, check),
                    metrics,
                    public_url="https://pay.example.ma",
                    expose_screens=expose_screens,
                    callers=RedisCallers(redis),
                )
            )
            url = await stack.enter_async_context(serving(app))
            return Door(url, on, metrics, await stack.enter_async_context(aiohttp.ClientSession()))

        yield open_
