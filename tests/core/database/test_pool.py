"""Work on the database: tried again when the connection was lost, named when it cannot be had."""

import asyncio

import psycopg
import pytest

from core.database.pool import Connection, Database, make_pool, open_database
from core.repositories import DatabaseUnavailable


async def test_lost_connections_are_replaced_and_the_work_done(database_url: str) -> None:
    async with open_database(database_url) as database:
        assert await database.one("SELECT 1 AS up") == {"up": 1}
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert await database.all("SELECT 1 AS up") == [{"up": 1}]


async def test_a_connection_lost_each_time_is_given_up(database_url: str) -> None:
    tries: list[int] = []

    async def dies(connection: Connection) -> None:
        tries.append(1)
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    async with open_database(database_url) as database:
        with pytest.raises(DatabaseUnavailable, match="was lost"):
            await database.run(dies)
    assert len(tries) == 3


async def test_a_deadlock_is_tried_again(database_url: str) -> None:
    tries: list[int] = []

    async def deadlocks_once(connection: Connection) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise psycopg.errors.DeadlockDetected
        return "done"

    async with open_database(database_url) as database:
        assert await database.run(deadlocks_once) == "done"


async def test_a_pool_that_is_closed_is_a_database_that_is_down(database_url: str) -> None:
    pool = make_pool(database_url, connections_max=1)
    with pytest.raises(DatabaseUnavailable, match="no database connection"):
        await Database(pool).one("SELECT 1")
    await pool.open()
    assert await Database(pool).do("SELECT 1") == 1
    await pool.close()


async def test_a_server_that_takes_no_writes_is_away(database_url: str) -> None:
    """A primary that was demoted, or whose disk is full, answers 25006."""
    async with open_database(database_url) as database:
        await database.do("CREATE TABLE demoted (n int)")

        async def work(connection: Connection) -> None:
            await connection.execute("SET default_transaction_read_only = on")
            await connection.execute("INSERT INTO demoted VALUES (1)")

        with pytest.raises(DatabaseUnavailable):
            await database.run(work)
        assert await database.do("INSERT INTO demoted VALUES (2)") == 1, "that connection is not used any more"


async def test_the_connection_that_came_back_last_goes_out_first(database_url: str) -> None:
    """One at a time: one server process answers, which knows the statements; the others may end."""

    async def who(connection: Connection) -> int:
        return connection.info.backend_pid

    async with open_database(database_url) as database:
        await database.pool.wait()
        async with database.pool.connection() as one, database.pool.connection() as other:
            both = {await who(one), await who(other)}
        asked = {await database.run(who) for _ in range(6)}
        assert len(both) == 2
        assert len(asked) == 1
        assert asked < both


async def test_a_statement_that_comes_again_is_kept_by_the_server(database_url: str) -> None:
    statement = "SELECT count(*) AS kept FROM pg_prepared_statements WHERE statement LIKE %(like)s"

    async def asks(connection: Connection) -> list[int]:
        rows = [await (await connection.execute(statement, {"like": "%pg_prepared%"})).fetchone() for _ in range(3)]
        return [row["kept"] for row in rows if row]

    async with open_database(database_url) as database:
        assert await database.run(asks) == [0, 1, 1]


async def test_a_migration_beside_us_changes_no_statement_that_is_kept(database_url: str) -> None:
    """A whole row after a new column: "cached plan must not change result type", on every connection, for ever."""
    asked = "SELECT *, pg_sleep(0.05)::text AS slept FROM grown"
    async with open_database(database_url) as database:
        await database.do("CREATE TABLE grown (n int)")
        await database.do("INSERT INTO grown VALUES (1)")
        for _ in range(3):
            await asyncio.gather(*(database.all(asked) for _ in range(5)))
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("ALTER TABLE grown ADD COLUMN m int DEFAULT 2")
        for _ in range(2):
            for rows in await asyncio.gather(*(database.all(asked) for _ in range(5))):
                assert [(row["n"], row["m"]) for row in rows] == [(1, 2)]
