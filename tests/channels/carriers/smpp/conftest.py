"""The outside SMSC, one a session; each test finds it as new."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest

from core.repositories import DatabaseUnavailable
from tests.channels.carriers.smpp.outside import Smsc, installed

LOOK_S, LOOKS_MAX = 0.05, 2_400


@pytest.fixture(scope="session")
def smsc_process(servers_folder: Path) -> Iterator[Smsc]:
    """Shared. Do not stop it."""
    # a folder of its own: who borrows this fixture elsewhere (tests/ops) has another process
    with Smsc(Path(mkdtemp(prefix="smsc-", dir=servers_folder)), installed()) as server:
        yield server


@pytest.fixture
async def smsc(smsc_process: Smsc) -> AsyncIterator[Smsc]:
    """Forgetful and willing."""
    await smsc_process.tell("drop")
    await smsc_process.tell("reset")
    yield smsc_process
    await smsc_process.tell("reset")


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    """Waits for something to become true."""
    for _ in range(LOOKS_MAX):
        with suppress(DatabaseUnavailable):  # whoever looks may find all connections at work
            if await what():
                return
        await asyncio.sleep(LOOK_S)
    raise AssertionError("it never became true")
