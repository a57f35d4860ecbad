"""The emulator over real HTTP, and two clients of it: one waits, one is there to be left without an answer."""

from collections.abc import AsyncIterator

import pytest

from core.acquirers.cmi import CmiAcquirer
from lab.cmi.stand import EmulatedCmi, emulated_cmi

PATIENT_S, HASTY_S = 20.0, 0.5


@pytest.fixture(scope="module")
async def running_cmi() -> AsyncIterator[EmulatedCmi]:
    async with emulated_cmi() as emulated:
        yield emulated


@pytest.fixture
def cmi(running_cmi: EmulatedCmi) -> EmulatedCmi:
    """The emulator, its books and lies forgotten."""
    running_cmi.ledger.reset()
    running_cmi.gateway.lies.clear()
    return running_cmi


@pytest.fixture
async def client(cmi: EmulatedCmi) -> AsyncIterator[CmiAcquirer]:
    acquirer = CmiAcquirer(cmi.account, timeout_s=PATIENT_S)
    yield acquirer
    await acquirer.aclose()


@pytest.fixture
async def hasty(cmi: EmulatedCmi) -> AsyncIterator[CmiAcquirer]:
    acquirer = CmiAcquirer(cmi.account, timeout_s=HASTY_S)
    yield acquirer
    await acquirer.aclose()
