"""The stand-in over real HTTP, with a clock that is moved, and two clients, one of which does not wait."""

import time
from collections.abc import AsyncIterator

import pytest

from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from lab.payment_intents.stand import EmulatedGateway, emulated_gateway

PATIENT_S, HASTY_S = 20.0, 0.4


class Shifted:
    """The machine's clock, moved when told."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.by_s


CLOCK = Shifted()


@pytest.fixture(scope="module")
async def running_gateway() -> AsyncIterator[EmulatedGateway]:
    async with emulated_gateway(now=CLOCK) as emulated:
        yield emulated


@pytest.fixture
def clock() -> Shifted:
    CLOCK.by_s = 0.0
    return CLOCK


@pytest.fixture
def stand(running_gateway: EmulatedGateway, clock: Shifted) -> EmulatedGateway:
    """The stand-in, its books, keys and lies forgotten."""
    running_gateway.reset()
    return running_gateway


@pytest.fixture
async def client(stand: EmulatedGateway) -> AsyncIterator[PaymentIntentsAcquirer]:
    made = PaymentIntentsAcquirer(stand.account, timeout_s=PATIENT_S, pages=True, now=CLOCK)
    yield made
    await made.aclose()


@pytest.fixture
async def hasty(stand: EmulatedGateway) -> AsyncIterator[PaymentIntentsAcquirer]:
    made = PaymentIntentsAcquirer(stand.account, timeout_s=HASTY_S, pages=True, now=CLOCK)
    yield made
    await made.aclose()
