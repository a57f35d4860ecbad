"""The periodic sweep: whatever a row says is due, done. Jobs only hurry it; a lost job loses nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from core.billing.posting import Poster
from core.messaging.outbox import OutboxSender
from core.payments.janitor import Janitor
from core.payments.schedule import Times, later
from core.ports import Clock
from core.repositories import Repositories

log = logging.getLogger(__name__)

BATCH_MAX = 100
ROUNDS_MAX = 20  # of one sweep
HANGING_MAX = 1_000
TOGETHER_MAX = 8  # below the number of database connections, so that customers find one


class DueElsewhere(Protocol):
    """Attempts of other tenders than cards that are due."""

    async def attend_due(self, limit: int) -> int:
        """Does what is due of at most so many rows. Returns how many there were."""


class Sweep:
    """Looks at all that may be due. Raises DatabaseUnavailable; one row's trouble does not stop the others."""

    def __init__(
        self,
        books: Repositories,
        attendant: Janitor,
        poster: Poster,
        sender: OutboxSender,
        clock: Clock,
        times: Times,
        wallets: DueElsewhere | None = None,
    ) -> None:
        self._books = books
        self._attendant = attendant
        self._poster = poster
        self._sender = sender
        self._clock = clock
        self._times = times
        self._wallets = wallets
        self._money = asyncio.Lock()
        self._texts = asyncio.Lock()

    async def run(self) -> int:
        """Makes one round of everything. Returns how many rows were looked at."""
        return await self.money_round() + await self.texts_round()

    async def start(self) -> None:
        """Asks, at a process's start, what became of charges under way, whose sender may have died a moment ago. Of one
        that lives nothing but an approval is believed."""
        await _each(await self._books.payments.hanging(HANGING_MAX), self._ask)

    async def money(self) -> None:
        """Rounds until one is not full; one at a time in a process, for a bank that hangs holds it up."""
        await self._rounds(self._money, self.money_round)

    async def texts(self) -> None:
        """Works as `money` does, for what goes out to people."""
        await self._rounds(self._texts, self.texts_round)

    async def money_round(self) -> int:
        """Makes one round of `money`: at most BATCH_MAX of each kind."""
        now = self._clock.now()
        until = later(now, self._times.lease_s)
        claimed = await self._books.payments.claim_due(now, until, BATCH_MAX)
        await _each(claimed, self._attendant.attend_claimed)
        unposted = await self._books.postings.due(self._clock.now(), BATCH_MAX)
        await _each(unposted, self._poster.post)
        unreturned = await self._books.refunds.due(self._clock.now(), BATCH_MAX)
        await _each(unreturned, self._poster.refund)
        attempts = await self._wallets.attend_due(BATCH_MAX) if self._wallets else 0
        return len(claimed) + len(unposted) + len(unreturned) + attempts

    async def texts_round(self) -> int:
        """Makes one round of `texts`: at most BATCH_MAX."""
        unsent = await self._books.messages.due(self._clock.now(), BATCH_MAX)
        await _each(unsent, self._sender.deliver)
        return len(unsent)

    async def _ask(self, payment_id: str) -> None:
        await self._attendant.inquire(payment_id)

    @staticmethod
    async def _rounds(lock: asyncio.Lock, one: Callable[[], Awaitable[int]]) -> None:
        if lock.locked():
            return
        async with lock:
            for _ in range(ROUNDS_MAX):
                if await one() < BATCH_MAX:
                    return


async def _each(keys: Iterable[str], work: Callable[[str], Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(TOGETHER_MAX)

    async def one(key: str) -> None:
        async with gate:
            try:
                await work(key)
            except Exception:
                log.exception("sweep: %s is left for later", key)

    await asyncio.gather(*(one(key) for key in keys))
