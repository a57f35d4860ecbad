"""The stand-in on a port of this machine, with a hand on its books and its lies: for tests."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.acquirers.payment_intents.transport import GatewayAccount
from core.cards import Secret
from lab.payment_intents.books import Books
from lab.payment_intents.gateway import HANG_MAX_S, FakeGateway
from lab.servers.serving import serving

DEMO_KEY = Secret("sk_test_demo")
DEMO_SECRET = Secret("whsec_demo-signing-secret")


@dataclass(frozen=True, slots=True)
class EmulatedGateway:
    """A running stand-in. `url` is its root."""

    url: str
    gateway: FakeGateway

    @property
    def account(self) -> GatewayAccount:
        return GatewayAccount(self.url, self.gateway.key)

    @property
    def books(self) -> Books:
        return self.gateway.books

    def reset(self) -> None:
        """Books, keys and lies forgotten."""
        self.books.reset()
        self.gateway.lies.clear()
        self.gateway.keys.clear()
        self.gateway.seen.clear()


@asynccontextmanager
async def emulated_gateway(
    *, port: int = 0, now: Callable[[], float] = time.time, hang_max_s: float = HANG_MAX_S
) -> AsyncIterator[EmulatedGateway]:
    """Serves the stand-in within the block."""
    gateway = FakeGateway(DEMO_KEY, now, hang_max_s)
    gateway.hooks.secrets = [DEMO_SECRET]
    async with serving(gateway.app(), port) as url:
        yield EmulatedGateway(url, gateway)
