"""Statements are planned once by connections that serve, and anew for searches and reports."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import psycopg
import pytest

from bench.growth import filling
from core.database import plans
from core.database.payments.statements import HELD
from core.database.plans import PlannedAnew
from core.database.pool import Connection, Database, make_pool
from core.database.statements import BoundedConnection
from core.repositories import DatabaseUnavailable

BEGINS = datetime(2026, 11, 1, tzinfo=UTC)
ASKED = "SELECT count(*) AS many FROM lines WHERE reference = %(reference)s"
PLANS = """
SELECT sum(generic_plans)::int AS once, sum(custom_plans)::int AS anew FROM pg_prepared_statements
WHERE statement LIKE 'SELECT count(*) AS many%%'
"""
MODE = """
SELECT current_setting('plan_cache_mode') AS plan_cache_mode, current_setting('enable_seqscan') AS whole_tables,
       current_setting('jit') AS jit
"""
SERVING = {"plan_cache_mode": "force_generic_plan", "whole_tables": "off", "jit": "off"}
SEARCHING = {"plan_cache_mode": "auto", "whole_tables": "on", "jit": "off"}


async def _planned(database: Database, by: Database) -> object:
    for n in range(9):
        await by.one(ASKED, reference=str(n))
    return await database.one(PLANS)


async def test_a_connection_that_serves_plans_a_statement_once(database_url: str) -> None:
    async with make_pool(database_url, connections_max=1, planned_once=True) as pool:
        database = Database(pool)
        assert await _planned(database, database) == {"once": 9, "anew": 0}


async def test_a_search_is_planned_for_what_is_searched(database_url: str) -> None:
    async with make_pool(database_url, connections_max=1, planned_once=True) as pool:
        database = Database(pool)
        anew = PlannedAnew(database)
        assert await _planned(database, anew) == {"once": None, "anew": None}, "none is kept"
        assert await anew.one(MODE) == SEARCHING
        assert await database.one(MODE) == SERVING


async def test_a_search_that_fails_leaves_the_connection_as_it_was(database_url: str) -> None:
    async with make_pool(database_url, connections_max=1, planned_once=True) as pool:
        database = Database(pool)
        anew = PlannedAnew(database)
        with pytest.raises(ZeroDivisionError):
            await anew.run(_fails)
        assert await database.one(MODE) == SERVING
        with pytest.raises(DatabaseUnavailable):
            await anew.one("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await anew.one(MODE) == SEARCHING


async def test_what_was_written_is_not_written_again_where_the_connection_is_lost_after_it(database_url: str) -> None:
    async with make_pool(database_url, connections_max=2, planned_once=True) as pool:
        database = Database(pool)
        await database.do("CREATE TABLE written (n int)")
        ended = 0

        async def write_and_lose(connection: Connection) -> None:
            nonlocal ended
            await connection.execute("INSERT INTO written VALUES (1)")
            await database.do("SELECT pg_terminate_backend(%(pid)s)", pid=connection.info.backend_pid)
            ended += 1

        await PlannedAnew(database).run(write_and_lose)
        assert await database.one("SELECT count(*) AS rows FROM written") == {"rows": 1}
        assert ended == 1


async def _fails(connection: Connection) -> None:
    raise ZeroDivisionError


async def test_other_pools_leave_it_to_postgresql(database_url: str) -> None:
    async with make_pool(database_url, connections_max=1) as pool:
        assert await Database(pool).one(MODE) == SEARCHING


async def test_a_plan_that_was_made_on_empty_tables_is_made_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("payments", "payment_lines"):
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode())
        filling.fill(connection, 1, 1, BEGINS, BEGINS + timedelta(hours=1), month=False)
        connection.execute("VACUUM ANALYZE")
        now = monotonic()
        monkeypatch.setattr(plans, "monotonic", lambda: now)
        async with make_pool(database_url, connections_max=1, planned_once=True) as pool:
            database = Database(pool)
            await _held(database)
            filling.fill(connection, 2, 300, BEGINS, BEGINS + timedelta(hours=1), month=False)
            await _held(database)
            assert await _rows_read_whole(database) > 300, "the plan is of a time when nothing was there"
            monkeypatch.setattr(plans, "monotonic", lambda: now + plans.KEPT_MAX_S)
            await _held(database)
            assert await _rows_read_whole(database) == 0


async def test_whoever_goes_while_plans_are_let_go_leaves_the_connection_to_the_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_pool(database_url, connections_max=1, planned_once=True) as pool:
        database = Database(pool)
        assert await database.one("SELECT 1 AS one") == {"one": 1}
        monkeypatch.setattr(plans, "monotonic", lambda: monotonic() + plans.KEPT_MAX_S)
        execute, waits = BoundedConnection.execute, asyncio.Event()

        async def silent(connection: Connection, query: Any, *args: Any, **options: Any) -> Any:
            if query == "DISCARD PLANS":
                waits.set()
                await asyncio.Event().wait()
            return await execute(connection, query, *args, **options)

        monkeypatch.setattr(BoundedConnection, "execute", silent)
        asked = asyncio.create_task(database.one("SELECT 1 AS one"))
        await waits.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        monkeypatch.setattr(BoundedConnection, "execute", execute)
        assert await database.one("SELECT 2 AS two") == {"two": 2}


async def _held(database: Database) -> None:
    await database.all(HELD, service="mobile", reference="0600000000")


async def _rows_read_whole(database: Database) -> int:
    """By the plan that is kept: rows that were looked at and left."""
    name = await database.one(
        "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%%l.invoice_number, p.state%%'"
    )
    assert name is not None
    rows = await database.all(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name['name']}('mobile', '0600000000')")
    return sum(node.get("Rows Removed by Filter", 0) for node in _nodes(rows[0]["QUERY PLAN"][0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
