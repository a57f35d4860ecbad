"""When PostgreSQL plans: connections that serve plan a statement once, for any values; searches and reports anew."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from psycopg import Error

from core.database.statements import Connection, Database, WarmestFirst

T = TypeVar("T")

# Else a process of PostgreSQL plans each statement anew five times, and those with arrays for ever. An index is taken
# wherever there is one, however small the table is now.
ONCE = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
KEPT_MIN_S, KEPT_MAX_S = 1.0, 600.0

FOR_THEIR_VALUES = "SET plan_cache_mode = auto; SET enable_seqscan = on"
AS_BEFORE = "RESET plan_cache_mode; RESET enable_seqscan"  # to what the connection was opened with


class PlannedOnce(WarmestFirst):
    """Connections, opened with ONCE, that plan a statement once, and once more when they are twice as old.

    A plan is kept until its tables are analysed. One that was made while they were empty reads all of one of them for
    each row of another, and in an hour they have thousands.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As psycopg's."""
        super().__init__(*args, **kwargs)
        self._kept_until: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - psycopg's
        """As psycopg's."""
        connection, now = await super().getconn(timeout), monotonic()
        if now >= self._kept_until.get(connection, 0.0):
            await self._plan_again(connection, now)
        return connection

    async def _plan_again(self, connection: Connection, now: float) -> None:
        known = connection in self._kept_until
        self._kept_until[connection] = now + min(max(now - connection._created_at, KEPT_MIN_S), KEPT_MAX_S)
        if not known:
            return
        try:
            await connection.execute("DISCARD PLANS", prepare=False)
        except Error:  # one that is lost is found so by whoever asked for it
            return
        except BaseException:  # whoever asked is gone, and nobody else would give it back
            await self.putconn(connection)
            raise


class PlannedAnew(Database):
    """The same connections, for statements that read much or little by their values: a search, a list, a report, what
    is swept once a day. None is kept, and two short ones come with them.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database.pool, database._tracer)
        self._database = database

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def anew(connection: Connection) -> T:
            kept, connection.prepare_threshold = connection.prepare_threshold, None
            try:
                await connection.execute(FOR_THEIR_VALUES, prepare=False)
                return await work(connection)
            finally:
                connection.prepare_threshold = kept
                await _put_back(connection)

        return await self._database._run(anew)


async def _put_back(connection: Connection) -> None:
    """What was done stays done, and is not done again, where this fails: the connection is given up."""
    if connection.closed:
        return
    try:
        await connection.execute(AS_BEFORE, prepare=False)
    except Error:
        await connection.close()
