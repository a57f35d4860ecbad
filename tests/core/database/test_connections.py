"""A server that falls silent is left by everybody, and a pool that stood without connections fills again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.database.pool import Database, make_pool, open_database
from core.database.statements import KEPT_MAX, BoundedConnection
from core.repositories import DatabaseUnavailable
from lab.servers.postgres import Postgres
from tests.support.waiting import until

PATIENCE_S = 120.0  # of a test, on a busy machine
NOBODY = "postgresql://a:b@127.0.0.1:1/c"


@contextmanager
def _frozen(server: Postgres) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


async def _connected(url: str, answer_max_s: float, suspect_s: float = 600.0) -> BoundedConnection:
    connection = await BoundedConnection.connect(url, autocommit=True)
    connection.answer_max_s, connection.suspect_s = answer_max_s, suspect_s
    return connection


@pytest.mark.parametrize(("answer_max_s", "suspect_s"), [(1.0, 600.0), (600.0, 0.5)])
async def test_who_asked_last_is_not_kept_by_a_silent_server(
    servers_folder: Path, answer_max_s: float, suspect_s: float
) -> None:
    """And neither is who listens."""
    with Postgres(servers_folder / f"frozen-{suspect_s}", throwaway=True) as server:
        first = await _connected(server.url, answer_max_s, suspect_s)
        last, listener = [await _connected(server.url, 600.0) for _ in range(2)]
        await listener.execute("LISTEN nothing")

        async def listen() -> None:
            async for _ in listener.notifies():
                raise AssertionError("nothing was said")

        with _frozen(server):
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as all_three:
                for work in (first.execute("SELECT 1"), last.execute("SELECT 1"), listen()):
                    all_three.create_task(_is_lost(work))
        for each in (first, last, listener):
            await each.close()


async def _is_lost(work: object) -> None:
    with pytest.raises(psycopg.OperationalError):
        await work  # type: ignore[misc]  # a coroutine of whatever


async def test_a_slow_statement_is_left_alone_while_the_server_answers_others(database_url: str) -> None:
    slow, slower, quick = [await _connected(database_url, max_s) for max_s in (3.0, 600.0, 600.0)]
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as all_three:
        all_three.create_task(_is_lost(slow.execute("SELECT pg_sleep(600)")))
        goes_on = all_three.create_task(slower.execute("SELECT pg_sleep(4)"))
        await asyncio.sleep(0.2)
        await quick.execute("SELECT 1")
    assert goes_on.result().rowcount == 1
    for each in (slow, slower, quick):
        await each.close()


async def test_a_server_that_takes_connections_is_waited_for(database_url: str) -> None:
    """Nobody is answered meanwhile."""
    alone = await _connected(database_url, 600.0, suspect_s=0.2)
    async with asyncio.timeout(PATIENCE_S):
        assert (await alone.execute("SELECT pg_sleep(1)")).rowcount == 1
    await alone.close()


async def test_whoever_gave_up_does_not_keep_others_from_asking(database_url: str) -> None:
    """More than may wait asked while the server was away, and nobody tried to connect any more."""
    pool = make_pool(NOBODY)
    pool.timeout, pool.max_waiting, pool.reconnect_timeout = 0.1, 2, 0.5
    async with pool, asyncio.timeout(PATIENCE_S):
        for _ in range(2 * pool.max_waiting):
            with pytest.raises(DatabaseUnavailable):
                await Database(pool).do("SELECT 1")
        await until(lambda: pool.get_stats()["pool_size"] == 0)
        pool.conninfo, pool.timeout = database_url, PATIENCE_S
        assert await Database(pool).do("SELECT 1") == 1


async def test_who_waits_while_the_pool_gives_up_is_served(database_url: str) -> None:
    """Nobody else asks, whose question would make the pool connect again."""
    pool = make_pool(NOBODY, connections_max=1)
    pool.timeout, pool.reconnect_timeout = PATIENCE_S, 0.5
    async with pool, asyncio.timeout(PATIENCE_S):
        waits = asyncio.create_task(Database(pool).do("SELECT 1"))
        await until(lambda: pool.get_stats().get("connections_errors", 0) >= 5)
        pool.conninfo = database_url
        assert await waits == 1


async def test_a_statement_waits_for_the_server_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has committed itself: no connection asks for a commit when it goes back."""
    waited: list[str] = []
    wait = BoundedConnection.wait

    async def counted(connection: BoundedConnection, gen: Any, *args: Any, **kwargs: Any) -> Any:
        waited.append(gen.__name__)
        return await wait(connection, gen, *args, **kwargs)

    async with open_database(database_url) as database:
        await database.pool.wait(PATIENCE_S)  # a connection that is being made waits too
        await database.one("SELECT 1 AS n")
        monkeypatch.setattr(BoundedConnection, "wait", counted)
        assert await database.one("SELECT 1 AS n") == {"n": 1}
        assert await database.all("SELECT 1 AS n") == [{"n": 1}]
        assert await database.do("SELECT 1 AS n") == 1
    assert waited == ["_execute_gen"] * 3


async def test_what_a_statement_read_is_not_kept_with_it(database_url: str) -> None:
    asked = "SELECT n, repeat('x', n) AS text FROM generate_series(%(first)s::int, 3) AS n"
    async with open_database(database_url) as database, database.pool.connection() as connection:
        assert isinstance(connection, BoundedConnection)
        cursor = connection.kept(asked)
        for first in (1, 3, 4, 2):  # each execution reads its own rows
            with await cursor.execute(asked, {"first": first}) as read:
                assert [row["n"] for row in await read.fetchall()] == list(range(first, 4))
            assert cursor.pgresult is None
        assert connection.kept(asked) is cursor
        for n in range(2 * KEPT_MAX):
            connection.kept(f"SELECT {n}")
        assert connection.kept(asked) is not cursor  # so many are kept, and no more


async def test_statements_of_several_at_once_read_their_own_rows(database_url: str) -> None:
    async with open_database(database_url) as database:
        rows = await asyncio.gather(*(database.one("SELECT %(n)s::int AS n", n=n) for n in range(200)))
        assert [row and row["n"] for row in rows] == list(range(200))
        with pytest.raises(psycopg.errors.DivisionByZero):
            await database.one("SELECT 1 / %(n)s::int AS n", n=0)
        assert await database.one("SELECT 1 / %(n)s::int AS n", n=1) == {"n": 1}
