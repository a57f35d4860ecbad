"""Events out: what is committed is planned for each endpoint by its cursor, and sent in order within a payment.

At least once: an event leaves the plan only when its receiver said 2xx, and bears the same id at every try. A payment's
next event waits for the one before it; other payments do not. What is refused again and again becomes a dead letter,
which keeps nobody waiting and is sent anew by a person's word.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.events.catalogue import PaymentFact
from core.events.endpoints import EventEndpoint
from core.ports import Clock
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

# after the first try; a dead letter after the last one
PAUSES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
JITTER = 0.2  # of a pause, either way
TOGETHER_MAX = 8  # payments at one endpoint at a time
BATCH_MAX = 200
ROUND_MAX_S = 20.0  # no further try is begun after it
LEASE_S = 90  # longer than a round and the try that it began last
QUIET_AFTER = 8  # failures without one success: the endpoint is left alone for a while
QUIET_S = 30
# of one look, while there is more to send; none is begun after ROUND_MAX_S, for the next look waits for every endpoint
ROUNDS_MAX = 50


class PostOutcome(StrEnum):
    """Tells what a receiver made of an event."""

    TAKEN = "taken"
    GONE = "gone"  # 410: it wants no more
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PostAttempt:
    """Tells how one try ended; `why` in our words, with nothing of the answer's."""

    told: PostOutcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event that is due at one endpoint, after `attempts` tries that were made before."""

    fact: PaymentFact
    attempts: int


class EventBooks(Protocol):
    """The endpoints and their deliveries, as the relay needs them. Raises DatabaseUnavailable."""

    async def active(self) -> Sequence[EventEndpoint]:
        """Returns the endpoints that are not switched off."""

    async def lease(self, name: str, now: datetime, until: datetime) -> EventEndpoint | None:
        """The endpoint as it is now, for one relay alone; None while another has it, or it is to be left alone."""

    async def release(self, name: str, now: datetime, delivered: int, quiet_until: datetime | None) -> None:
        """Gives a claimed endpoint back, so that another worker may look at it."""

    async def plan(self, endpoint: EventEndpoint, now: datetime) -> int:
        """Plan what was committed behind its cursor; how many rows were looked at."""

    async def due(self, name: str, now: datetime, limit: int) -> Sequence[DueEvent]:
        """Returns of each payment the first event that is not sent, where its time has come."""

    async def taken(self, name: str, sequence: int) -> None:
        """Notes that the receiver took the event."""

    async def failed(self, name: str, sequence: int, why: str, again_at: datetime | None, now: datetime) -> None:
        """Notes that a try failed; without a next time the event becomes a dead letter."""

    async def switch_off(self, name: str, why: str, now: datetime) -> None:
        """Disables an endpoint, so that nothing more is sent to it."""


class EventPoster(Protocol):
    """Sends one event; never raises what the other side does."""

    async def post(self, endpoint: EventEndpoint, fact: PaymentFact, now: datetime) -> PostAttempt:
        """Sends an event once and tells how that ended; nothing is raised for what the receiver does."""


@dataclass(slots=True)
class _Round:
    """One endpoint's turn: what it came to so far."""

    planned: int = 0
    delivered: int = 0
    failures: int = 0
    off: bool = False

    @property
    def over(self) -> bool:
        return self.off or (self.failures >= QUIET_AFTER and not self.delivered)


@dataclass(frozen=True, slots=True)
class RelayBounds:
    """How much an endpoint is given in one look."""

    together_max: int = TOGETHER_MAX
    batch_max: int = BATCH_MAX
    rounds_max: int = ROUNDS_MAX
    round_max_s: float = ROUND_MAX_S


RELAY_BOUNDS = RelayBounds()


class EventRelay:
    """Sends what is due. Any number of processes may: an endpoint is one's at a time."""

    def __init__(
        self,
        books: EventBooks,
        poster: EventPoster,
        clock: Clock,
        chance: Callable[[], float],
        link: Callable[[], Awaitable[None]],
        bounds: RelayBounds = RELAY_BOUNDS,
    ) -> None:
        """`chance` gives [0, 1); `link` gives a place to what was committed."""
        self._books = books
        self._poster = poster
        self._clock = clock
        self._chance = chance
        self._link = link
        self._bounds = bounds

    async def look(self) -> int:
        """Gives every endpoint its turn, side by side. Returns how many events were sent."""
        endpoints = await self._books.active()
        if not endpoints:
            return 0
        await self._link()
        sent = await asyncio.gather(*(self._rounds(each.name) for each in endpoints))
        return sum(sent)

    async def _rounds(self, name: str) -> int:
        sent, loop = 0, asyncio.get_running_loop()
        end = loop.time() + self._bounds.round_max_s
        for _ in range(self._bounds.rounds_max):
            course = _Round()
            try:
                await self._round(name, course)
            except* DatabaseUnavailable:
                log.warning("events: %s: the database is away", name)
                course.off = True
            sent += course.delivered
            if course.off or not (course.delivered or course.planned) or loop.time() >= end:
                break
        return sent

    async def _round(self, name: str, course: _Round) -> None:
        now = self._clock.now()
        endpoint = await self._books.lease(name, now, now + timedelta(seconds=LEASE_S))
        if endpoint is None:
            return
        try:
            course.planned = await self._books.plan(endpoint, now)
            due = await self._books.due(name, now, self._bounds.batch_max)
            await self._send(endpoint, due, course)
        finally:
            quiet = course.failures >= QUIET_AFTER and not course.delivered
            until = self._clock.now() + timedelta(seconds=QUIET_S) if quiet else None
            await self._books.release(name, self._clock.now(), course.delivered, until)

    async def _send(self, endpoint: EventEndpoint, due: Sequence[DueEvent], course: _Round) -> None:
        waiting = list(reversed(due))
        loop = asyncio.get_running_loop()
        end = loop.time() + self._bounds.round_max_s

        async def one_after_the_other() -> None:
            while waiting and not course.over and loop.time() < end:
                await self._try(endpoint, waiting.pop(), course)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._bounds.together_max, len(waiting))):
                tasks.create_task(one_after_the_other())

    async def _try(self, endpoint: EventEndpoint, delivery: DueEvent, course: _Round) -> None:
        attempt = await self._poster.post(endpoint, delivery.fact, self._clock.now())
        now, sequence = self._clock.now(), delivery.fact.sequence
        match attempt.told:
            case PostOutcome.TAKEN:
                await self._books.taken(endpoint.name, sequence)
                course.delivered += 1
            case PostOutcome.GONE:
                course.off = True
                await self._books.switch_off(endpoint.name, attempt.why, now)
                log.warning("events: %s wants no more: %s", endpoint.name, attempt.why)
            case PostOutcome.FAILED:
                course.failures += 1
                again_at = self._again(delivery.attempts, now)
                await self._books.failed(endpoint.name, sequence, attempt.why, again_at, now)
                if again_at is None:
                    log.warning("events: %s is a dead letter of %s", delivery.fact.event_id, endpoint.name)

    def _again(self, attempts: int, now: datetime) -> datetime | None:
        """`attempts` were made before the one that failed."""
        if attempts >= len(PAUSES_S):
            return None
        factor = 1 + JITTER * (2 * self._chance() - 1)
        return now + timedelta(seconds=PAUSES_S[attempts] * factor)
