"""The stand-in's webhooks: signed as documented, and sent late, twice, in any order, forged or never when told."""

import asyncio
import hmac
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256

import aiohttp

from core.cards import Secret

TIMEOUT_S = 10.0
EVENTS_MAX = 10_000


class Manner(StrEnum):
    """When events go out."""

    AFTER = "after"  # the answer, as usual
    BEFORE = "before"  # the answer: the asker hears of it twice
    HELD = "held"  # until `flush`
    NEVER = "never"


def signature(secret: Secret, body: bytes, at: int) -> str:
    """One v1 signature."""
    return hmac.new(secret.reveal().encode(), f"{at}.".encode() + body, sha256).hexdigest()


def header(secrets: Sequence[Secret], body: bytes, at: int) -> str:
    """The header; while a secret is being changed the gateway signs with both."""
    return ",".join([f"t={at}", *(f"v1={signature(each, body, at)}" for each in secrets), "v0=aa"])


class Hooks:
    """One endpoint of the merchant's, and what is still to be told to it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.url = ""
        self.secrets: list[Secret] = []
        self.manner = Manner.AFTER
        self.answers: list[int] = []  # what the merchant said to each delivery
        self.held: list[bytes] = []
        self.sent: list[bytes] = []
        self._tasks: set[asyncio.Task[int]] = set()
        self._number = 0

    def event(self, kind: str, about: dict[str, object]) -> bytes:
        """An event's raw body."""
        self._number += 1
        said = {
            "id": f"evt_{self._number:06d}",
            "object": "event",
            "api_version": "2020-08-27",
            "created": int(self._now()),
            "data": {"object": about, "previous_attributes": {}},
            "pending_webhooks": 1,
            "type": kind,
        }
        return json.dumps(said, indent=2, ensure_ascii=False).encode()

    async def tell(self, body: bytes) -> None:
        """An event happened."""
        if not self.url or self.manner is Manner.NEVER:
            return
        if self.manner is Manner.HELD:
            self.held = [*self.held, body][-EVENTS_MAX:]
        elif self.manner is Manner.BEFORE:
            await self.deliver(body)
        else:
            task = asyncio.create_task(self.deliver(body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def flush(self, *, backwards: bool = False, times: int = 1) -> int:
        """What was held goes out; how many."""
        held, self.held = self.held, []
        for body in reversed(held) if backwards else held:
            for _ in range(times):
                await self.deliver(body)
        return len(held)

    async def settle(self) -> None:
        """Wait for what is on its way."""
        await asyncio.gather(*tuple(self._tasks))

    async def deliver(self, body: bytes, sign: str | None = None) -> int:
        """One delivery; `sign` stands in for the right signature. The answer's status, 0 without one."""
        told = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
        told["Stripe-Signature"] = header(self.secrets, body, int(self._now())) if sign is None else sign
        status = 0
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
                session.post(self.url, data=body, headers=told, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            pass
        self.answers.append(status)
        self.sent.append(body)
        return status
