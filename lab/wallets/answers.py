"""What the dialects of the stand-in share: a cut answer, a JSON body, and callbacks as true as their request's lie."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lab.servers.reach import Reach
from lab.wallets.lies import WalletLie
from lab.wallets.network import PushRequest, Stand

CALLBACK_TIMEOUT_S = 10.0
CALLBACKS_MAX = 10_000
CUT = frozenset({WalletLie.LOST_ANSWER, WalletLie.LOST_AFTER_DEBIT, WalletLie.NOT_TAKEN})


class CutAnswer(Response):
    """An answer whose connection breaks in the middle: the client cannot know what it would have been."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"999")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionAbortedError("cut on order")


async def body_of(request: Request) -> dict[str, Any]:
    try:
        told = json.loads(await request.body())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class Callbacks:
    """Sends them in the background. `told` makes a dialect's method and body of a request."""

    def __init__(self, told: Callable[[PushRequest], tuple[str, object]], reach: Reach) -> None:
        self._told = told
        self._reach = reach
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent = 0

    def tell(self, request: PushRequest) -> None:
        """As its lie says: once, twice, never."""
        if request.lie is WalletLie.CALLBACK_NEVER or not request.callback_url or len(self._tasks) >= CALLBACKS_MAX:
            return
        times = 2 if request.lie is WalletLie.CALLBACK_TWICE else 1
        method, body = self._told(request)
        task = asyncio.get_running_loop().create_task(
            self._send(method, self._reach(request.callback_url), body, times)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Wait for what is on its way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, method: str, url: str, body: object, times: int) -> None:
        timeout = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(times):
                try:
                    async with session.request(method, url, json=body):
                        self.sent += 1
                except (aiohttp.ClientError, TimeoutError, OSError):
                    continue  # nobody sends it again


def says_paid(request: PushRequest) -> bool:
    """What a callback claims, which is not always so."""
    return request.stand is Stand.PAID or request.lie is WalletLie.CALLBACK_FORGED


def claimed_centimes(request: PushRequest) -> int:
    return request.centimes + (100 if request.lie is WalletLie.CALLBACK_OTHER_AMOUNT else 0)
