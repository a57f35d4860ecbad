"""Connections, and the one way statements run: guarded work, tried again when the server lost it, errors named by room.

Everything that runs here is safe to run twice: a change names the state it starts from, an insert its unique key.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any, TypeVar

from psycopg import AsyncConnection, ProgrammingError, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from core.database.batched import Batched
from core.database.bounded import KEPT_ALIVE, BoundedConnection
from core.repositories import DatabaseUnavailable
from core.tracing import NO_TRACER, Tracer

log = logging.getLogger(__name__)

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

CONNECTIONS_MIN, CONNECTIONS_MAX = 2, 10
WAITING_MAX = 500
CHECKOUT_MAX_S = 5.0
CONNECT_MAX_S, CONNECT_MIN_S = 5, 2  # a host: of several, one may be silent, and the others are asked in time
RECONNECT_MAX_S = 2.0  # then whoever asks next begins anew: psycopg's own pauses double, to minutes
STATEMENT_MAX_MS = 10_000
LOCK_MAX_MS = 5_000
TRIES_MAX = 3
PAUSES_S = (0.05, 0.3)  # between them
# a server that was demoted or ran out of disk takes no writes: as good as away until another one answers
_LOST = (
    errors.OperationalError,
    errors.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)
_POOL_EMPTY = (PoolTimeout, PoolClosed, TooManyRequests)


def make_pool(database_url: str, *, connections_max: int = CONNECTIONS_MAX) -> Pool:
    """A pool that is not open yet: `async with make_pool(url) as pool`, or open and close it in a lifespan.

    Connections commit each statement by themselves; work of several statements asks for a transaction.
    """
    return AsyncConnectionPool(
        database_url,
        connection_class=BoundedConnection,
        kwargs={
            **KEPT_ALIVE,
            "row_factory": dict_row,
            "connect_timeout": max(CONNECT_MIN_S, CONNECT_MAX_S // _hosts(database_url)),
            "options": f"-c statement_timeout={STATEMENT_MAX_MS} -c lock_timeout={LOCK_MAX_MS}",
        },
        min_size=min(CONNECTIONS_MIN, connections_max),
        max_size=connections_max,
        max_waiting=WAITING_MAX,
        timeout=CHECKOUT_MAX_S,
        reconnect_timeout=RECONNECT_MAX_S,
        configure=_commit_each,
        open=False,
        name="khallas",
    )


def _hosts(database_url: str) -> int:
    try:
        named = conninfo_to_dict(database_url)
    except ProgrammingError:  # connecting will say so
        return 1
    return len(str(named.get("host") or "").split(","))


async def _commit_each(connection: Connection) -> None:
    # set here and not in kwargs: procrastinate's listener takes those and passes its own autocommit
    await connection.set_autocommit(True)


class Database:
    """Runs work on the pool. Raises DatabaseUnavailable when the server cannot be asked; other psycopg errors pass
    through.
    """

    def __init__(self, pool: Pool, tracer: Tracer = NO_TRACER) -> None:
        self.pool = pool
        self._tracer = tracer
        self._renewing: asyncio.Task[None] | None = None
        self._renewed_at = float("-inf")

    async def run(self, work: Callable[[Connection], Awaitable[T]], named: str = "work") -> T:
        """Run guarded work on a connection; tried again when the connection was lost or a deadlock broken."""
        with self._tracer.span(f"sql {named}"):
            return await self._run(work)

    def batched(self, ask: Callable[[Connection, Sequence[Q]], Awaitable[Sequence[A]]], named: str) -> Batched[Q, A]:
        """Questions that concurrent requests ask together; `ask` answers several, in their order."""

        async def together(questions: Sequence[Q]) -> Sequence[A]:
            return await self._run(lambda connection: ask(connection, questions))

        return Batched(together, named, self._tracer)

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        tries, begun, lost = 0, 0.0, False
        while True:
            tries, begun, lost = tries + 1, time.monotonic(), False
            try:
                async with self.pool.connection() as connection:
                    try:
                        return await work(connection)
                    except errors.ReadOnlySqlTransaction:
                        await connection.close()  # the pool opens one to whoever is the primary by then
                        raise
                    finally:
                        lost = connection.closed
            except _POOL_EMPTY as error:
                raise DatabaseUnavailable("no database connection") from error
            except _LOST as error:
                if lost:
                    self._renew(begun)
                if tries == TRIES_MAX:
                    raise DatabaseUnavailable("the database was lost") from error
                await asyncio.sleep(PAUSES_S[tries - 1])

    def _renew(self, begun: float) -> None:
        """Replace every idle connection: where one was lost, all are. Without asking them: a frozen server keeps
        whoever asks. In a task of its own: whoever is cancelled meanwhile would take connections out of the pool's
        count. Once for all who lost theirs together.
        """
        if begun < self._renewed_at or self._renewing is not None:
            return
        self._renewed_at = time.monotonic()
        self._renewing = asyncio.get_running_loop().create_task(self.pool.drain(), context=Context())
        self._renewing.add_done_callback(self._has_renewed)

    def _has_renewed(self, done: "asyncio.Task[None]") -> None:
        self._renewing = None
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("connections could not be renewed: %r", error)

    async def reading(self) -> "Database":
        """Where whoever reads by connections of one's own reads now."""
        return self

    async def one(self, statement: str, **values: Any) -> DictRow | None:
        """The first row of one statement, committed."""

        async def work(connection: Connection) -> DictRow | None:
            return await (await connection.execute(statement, values)).fetchone()

        return await self.run(work, statement.split(None, 1)[0])

    async def all(self, statement: str, **values: Any) -> list[DictRow]:
        """Returns every row of one statement, committed."""

        async def work(connection: Connection) -> list[DictRow]:
            return await (await connection.execute(statement, values)).fetchall()

        return await self.run(work, statement.split(None, 1)[0])

    async def do(self, statement: str, **values: Any) -> int:
        """Run one statement, committed; how many rows it touched."""

        async def work(connection: Connection) -> int:
            return (await connection.execute(statement, values)).rowcount

        return await self.run(work, statement.split(None, 1)[0])


@asynccontextmanager
async def open_database(database_url: str) -> AsyncIterator[Database]:
    """A database for as long as the block lasts."""
    async with make_pool(database_url) as pool:
        yield Database(pool)
