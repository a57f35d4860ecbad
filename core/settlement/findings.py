"""Findings of reconciliation: what the acquirer's files and our books do not agree about, until two people close it.

Somebody takes it, whoever knows the reason proposes to close it, and a supervisor who is somebody else does. What was
closed stays closed, however often its file is read again; what went away by itself is resolved and needs nobody.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.help_desk.access_log import Actor
from core.ports import Clock
from core.settlement.rows import RowKind

REASON_CHARS_MAX = 300


class FindingQueue(StrEnum):
    """The findings that somebody must look at."""

    MISSING_HERE = "missing_here"  # the acquirer took money for what is not paid here
    MISSING_THERE = "missing_there"  # paid here, and the acquirer does not settle it
    DIFFERENT = "different"
    UNREADABLE = "unreadable"  # a row of the file that nobody can read
    NO_FILE = "no_file"  # customers paid, and no file came


@dataclass(frozen=True, slots=True)
class SettlementFinding:
    """An entry of a settlement queue; None where a side knows nothing. `line`: of its file, where it is
    about one row.
    """

    queue: FindingQueue
    order_id: str
    kind: RowKind | None
    transaction_number: str | None
    ours_centimes: int | None
    theirs_centimes: int | None
    why: str
    line: int | None = None
    id: int = 0
    found_at: datetime | None = None
    owner: str | None = None
    closing_reason: str | None = None
    closing_by: str | None = None

    def may_close(self, actor: Actor) -> bool:
        """Returns whether this person's word would end it."""
        return actor.decides and self.closing_by is not None and self.closing_by != actor.name


class FindingRefusal(StrEnum):
    """Tells why no finding was changed; each is the page's words."""

    GONE = "gone"  # closed or resolved meanwhile
    NO_REASON = "no_reason"
    NOT_ALLOWED = "not_allowed"  # a supervisor closes
    SECOND_PERSON = "second_person"


class FindingBooks(Protocol):
    """The queues of findings. Each method is one commit, guarded in itself: it returns False when the finding is closed
    or resolved. All raise DatabaseUnavailable.
    """

    async def get(self, finding_id: int) -> SettlementFinding | None: ...

    async def open(self, limit: int) -> tuple[SettlementFinding, ...]:
        """Returns the open findings: those that wait for a second person first, then the oldest."""

    async def take(self, finding_id: int, who: str) -> bool: ...

    async def propose(self, finding_id: int, who: str, reason: str, now: datetime) -> bool: ...

    async def close(self, finding_id: int, who: str, now: datetime) -> bool:
        """Closes a finding, only where somebody else proposed to."""

    async def keep(self, finding_id: int, who: str) -> bool:
        """The proposal is turned down."""


class Findings:
    """The rules above. Every method raises DatabaseUnavailable."""

    def __init__(self, books: FindingBooks, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def open(self, limit: int) -> tuple[SettlementFinding, ...]:
        return await self._books.open(limit)

    async def take(self, actor: Actor, finding_id: int) -> FindingRefusal | None:
        """Notes that this person sees to a finding from now on."""
        return None if await self._books.take(finding_id, actor.name) else FindingRefusal.GONE

    async def propose(self, actor: Actor, finding_id: int, reason: str) -> FindingRefusal | None:
        """Ask for it to be closed, with the reason."""
        reason = " ".join(reason.split())[:REASON_CHARS_MAX]
        if not reason:
            return FindingRefusal.NO_REASON
        proposed = await self._books.propose(finding_id, actor.name, reason, self._clock.now())
        return None if proposed else FindingRefusal.GONE

    async def close(self, actor: Actor, finding_id: int) -> FindingRefusal | None:
        """The second person's word."""
        finding = await self._books.get(finding_id)
        if finding is None:
            return FindingRefusal.GONE
        if not actor.decides:
            return FindingRefusal.NOT_ALLOWED
        if not finding.may_close(actor):
            return FindingRefusal.SECOND_PERSON
        closed = await self._books.close(finding_id, actor.name, self._clock.now())
        return None if closed else FindingRefusal.GONE

    async def keep(self, actor: Actor, finding_id: int) -> FindingRefusal | None:
        """Keeps a finding open: by a supervisor, or by whoever asked."""
        finding = await self._books.get(finding_id)
        if finding is None:
            return FindingRefusal.GONE
        if not actor.decides and finding.closing_by != actor.name:
            return FindingRefusal.NOT_ALLOWED
        return None if await self._books.keep(finding_id, actor.name) else FindingRefusal.GONE
