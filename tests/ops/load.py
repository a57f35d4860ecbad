"""Customers who do not stop: menus over the public USSD wire, and payments by voice against the emulator."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from core.database.pool import open_database
from lab.chaos.customer import Customer, customer, pay_by_voice
from lab.chaos.world import give_bills
from lab.cmi.cards import approved_card
from tests.ops.house import PUBLIC_URL, USSD

DIALOGS = 6
PAYERS_AT_ONCE = 4
CUSTOMERS_MAX = 2_000
USSD_STEPS = ("", "1", "1*2", "1*2*0")


@dataclass
class Load:
    """What happened to whom."""

    url: str
    token: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    answers: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    called: list[Customer] = field(default_factory=list)

    @asynccontextmanager
    async def running(self, database_url: str) -> AsyncIterator[asyncio.Task[None]]:
        """The load, which goes on at most as long as the block: a failed test leaves nobody behind who dials."""
        task = asyncio.create_task(self.run(database_url))
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def run(self, database_url: str) -> None:
        """Until `stop`; whoever is in a call finishes it."""
        everybody = [customer(number) for number in range(CUSTOMERS_MAX)]
        async with open_database(database_url) as database:
            await give_bills(database, everybody)
        turns = iter(everybody)
        async with asyncio.TaskGroup() as group:
            for number in range(DIALOGS):
                group.create_task(self._menus(number))
            for _ in range(PAYERS_AT_ONCE):
                group.create_task(self._payers(turns))

    async def _menus(self, number: int) -> None:
        """Dialogs over one keep-alive connection, as a gateway keeps it; a POST is never sent twice by the client."""
        async with aiohttp.ClientSession() as gateway:
            dialog = 0
            while not self.stop.is_set():
                dialog += 1
                for text in USSD_STEPS:
                    form = {
                        "sessionId": f"load-{number}-{dialog}",
                        "phoneNumber": f"+2127{number:08d}",
                        "serviceCode": "*1117#",
                        "text": text,
                    }
                    try:
                        async with gateway.post(f"{self.url}{USSD}", data=form) as answer:
                            body = await answer.text()
                            if answer.status != 200 or answer.headers.get("X-Screen") in {None, "Apology"}:
                                self.failures.append(f"{answer.status} {body[:80]}")
                            self.answers += 1
                    except (aiohttp.ClientError, TimeoutError) as error:
                        self.failures.append(repr(error))

    async def _payers(self, turns: Iterator[Customer]) -> None:
        while not self.stop.is_set():
            who = next(turns, None)
            if who is None:
                raise AssertionError(f"{CUSTOMERS_MAX} customers have paid, and nobody said stop")
            self.called.append(who)
            screen = await pay_by_voice(
                self.url, who, approved_card(len(self.called)), auth_token=self.token, public_url=PUBLIC_URL
            )
            self.ends[str(screen)] += 1
