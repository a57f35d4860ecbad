"""The chains of the help desk's log and of the payments' events: linked by the worker, verified and exported by day.

A row is linked within a minute or two of its commit, in whatever order rows commit. Whoever can write everything could
make a chain anew: an export that is kept elsewhere, with its last hash, is what shows that (docs/operations.md).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol

from core.hash_chain import GENESIS, Break, ChainLink, Fields, first_break
from core.ports import Clock
from core.privacy.retention import ACCESS_LOG_DAYS_MIN
from core.zone import ZONE

LINKED_WITHIN = timedelta(minutes=10)  # of a row's own moment; later is a worker that stands still
ROUNDS_MAX = 20


class Chain(StrEnum):
    """The chains, by their tables' names."""

    ACCESS_LOG = "access_log"
    PAYMENT_EVENTS = "payment_events"


@dataclass(frozen=True, slots=True)
class Linked:
    """A link and its row; None when the row is gone."""

    link: ChainLink
    at: datetime
    fields: Fields | None


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """The verdict on a chain, or on a day of it. `head`: its last hash, to be kept elsewhere."""

    chain: Chain
    rows: int
    head: str
    broken: str | None

    def told(self) -> dict[str, object]:
        return {"chain": str(self.chain), "rows": self.rows, "head": self.head, "broken": self.broken}

    def line(self) -> str:
        return f"{self.chain}: {self.broken or f'holds, {self.rows} rows, head {self.head}'}"


class AuditBooks(Protocol):
    """The chained rows, as the audit reads and links them. Raises DatabaseUnavailable."""

    async def link(self, chain: Chain, now: datetime) -> int:
        """Link what is not yet; how many, at most a batch."""

    def links(self, chain: Chain, first: datetime | None, until: datetime | None) -> AsyncIterator[Sequence[Linked]]:
        """The links in the chain's order, from the first one of that time to the last, batch by batch."""

    async def before(self, chain: Chain, number: int) -> bytes:
        """The hash before a link."""

    async def unlinked(self, chain: Chain, first: datetime | None, until: datetime) -> int | None:
        """A row of that time that is in no link; None when there is none."""


class Audit:
    """Keeps and examines the chains."""

    def __init__(self, books: AuditBooks, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def link(self) -> None:
        """Links the rows that came since the last time; the worker does so every minute."""
        for chain in Chain:
            for _ in range(ROUNDS_MAX):
                if not await self._books.link(chain, self._clock.now()):
                    break

    async def verify(self, chain: Chain, day: date | None = None) -> AuditVerdict:
        """The first fault of a chain, or of a day of it."""
        first, until = bounds(day) if day else (None, None)
        now, rows, number, head = self._clock.now(), 0, 0, GENESIS
        async for batch in self._books.links(chain, first, until):
            for linked in batch:
                if not number:
                    number = linked.link.number
                    head = await self._books.before(chain, number)
                ended = linked.fields is None and chain is Chain.ACCESS_LOG and _retired(linked.at, now)
                broken = None if ended else first_break(head, [(linked.link, linked.fields)], number)
                if broken:
                    return AuditVerdict(chain, rows, head.hex(), _words(broken, linked))
                rows, number, head = rows + 1, number + 1, linked.link.hash
        unlinked = await self._books.unlinked(chain, first, min(until or now, now - LINKED_WITHIN))
        return AuditVerdict(chain, rows, head.hex(), None if unlinked is None else f"row {unlinked} is in no link")

    async def export(self, chain: Chain, day: date) -> AsyncIterator[Linked]:
        """A day's links with their rows."""
        async for batch in self._books.links(chain, *bounds(day)):
            for linked in batch:
                yield linked


def bounds(day: date) -> tuple[datetime, datetime]:
    """A day of the operator's, from its first moment to the next one's."""
    return datetime.combine(day, time(), ZONE), datetime.combine(day + timedelta(days=1), time(), ZONE)


def _retired(at: datetime, now: datetime) -> bool:
    """Old enough for the retention to have taken it: the table itself refuses anything younger."""
    return now - at > timedelta(days=ACCESS_LOG_DAYS_MIN)


def _words(found: Break, linked: Linked) -> str:
    return f"link {found.number} ({linked.at.isoformat(timespec='seconds')}): {found.why}"
