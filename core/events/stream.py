"""Events into a broker's log: read behind one cursor, put out in order, the cursor moved once all are acknowledged.

At least once: a relay that dies between the broker's word and the cursor's move puts the same events out again, under
the ids they had. Several relays may run and one works, by a lease. The order does not depend on it: each puts out
whole pages from a cursor behind which nothing is missing, so that even two at once only repeat.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.events.catalogue import PaymentFact
from core.ports import Clock
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
LEASE_SLACK_S = 5.0  # a lease outlives the longest put by so much
PAUSE_MIN_S, PAUSE_MAX_S = 1.0, 30.0  # after a failure; doubled from the first to the last
DOUBLED_MAX = 10  # times
CAUGHT_UP = 0.5  # of a full page: with fewer the next look may wait, so that pages are worth their round trips


class BrokerAway(Exception):
    """The broker did not acknowledge what it was given; the words are ours and hold no secret. Retry."""


@dataclass(frozen=True, slots=True)
class StreamPage:
    """What follows a cursor: the facts that are told, and the place of the last row that was looked at."""

    to: int
    rows: int
    facts: Sequence[PaymentFact]


@dataclass(frozen=True, slots=True)
class StreamLag:
    """How much has a place behind the cursor, and since when the first of it."""

    events: int
    since: datetime | None


class StreamBooks(Protocol):
    """The cursor and what lies behind it. Raises DatabaseUnavailable."""

    async def hold(self, holder: str, lease_s: float) -> int | None:
        """The cursor, for this relay alone for so long; None while another has it."""

    async def behind(self, cursor: int, limit: int) -> StreamPage | None:
        """The next page; None where nothing is committed behind the cursor."""

    async def move(self, holder: str, page: StreamPage, cursor: int, lease_s: float) -> bool:
        """Moves the cursor behind the page, where it is still as it was seen and ours. Renews the lease."""

    async def lag(self, cursor: int) -> StreamLag:
        """Looks at what waits."""

    async def release(self, holder: str) -> None:
        """Gives the cursor back, so that another relay goes on at once."""


class EventLog(Protocol):
    """A broker's log. Raises BrokerAway."""

    async def put(self, facts: Sequence[PaymentFact]) -> None:
        """Returns when all are acknowledged; within a payment they are in their order, whatever fails."""


class StreamWatch(Protocol):
    """What is counted of a relay."""

    def put_out(self, events: int) -> None:
        """Counts events that the broker acknowledged."""

    def failed(self) -> None:
        """Counts a page that it did not."""

    def stands(self, lag_events: int, lag_s: float, *, holds: bool) -> None:
        """Records what one look saw. `holds`: this relay is the one that works."""


class EventStream:
    """One relay. `put_max_s` bounds a put, as its log keeps it."""

    def __init__(
        self,
        books: StreamBooks,
        out: EventLog,
        watch: StreamWatch,
        clock: Clock,
        link: Callable[[], Awaitable[None]],
        *,
        holder: str,
        page_max: int,
        put_max_s: float,
        look_every_s: float = LOOK_EVERY_S,
        lease_s: float | None = None,
        pause_min_s: float = PAUSE_MIN_S,
    ) -> None:
        """`link` gives a place to what was committed; `holder` names this process and no other."""
        self._books = books
        self._out = out
        self._watch = watch
        self._clock = clock
        self._link = link
        self._holder = holder
        self._page_max = page_max
        self._look_every_s = look_every_s
        self._lease_s = put_max_s + LEASE_SLACK_S if lease_s is None else lease_s
        self._pause_min_s = pause_min_s
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until the stop; the page in hand is finished. What fails is tried again after a pause, for ever."""
        try:
            while not stop.is_set():
                pause_s = await self._tried(stop)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause_s)
        finally:
            with suppress(DatabaseUnavailable):
                await self._books.release(self._holder)

    async def look(self, stop: asyncio.Event | None = None) -> int:
        """Puts out what waits, page by page; how many events. Raises BrokerAway, DatabaseUnavailable."""
        await self._link()
        out = 0
        while not (stop and stop.is_set()):
            cursor = await self._books.hold(self._holder, self._lease_s)
            if cursor is None:
                self._watch.stands(0, 0.0, holds=False)
                break
            page = await self._books.behind(cursor, self._page_max)
            await self._told(cursor, page)
            if page is None:
                break
            if page.facts:
                await self._out.put(page.facts)
            out += len(page.facts)
            self._watch.put_out(len(page.facts))
            if not await self._books.move(self._holder, page, cursor, self._lease_s):
                log.warning("relay: another relay has gone on from %d", cursor)
                break
            if page.rows < self._page_max * CAUGHT_UP:
                self._watch.stands(0, 0.0, holds=True)
                break
        return out

    async def _tried(self, stop: asyncio.Event) -> float:
        """One look and how long to pause after it."""
        try:
            await self.look(stop)
        except BrokerAway as error:
            self._watch.failed()
            log.warning("relay: %s", error)
        except DatabaseUnavailable:
            log.warning("relay: the database is away")
        else:
            self._failures = 0
            return self._look_every_s
        self._failures += 1
        return min(PAUSE_MAX_S, self._pause_min_s * 2.0 ** min(self._failures - 1, DOUBLED_MAX))

    async def _told(self, cursor: int, page: StreamPage | None) -> None:
        """The lag is asked for where a page is full alone: of a short one it is the page itself."""
        if page is None:
            self._watch.stands(0, 0.0, holds=True)
            return
        full = page.rows >= self._page_max
        lag = await self._books.lag(cursor) if full else StreamLag(page.rows, page.facts[0].at if page.facts else None)
        age_s = (self._clock.now() - lag.since).total_seconds() if lag.since else 0.0
        self._watch.stands(lag.events, max(0.0, age_s), holds=True)
