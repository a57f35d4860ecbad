"""The periodic sweep: whatever a row says is due, done. Jobs only hurry it; a lost job loses nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from core.attending import Attendant
from core.books import Books
from core.outbox import Sender
from core.ports import Clock
from core.posting import Poster
from core.timing import Times, later

log = logging.getLogger(__name__)

BATCH_MAX = 100
TOGETHER_MAX = 8  # below the number of database connections, so that customers find one


class Sweep:
    """One round over all that may be due. Raises BooksDown; one row's trouble does not stop the others."""

    def __init__(
        self, books: Books, attendant: Attendant, poster: Poster, sender: Sender, clock: Clock, times: Times
    ) -> None:
        self._books = books
        self._attendant = attendant
        self._poster = poster
        self._sender = sender
        self._clock = clock
        self._times = times

    async def run(self) -> int:
        """At most BATCH_MAX of each; how many rows were looked at. A full batch means: run again."""
        now = self._clock.now()
        until = later(now, self._times.lease_s)
        claimed = await self._books.payments.claim_due(now, until, BATCH_MAX)
        await _each(claimed, self._attendant.attend_claimed)
        unposted = await self._books.postings.due(self._clock.now(), BATCH_MAX)
        await _each(unposted, self._poster.post)
        unreturned = await self._books.refunds.due(self._clock.now(), BATCH_MAX)
        await _each(unreturned, self._poster.refund)
        unsent = await self._books.messages.due(self._clock.now(), BATCH_MAX)
        await _each(unsent, self._sender.deliver)
        return len(claimed) + len(unposted) + len(unreturned) + len(unsent)


async def _each(keys: Iterable[str], work: Callable[[str], Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(TOGETHER_MAX)

    async def one(key: str) -> None:
        async with gate:
            try:
                await work(key)
            except Exception:
                log.exception("sweep: %s is left for later", key)

    await asyncio.gather(*(one(key) for key in keys))
