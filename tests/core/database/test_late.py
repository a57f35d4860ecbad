"""Reads that may be late: on the standby while it follows, on the primary otherwise."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from core.database.late import LateReads, open_late
from core.database.pool import open_database
from core.repositories import DatabaseUnavailable
from lab.servers.postgres import Postgres
from lab.servers.standby import Standby

PATIENCE_S = 120.0
EACH_TIME = {"late_max_s": 0.0, "look_every_s": 0.0}
WHERE = "SELECT pg_is_in_recovery() AS standby, (SELECT max(n) FROM kept) AS n"


async def _until(database: LateReads, true: Callable[[bool, int], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            row = await database.one(WHERE)
            assert row is not None
            if true(row["standby"], row["n"]):
                return
            await asyncio.sleep(0.02)


def _paused(standby: Standby) -> None:
    """It hears of what is written, and has not read it."""
    with psycopg.connect(standby.url, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        while connection.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
            connection.execute("SELECT pg_sleep(0.01)")


async def test_a_standby_reads_while_it_follows(servers_folder: Path) -> None:
    folder = servers_folder / "late-pair"
    with Postgres(folder / "first") as primary, Standby(folder / "second", primary) as standby:
        async with open_database(primary.url) as first, open_late(standby.url, first, **EACH_TIME) as reads:
            assert isinstance(reads, LateReads)
            await first.do("CREATE TABLE kept (n int)")
            await first.do("INSERT INTO kept VALUES (1)")
            await _until(reads, lambda on_standby, n: on_standby and n == 1)
            assert await reads.reading() is reads
            _paused(standby)
            await first.do("INSERT INTO kept VALUES (2)")
            # what lags is not asked: the newest is read at once, on the primary
            assert await reads.one(WHERE) == {"standby": False, "n": 2}
            assert await reads.reading() is first
            with psycopg.connect(standby.url, autocommit=True) as connection:
                connection.execute("SELECT pg_wal_replay_resume()")
            await _until(reads, lambda on_standby, n: on_standby and n == 2)
            standby.kill()
            assert await reads.one(WHERE) == {"standby": False, "n": 2}
            standby.start()
            await _until(reads, lambda on_standby, n: on_standby)
            primary.kill()
            assert await reads.one(WHERE) == {"standby": True, "n": 2}, "late is better than nothing"
            with pytest.raises(DatabaseUnavailable):
                await reads.do("INSERT INTO kept VALUES (3)")


async def test_without_an_address_the_primary_reads(database_url: str) -> None:
    async with open_database(database_url) as first, open_late("", first, **EACH_TIME) as reads:
        assert reads is first
        assert await reads.reading() is first
