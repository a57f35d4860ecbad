"""What is over moves into tables of its month (`payments_2026_11`), which inherit from the live ones.

A statement that names `payments` reads and changes both; one that says ONLY the live table, as everything does that a
customer waits for. Whoever writes of a payment brings it back first, by triggers (migration 0034); a change of its
state does so here. Moved and brought back whole, in one commit, by functions with the rights of the tables' owner.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.database.pool import Database
from core.ports import Clock

log = logging.getLogger(__name__)

BATCH_MAX = 500  # payments a commit
BATCHES_A_DAY = 2_000  # of the daily job; the command has no such bound
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
MOVED_TABLES = (
    "receipts",
    "messages",
    "payment_evidence",
    "wallet_attempts",
    "payment_events",
    "payment_lines",
    "ledger_transfers",
    "payments",
)

BRING_BACK = "SELECT khallas_bring_back(%(id)s) AS moved"

NEXT_MONTH = """
SELECT created_at FROM ONLY payments
WHERE (created_at, id) > (%(after_at)s, %(after_id)s) AND created_at >= %(after_at)s AND created_at < %(before)s
ORDER BY created_at, id LIMIT 1
"""
# No trigger asks the months before the first one is made (migration 0035): each table's are switched on by itself.
DEAF = "SELECT khallas_deaf_tables() AS name"
ASK_MONTHS = "SELECT khallas_ask_months(%(name)s)"
MAKE_MONTH = "SELECT khallas_make_month(%(month)s) AS made"
MOVE = "SELECT * FROM khallas_archive(%(before)s, %(after_at)s, %(after_id)s, %(most)s)"
COUNT = """
WITH candidates AS (
    SELECT id, created_at FROM ONLY payments
    WHERE created_at < %(before)s AND (created_at, id) > (%(after_at)s, %(after_id)s) AND created_at >= %(after_at)s
    ORDER BY created_at, id LIMIT %(most)s
)
SELECT (SELECT count(*) FROM candidates) AS looked,
       (SELECT count(*) FROM khallas_over(ARRAY(SELECT id FROM candidates), %(before)s)) AS moved,
       c.created_at AS last_at, c.id AS last_id
FROM candidates c ORDER BY c.created_at DESC, c.id DESC LIMIT 1
"""
BOOKS_OPEN = "SELECT EXISTS (SELECT FROM ledger_opening WHERE opened_at IS NULL) AS waiting"


class LedgerNotOpen(Exception):
    """Payments from before the ledger have no transfers yet: `khallas migrate` writes them."""


def with_months(statement: str) -> str:
    """The same statement over the live tables and the months'."""
    return statement.replace(" ONLY ", " ")


@dataclass(frozen=True, slots=True)
class ArchiveBatch:
    """One commit: how many payments were looked at, how many of them moved, and the last one."""

    looked: int
    moved: int
    last_at: datetime
    last_id: str


class PgArchive:
    """Moves what is over into its month. Safe beside servers and beside another one of it; whatever ends it between two
    commits, the next run goes on. Raises DatabaseUnavailable, LedgerNotOpen.
    """

    def __init__(self, database: Database, batch_max: int = BATCH_MAX) -> None:
        self._database = database
        self._batch_max = batch_max

    async def batches(self, before: datetime, *, dry_run: bool = False) -> AsyncIterator[ArchiveBatch]:
        """Each batch as it is committed, the oldest first; `dry_run` only counts."""
        row = await self._database.one(BOOKS_OPEN)
        if row is not None and row["waiting"]:
            raise LedgerNotOpen
        if not dry_run:
            await self.ask_months()
        batch = ArchiveBatch(0, 0, BEGINNING, "")
        while True:  # each round goes on behind the last one, and `before` ends it
            behind = {"before": before, "after_at": batch.last_at, "after_id": batch.last_id}
            if not dry_run:
                await self._make_month(behind)
            found = await self._database.one(COUNT if dry_run else MOVE, **behind, most=self._batch_max)
            if found is None or not found["looked"]:
                return
            batch = ArchiveBatch(**found)
            yield batch

    async def ask_months(self) -> None:
        """From here on whoever writes asks the months: before the first one is made. Waits for who writes meanwhile."""
        for row in await self._database.all(DEAF):
            await self._database.all(ASK_MONTHS, name=row["name"])

    async def bring_back(self, payment_id: str) -> bool:
        """Makes a payment live again; whether it is live now."""
        row = await self._database.one(BRING_BACK, id=payment_id)
        return row is not None and bool(row["moved"])

    async def _make_month(self, behind: dict[str, Any]) -> None:
        """The tables of the next payment's month, in a commit of their own."""
        row = await self._database.one(NEXT_MONTH, **behind)
        if row is not None:
            await self._database.one(MAKE_MONTH, month=row["created_at"])


class ArchiveJob:
    """Moves daily what is over and older than the months that stay live; what was not reached is for tomorrow."""

    def __init__(self, archive: PgArchive, clock: Clock, months: int) -> None:
        self._archive = archive
        self._clock = clock
        self._months = months

    async def move(self) -> int:
        """Moves at most BATCHES_A_DAY batches; how many payments. Raises DatabaseUnavailable."""
        moved = batches = 0
        try:
            async for batch in self._archive.batches(live_since(self._clock.now(), self._months)):
                moved, batches = moved + batch.moved, batches + 1
                if batches >= BATCHES_A_DAY:
                    break
        except LedgerNotOpen:
            log.warning("nothing is moved to its month: the ledger's books are not open yet (khallas migrate)")
        if moved:
            log.info("%d payments moved to their months", moved)
        return moved


def live_since(now: datetime, months: int) -> datetime:
    """The beginning of the oldest month that stays live: this one and `months` before it."""
    whole = now.astimezone(UTC)
    year, month = divmod(whole.year * 12 + whole.month - 1 - months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)
