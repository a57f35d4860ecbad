"""A FastAGI server on real parts (TCP, Valkey) for any till, and switches that call it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from channels.carriers.asterisk.call_tokens import CallTokens
from channels.http.receive import Authentication
from channels.ivr.agi.call import CallDependencies, Manner
from channels.ivr.agi.server import AgiServer
from channels.ivr.prompts import Prompts
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.fastagi import FastAgi
from core.clock import ZONE
from core.messaging.texts import Texts
from core.payments.service import PaymentService
from core.ports import Clock
from core.wallets.port import WalletTerms
from core.wallets.service import WalletPayments
from khallas.telemetry.metrics import Metrics
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.channels.ivr.agi.switch import Step, Switch
from tests.channels.ivr.conftest import NUMBERS
from tests.support.till import SALMA, FakeTill, till_in_memory

OVER_MAX_S = 60.0
SECRET = "asterisk-and-khallas"
TOKENS = CallTokens(["a-key-that-signs-links"])


@dataclass
class AgiLine:
    """The server, and what a test may look at."""

    server: AgiServer
    prompts: Prompts
    turns: Turns
    redis: Redis
    metrics: Metrics
    till: FakeTill = field(default_factory=till_in_memory)

    def switch(self, caller: str = SALMA, *, token: str = "", secret: str = SECRET, **more: Any) -> Switch:
        arguments = [secret, token] if token else [secret]
        return Switch(self.server.port, self.prompts, caller, arguments, **more)

    async def call(self, steps: Sequence[Step], caller: str = SALMA, **more: Any) -> Switch:
        return await self.switch(caller, **more).call(steps)

    async def over(self) -> None:
        """Every call has ended on this side too."""
        async with asyncio.timeout(OVER_MAX_S):
            await self.server.settled()

    async def held(self) -> list[bytes | str]:
        """The vault's keys."""
        return await self.redis.keys("kh:*:number") + await self.redis.keys("kh:*:expiry")

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def agi_line(
    till: PaymentService,
    redis_url: str,
    texts: Texts,
    clock: Clock,
    *,
    manner: Manner | None = None,
    wallets: WalletPayments | None = None,
    terms: tuple[tuple[str, WalletTerms], ...] = (),
    **more: Any,
) -> AsyncIterator[AgiLine]:
    """Listening on a free port. `terms`: of the wallets, by their ids."""
    redis, metrics = Redis.from_url(redis_url), Metrics()
    prompts = Prompts(texts, {provider: each.name for provider, each in terms})
    performer = EffectPerformer(till, Seals({"k1": bytes(32)}), wallets=wallets)
    turns = Turns(RedisStore(redis), performer, clock, NUMBERS, zone=ZONE, wallets=terms)
    parts = CallDependencies(turns, IvrSpeaker(prompts.texts), FastAgi(prompts, TOKENS), metrics, manner or Manner())
    server = AgiServer(parts, Authentication(secrets=(SECRET,)).check, host="127.0.0.1", port=0, **more)
    async with server.open():
        yield AgiLine(server, prompts, turns, redis, metrics)
    await turns.close()
    await redis.aclose()


@asynccontextmanager
async def memory_line(redis_url: str, texts: Texts, **more: Any) -> AsyncIterator[AgiLine]:
    """With a till in memory."""
    till = till_in_memory()
    async with agi_line(till, redis_url, texts, till.clock, **more) as line:
        line.till = till
        yield line
