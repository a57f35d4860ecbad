"""What operations see of the till: numbers over the books, no customer's data, and the port they are read by. Pure.

Money that is undecided, stuck or waits too long is somebody's work now; the rest is how the day goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

UNDECIDED_SHOWN = 10
TROUBLES_SHOWN = 12
ANSWERS_SHOWN = 12
HOURS = 24  # of conversations
RECENT_HOURS = 2  # of the times: what is slow now

Move = tuple[str, str, str, str, str]  # channel, wire, screen before, screen, outcome
Slow = tuple[str, str, str]  # channel, wire, longest time in seconds as Prometheus writes it


@dataclass(frozen=True, slots=True)
class Sales:
    """Payments captured in one hour on one channel; `hour` is its beginning."""

    hour: datetime
    channel: str
    payments: int
    centimes: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Money that left again in the period, whenever it was paid."""

    payments: int
    centimes: int


@dataclass(frozen=True, slots=True)
class BankAnswer:
    """Tells how often the acquirer gave one answer: the payment's event and, of a refusal, its kind and code."""

    event: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A kind of outgoing work: how much waits, since when the oldest does, how much failed in the period."""

    name: str
    waiting: int
    oldest: datetime | None
    failed: int


@dataclass(frozen=True, slots=True)
class UndecidedPayment:
    """A payment whose end is not known."""

    id: str
    since: datetime
    centimes: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """The payments whose end is not known: how many, and the oldest."""

    count: int
    centimes: int
    oldest: datetime | None
    first: tuple[UndecidedPayment, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong: an event of a payment, or a message that failed (`event` is then its kind)."""

    at: datetime
    event: str
    detail: str
    payment_id: str | None
    message: bool


@dataclass(frozen=True, slots=True)
class SettlementRun:
    """The last settlement file that was compared with the books (core/database/settlement/reconciliation.py)."""

    at: datetime
    file_name: str
    rows: int
    matched: int
    unreadable: int
    missing_here: int
    missing_there: int
    different: int
    ended: int = 0  # of its findings, since: closed by two people, or gone by themselves

    @property
    def open(self) -> int:
        """The matters that somebody must look at."""
        return self.unreadable + self.missing_here + self.missing_there + self.different - self.ended


@dataclass(frozen=True, slots=True)
class Overview:
    """The books at one moment. `by_hand`: what only a person can end: credits, refusals, payments."""

    sales: tuple[Sales, ...]
    answers: tuple[BankAnswer, ...]
    events: Mapping[str, int]
    queues: tuple[WorkQueue, ...]
    undecided: Undecided
    giving_back: int
    by_hand: int
    settlement: SettlementRun | None
    troubles: tuple[Incident, ...]
    back: GivenBack = GivenBack(0, 0)


class OperationsRepository(Protocol):
    """Reads only. Raises DatabaseUnavailable."""

    async def overview(self, since: datetime) -> Overview:
        """The period from `since`, whole hours, until now; what waits is told whenever it began."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Turns from screen to screen in the last HOURS, and how long those of the last RECENT_HOURS took."""

    moves: Mapping[Move, int] = field(default_factory=dict)
    slowness: Mapping[Slow, int] = field(default_factory=dict)
    recent_since: datetime | None = None


class UsageDown(Exception):
    """Redis's fault: the counts could not be read. Retry later."""


class UsageReader(Protocol):
    """Reads what conversations of all processes did."""

    async def read(self) -> Activity:
        """Read everybody's counts. Raises UsageDown."""
