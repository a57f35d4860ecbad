"""A receiver of webhooks, as hard as real ones: it verifies with the library of the standard's authors, answers what it
is told to, is slow, never answers, sends people elsewhere.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

TOLERANCE_S = 300
NEVER_S = 60.0


@dataclass
class Receiver:
    """What came, and how it is answered: `answer` gets each event and gives a status, or seconds to be silent."""

    secret: str = ""
    answer: Callable[[dict[str, Any]], int | float] = lambda event: 204
    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)  # answered with 2xx
    asked: list[tuple[str, str]] = field(default_factory=list)  # webhook-id and type, every try
    forged: int = 0
    elsewhere: int = 0
    raw: list[bytes] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def hear(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._heard(request)
        finally:
            self.at_once -= 1

    async def _heard(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.raw.append(body)
        event = json.loads(body)
        self.asked.append((request.headers.get("webhook-id", ""), event.get("type") or event["eventType"]))
        if self.secret and not self._genuine(request, body):
            self.forged += 1
            return web.Response(status=401)
        answer = self.answer(event)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = 200
        if 300 <= answer < 400:
            return web.Response(status=answer, headers={"Location": "/elsewhere"})
        if 200 <= answer < 300:
            self.taken.append(event | {"id": request.headers.get("webhook-id", "")})
        return web.Response(status=answer, body=b"x" * 100_000)

    def _genuine(self, request: web.Request, body: bytes) -> bool:
        hook = Webhook(self.secret)
        stamp = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        if abs((datetime.now(UTC) - stamp).total_seconds()) < TOLERANCE_S:
            hook.verify(body, dict(request.headers))  # raises what the library raises: 500
        made = hook.sign(request.headers["webhook-id"], stamp, body.decode())
        return made in request.headers["webhook-signature"].split()

    async def _elsewhere(self, _: web.Request) -> web.StreamResponse:
        self.elsewhere += 1
        return web.Response()

    def types(self, payment_id: str) -> list[str]:
        """Of one payment, in the order in which they were taken."""
        return [each["type"] for each in self.taken if each["data"]["payment"]["id"] == payment_id]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A real server on this machine."""
    receiver = Receiver()
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/hook", receiver.hear)
    app.router.add_route("*", "/elsewhere", receiver._elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
