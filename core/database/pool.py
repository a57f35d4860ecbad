"""The pool of connections to PostgreSQL: how many there are, and how long each may wait for what."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from core.database.plans import ONCE, PlannedOnce
from core.database.silence import ANSWER_MAX_S
from core.database.statements import BoundedConnection, Connection, Database, Pool, WarmestFirst

__all__ = ["Connection", "Database", "Pool", "make_pool", "open_database"]

CONNECTIONS_MIN, CONNECTIONS_MAX = 2, 10
WAITING_MAX = 500
PREPARED_AFTER = 1  # executions of a statement on a connection: to parse one of ours costs more than to keep it
AT_ONCE = 0  # where the plan of the first run is the plan of all
CHECKOUT_MAX_S = 5.0
CONNECT_MAX_S, CONNECT_MIN_S = 5, 2  # a host: of several, one may be silent, and the others are asked in time
RECONNECT_MAX_S = 2.0  # then whoever asks next begins anew: psycopg's own pauses double, to minutes
STATEMENT_MAX_MS = 10_000
LOCK_MAX_MS = 5_000
# Nothing is compiled for one run: what a statement over months is thought to cost would have it compiled each time.
NOT_COMPILED = "-c jit=off"
# What is silent and idle (a listener) is found by the kernel: 10 s, then three questions.
KEPT_ALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # ms that what was sent may stay unacknowledged
}


def make_pool(
    database_url: str,
    *,
    connections_max: int = CONNECTIONS_MAX,
    answer_max_s: float = ANSWER_MAX_S,
    planned_once: bool = False,
) -> Pool:
    """A pool that is not open yet: `async with make_pool(url) as pool`, or open and close it in a lifespan.

    `answer_max_s`: then a silent server's connection is cut. `planned_once`: a connection plans a statement once, for
    any values; what reads much or little by them asks core.database.plans.PlannedAnew. Connections commit each
    statement by themselves; work of several statements asks for a transaction.
    """
    bounds = f"-c statement_timeout={STATEMENT_MAX_MS} -c lock_timeout={LOCK_MAX_MS} {NOT_COMPILED}"
    kind = PlannedOnce if planned_once else WarmestFirst
    return kind(
        database_url,
        connection_class=BoundedConnection,
        kwargs={
            **KEPT_ALIVE,
            "row_factory": dict_row,
            "prepare_threshold": AT_ONCE if planned_once else PREPARED_AFTER,
            "connect_timeout": max(CONNECT_MIN_S, CONNECT_MAX_S // _hosts(database_url)),
            "options": f"{bounds} {ONCE}" if planned_once else bounds,
        },
        min_size=min(CONNECTIONS_MIN, connections_max),
        max_size=connections_max,
        max_waiting=WAITING_MAX,
        timeout=CHECKOUT_MAX_S,
        reconnect_timeout=RECONNECT_MAX_S,
        configure=partial(_configured, answer_max_s),
        open=False,
        name="khallas",
    )


def _hosts(database_url: str) -> int:
    try:
        named = conninfo_to_dict(database_url)
    except ProgrammingError:  # connecting will say so
        return 1
    return len(str(named.get("host") or "").split(","))


async def _configured(answer_max_s: float, connection: Connection) -> None:
    if isinstance(connection, BoundedConnection):
        connection.answer_max_s = answer_max_s
    # set here and not in kwargs: procrastinate's listener takes those and passes its own autocommit
    await connection.set_autocommit(True)


@asynccontextmanager
async def open_database(database_url: str, *, answer_max_s: float = ANSWER_MAX_S) -> AsyncIterator[Database]:
    """A database for as long as the block lasts."""
    async with make_pool(database_url, answer_max_s=answer_max_s) as pool:
        yield Database(pool)
