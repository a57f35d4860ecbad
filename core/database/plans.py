"""When PostgreSQL plans: connections that serve plan a statement once, for any values; searches and reports anew."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.database.pool import Connection, Database

T = TypeVar("T")

FOR_THEIR_VALUES = "SET plan_cache_mode = auto"
AS_BEFORE = "RESET plan_cache_mode"  # to what the connection was opened with


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
                await connection.execute(FOR_THEIR_VALUES)
                return await work(connection)
            finally:
                connection.prepare_threshold = kept
                if not connection.closed:
                    await connection.execute(AS_BEFORE, prepare=False)

        return await self._database._run(anew)
