"""Statements are planned once by connections that serve, and anew for searches and reports."""

import pytest

from core.database.plans import PlannedAnew
from core.database.pool import Connection, Database, make_pool
from core.repositories import DatabaseUnavailable

ASKED = "SELECT count(*) AS many FROM lines WHERE reference = %(reference)s"
PLANS = """
SELECT sum(generic_plans)::int AS once, sum(custom_plans)::int AS anew FROM pg_prepared_statements
WHERE statement LIKE 'SELECT count(*) AS many%%'
"""
MODE = "SELECT current_setting('plan_cache_mode') AS plan_cache_mode, current_setting('jit') AS jit"


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
        assert await anew.one(MODE) == {"plan_cache_mode": "auto", "jit": "off"}
        assert await database.one(MODE) == {"plan_cache_mode": "force_generic_plan", "jit": "off"}


async def test_a_search_that_fails_leaves_the_connection_as_it_was(database_url: str) -> None:
    async with make_pool(database_url, connections_max=1, planned_once=True) as pool:
        database = Database(pool)
        anew = PlannedAnew(database)
        with pytest.raises(ZeroDivisionError):
            await anew.run(_fails)
        assert await database.one(MODE) == {"plan_cache_mode": "force_generic_plan", "jit": "off"}
        with pytest.raises(DatabaseUnavailable):
            await anew.one("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await anew.one(MODE) == {"plan_cache_mode": "auto", "jit": "off"}


async def _fails(connection: Connection) -> None:
    raise ZeroDivisionError


async def test_other_pools_leave_it_to_postgresql(database_url: str) -> None:
    async with make_pool(database_url, connections_max=1) as pool:
        assert await Database(pool).one(MODE) == {"plan_cache_mode": "auto", "jit": "off"}
