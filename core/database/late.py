"""Reads that may be late: from a standby while it follows, from the primary otherwise. Nothing a customer hears.

A standby that was cut off believes that it follows. So it is compared with the primary: what was written there
LATE_MAX_S ago must be read here. Whoever writes by this database is refused by the standby.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from psycopg import Error

from core.database.pool import Connection, Database, Pool, make_pool
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

LATE_MAX_S = 15.0
ANSWER_MAX_S = 5.0
LOOK_EVERY_S = 5.0  # at most so often, and only while somebody reads
SAMPLES_MAX = 16

WRITTEN = "SELECT pg_current_wal_lsn()::text AS at"
REPLAYED = "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= %(at)s::pg_lsn AS reached"


class LateReads(Database):
    """Reads on a standby, or on the primary when that is away or late. Raises DatabaseUnavailable when both are."""

    def __init__(
        self,
        pool: Pool,
        primary: Database,
        *,
        late_max_s: float = LATE_MAX_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        super().__init__(pool, primary._tracer)
        self._primary = primary
        self._late_max_s = late_max_s
        self._look_every_s = look_every_s
        self._written: deque[tuple[float, str]] = deque(maxlen=SAMPLES_MAX)
        self._follows: bool | None = None
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def reading(self) -> Database:
        """Where to read now. Asks both, at most every LOOK_EVERY_S."""
        async with self._looking:
            now = time.monotonic()
            if now - self._looked_at >= self._look_every_s:
                self._tell(follows=await self._look(now))
                self._looked_at = time.monotonic()
        return self if self._follows else self._primary

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if await self.reading() is self._primary:
            return await self._primary._run(work)
        try:
            return await super()._run(work)
        except DatabaseUnavailable:
            self._tell(follows=False)
            return await self._primary._run(work)

    async def _look(self, now: float) -> bool:
        try:
            row = await self._primary.one(WRITTEN)
        except (DatabaseUnavailable, Error):
            return True  # nobody else could answer
        assert row is not None
        self._written.append((now, row["at"]))
        old = [at for since, at in self._written if now - since >= self._late_max_s]
        due = old[-1] if old else self._written[0][1]
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                reached = await super()._run(lambda connection: _reached(connection, due))
        except (DatabaseUnavailable, Error, TimeoutError):
            return False
        return reached

    def _tell(self, *, follows: bool) -> None:
        if follows is not self._follows and (self._follows is not None or not follows):
            log.warning(
                "late reads: the standby %s", "follows again" if follows else "is away or late: the primary reads"
            )
        self._follows = follows


@asynccontextmanager
async def open_late(late_url: str, primary: Database, **bounds: float) -> AsyncIterator[Database]:
    """For as long as the block lasts; the primary itself where no other address is set. `bounds`: LateReads's."""
    if not late_url:
        yield primary
        return
    async with make_pool(late_url) as pool:
        yield LateReads(pool, primary, **bounds)


async def _reached(connection: Connection, at: str) -> bool:
    row = await (await connection.execute(REPLAYED, {"at": at})).fetchone()
    return row is not None and bool(row["reached"])
