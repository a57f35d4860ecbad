"""How long what can be traced to a person is kept (law 09-08). Applied by a daily job, in small commits.

What accounts need (amount, bill, line, dates, authorisation) stays; who paid leaves it. Consent stays as evidence.
Nothing here touches a payment that is not over.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core.ports import Clock

log = logging.getLogger(__name__)

BATCH_MAX = 2_000  # rows a commit
ROUNDS_MAX = 500  # commits a period and day
KEPT_LATE_DAYS = 30  # of a job that did not run
ACCESS_LOG_DAYS_MIN = 90  # below that the table itself refuses (migration 0004)


@dataclass(frozen=True, slots=True)
class Periods:
    """Days, all of them settings. `dispute_days` 0: nothing is kept for disputes beyond the other periods."""

    messages_days: int = 400
    unpaid_days: int = 90
    paid_days: int = 3_660
    access_log_days: int = 1_100
    transcripts_days: int = 30
    dispute_days: int = 0  # what a dispute needs is kept as long as one can come, whatever the other periods say

    def __post_init__(self) -> None:
        if self.access_log_days < ACCESS_LOG_DAYS_MIN:
            raise ValueError(f"the access log is kept for at least {ACCESS_LOG_DAYS_MIN} days")


class RetentionRepository(Protocol):
    """Drops what has been kept long enough. Each method is one commit over at most `limit` rows and returns how many it
    changed. All raise DatabaseUnavailable.
    """

    async def forget_unpaid(self, before: datetime, limit: int) -> int:
        """Payers of payments begun before and never made."""

    async def forget_paid(self, before: datetime, limit: int) -> int:
        """Payers of payments that are over; their receipts' links end."""

    async def forget_messages(self, before: datetime, limit: int) -> int:
        """Recipients in the log of messages; messages of no payment leave whole."""

    async def forget_people(self, before: datetime, limit: int) -> int:
        """The language of callers not heard of since."""

    async def drop_accesses(self, before: datetime, limit: int) -> int:
        """Lines of the help desk's log."""

    async def drop_transcripts(self, before: datetime, limit: int) -> int:
        """Drops the transcripts of what customers were shown."""


class EvidenceRetention(Protocol):
    """The evidence that is kept of payments for disputes. Raises DatabaseUnavailable."""

    async def keep(self, since: datetime, now: datetime, limit: int) -> int:
        """Keeps the evidence of payments since then whose dialogs are over and that were not kept yet."""

    async def drop(self, before: datetime, limit: int) -> int:
        """Drops the evidence that was kept before."""


class RetentionJob:
    """Drops daily what has been kept long enough. Raises DatabaseUnavailable; what was not reached is for tomorrow.
    Without `evidence` nothing is kept for disputes.
    """

    def __init__(
        self, books: RetentionRepository, clock: Clock, periods: Periods, evidence: EvidenceRetention | None = None
    ) -> None:
        self._books = books
        self._clock = clock
        self._periods = periods
        self._evidence = evidence

    async def apply(self) -> dict[str, int]:
        """Drops what every period has ended for. Returns how many rows each period changed."""
        periods, books = self._periods, self._books
        work = {
            "unpaid": (books.forget_unpaid, periods.unpaid_days),
            "paid": (books.forget_paid, max(periods.paid_days, periods.dispute_days)),
            "messages": (books.forget_messages, max(periods.messages_days, periods.dispute_days)),
            "people": (books.forget_people, periods.messages_days),
            "access_log": (books.drop_accesses, periods.access_log_days),
            "transcripts": (books.drop_transcripts, periods.transcripts_days),
        }
        now = self._clock.now()
        if self._evidence is not None:
            if periods.dispute_days and not await self._kept(self._evidence, now):
                del work["transcripts"]  # nothing leaves before what disputes need of it is kept
            work["evidence"] = (self._evidence.drop, periods.dispute_days)
        changed: dict[str, int] = {}
        for name, (forget, days) in work.items():
            before = now - timedelta(days=days)
            changed[name] = 0
            for _ in range(ROUNDS_MAX):
                touched = await forget(before, BATCH_MAX)
                changed[name] += touched
                if touched < BATCH_MAX:
                    break
        log.info("retention: %s", ", ".join(f"{name} {count}" for name, count in changed.items()))
        return changed

    async def _kept(self, evidence: EvidenceRetention, now: datetime) -> bool:
        """Whether all that disputes may need is kept. What is older than its transcripts has none."""
        since = now - timedelta(days=self._periods.transcripts_days + KEPT_LATE_DAYS)
        for _ in range(ROUNDS_MAX):
            if await evidence.keep(since, now, BATCH_MAX) < BATCH_MAX:
                return True
        return False
