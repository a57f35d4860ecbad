"""Customers who come one after another for as long as primaries are lost; each insists until the bill is paid."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from lab.chaos.customer import Customer, customer, pay_by_voice
from lab.chaos.doors.customers import look_again_on_the_web, pay_on_the_web
from lab.chaos.failover.house import FailoverHouse
from lab.chaos.world import give_bills
from lab.twilio.webhooks import WebhookFailed

LANES = 6
TRIES_MAX = 120
AGAIN_S = 1.0
BETWEEN_S = 1.0
BILLS_AT_ONCE = 12_000  # more than fifty losses take
WEB_EVERY = 5  # customers, of whom one pays on the acquirer's page, which calls us back
PAID = frozenset({"Paid", "NothingToPay", "/receipts"})
OWN_PAGES = ("/pay/", "/cmi/back/")  # which know the payment: whoever stands there loads them anew


@dataclass(frozen=True, slots=True)
class Visit:
    """One customer, from the first request to the word that it is paid; `paid` False: gave up."""

    who: Customer
    web: bool
    began: float
    ended: float
    tries: int
    paid: bool


@dataclass
class Traffic:
    """Runs until `stop` is set."""

    house: FailoverHouse
    visits: list[Visit] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _next: int = 0

    async def prepared(self) -> None:
        """Bills for everybody who may come, while the database is there."""
        await give_bills(self.house.database, [customer(number) for number in range(BILLS_AT_ONCE)])

    async def run(self) -> None:
        """Returns when everybody who had begun has paid."""
        await asyncio.gather(*(self._lane() for _ in range(LANES)))

    @property
    def over(self) -> bool:
        """Whether nobody comes any more: the losses after that met no customer."""
        return self._next >= BILLS_AT_ONCE

    async def _lane(self) -> None:
        while not (self.stop.is_set() or self.over):
            number, self._next = self._next, self._next + 1
            self.visits.append(await self._insists(number))
            await asyncio.sleep(BETWEEN_S)

    async def _insists(self, number: int) -> Visit:
        who, web, began = customer(number), number % WEB_EVERY == 0, time.time()
        door = self.house.doors[number // WEB_EVERY % 2 if web else number % 2]
        stands = ""
        for tries in range(1, TRIES_MAX + 1):
            end = await self._once(door, who, number, tries, web=web, stands=stands)
            stands = end if end.startswith(OWN_PAGES) else stands
            self.ends[end] += 1
            if end in PAID:
                return Visit(who, web, began, time.time(), tries, paid=True)
            await asyncio.sleep(AGAIN_S)
        return Visit(who, web, began, time.time(), TRIES_MAX, paid=False)

    async def _once(self, door: str, who: Customer, number: int, tries: int, *, web: bool, stands: str) -> str:
        try:
            if web:
                address = f"127.{tries}.{number // 250}.{1 + number % 250}"
                if stands:
                    return await look_again_on_the_web(door, who, address, stands)
                return await pay_on_the_web(door, who, address)
            return str(await pay_by_voice(door, who, public_url=self.house.public_url))
        except (WebhookFailed, aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            return type(error).__name__
