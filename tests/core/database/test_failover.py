"""A primary that is lost and a standby that takes over: what the application makes of it, on real servers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import App, PsycopgConnector

from core.database import jobs
from core.database.jobs import WorkerBounds, run_worker
from core.database.migrate import upgrade
from core.database.pool import Connection, Database, make_pool, open_database
from core.database.silence import ANSWER_MAX_S
from core.repositories import DatabaseUnavailable
from lab.servers.postgres import Postgres
from lab.servers.standby import Standby, url_of_both

PATIENCE_S = 120.0  # of a test, on a busy machine


@dataclass(frozen=True)
class Pair:
    """A primary and its standby, both running."""

    primary: Postgres
    standby: Standby

    @property
    def url(self) -> str:
        """Both, and whoever takes writes is meant."""
        return url_of_both(self.primary, self.standby)


@pytest.fixture
def pair(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    folder = servers_folder / request.node.name
    with Postgres(folder / "first") as primary, Standby(folder / "second", primary) as standby:
        yield Pair(primary, standby)


async def _until_written(database: Database, what: str) -> None:
    """A customer who tries again; whatever is raised meanwhile says that the database is away."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await database.do("INSERT INTO kept VALUES (%(what)s)", what=what)
            except DatabaseUnavailable:
                await asyncio.sleep(0.1)
            else:
                return


@asynccontextmanager
async def _books(pair: Pair, answer_max_s: float = ANSWER_MAX_S) -> AsyncIterator[Database]:
    async with open_database(pair.url, answer_max_s=answer_max_s) as database:
        await database.do("CREATE TABLE kept (what text PRIMARY KEY)")
        await database.do("INSERT INTO kept VALUES ('before')")
        yield database


@contextmanager
def _caught_up(pair: Pair) -> Iterator[None]:
    with (
        psycopg.connect(pair.primary.url, autocommit=True) as there,
        psycopg.connect(pair.standby.url, autocommit=True) as here,
    ):
        at = there.execute("SELECT pg_current_wal_lsn()").fetchone()
        for _ in range(10_000):
            if here.execute("SELECT pg_last_wal_replay_lsn() >= %s", at).fetchone() == (True,):
                break
    yield


async def test_writing_goes_on_at_the_standby_that_was_promoted(pair: Pair) -> None:
    async with _books(pair) as database:
        with _caught_up(pair):
            pair.primary.kill()
        with pytest.raises(DatabaseUnavailable):
            await database.do("INSERT INTO kept VALUES ('nobody')")
        pair.standby.promote()
        await _until_written(database, "after")
        assert await database.all("SELECT what FROM kept ORDER BY what") == [{"what": "after"}, {"what": "before"}]


async def test_a_primary_that_falls_silent_is_left(pair: Pair) -> None:
    """Its machine stands still: the kernel keeps the connections, and no answer comes, not even an error."""
    async with _books(pair, answer_max_s=1.0) as database:
        with _caught_up(pair):
            pair.primary.pause()
        try:
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(DatabaseUnavailable):
                    await database.do("INSERT INTO kept VALUES ('nobody')")
            pair.standby.promote()
            await _until_written(database, "after")
        finally:
            pair.primary.resume()


async def test_a_standby_is_away_for_whoever_writes(pair: Pair) -> None:
    async with _books(pair):
        with _caught_up(pair):
            pass
    async with open_database(pair.standby.url) as database:
        assert await database.all("SELECT what FROM kept") == [{"what": "before"}]
        with pytest.raises(DatabaseUnavailable):
            await database.do("INSERT INTO kept VALUES ('nobody')")
        pair.standby.promote()
        assert await database.do("INSERT INTO kept VALUES ('after')") == 1, "the same pool, once it is the primary"


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.AdminShutdown,
        psycopg.errors.CrashShutdown,
        psycopg.errors.CannotConnectNow,
        psycopg.errors.ConnectionFailure,
        psycopg.errors.ReadOnlySqlTransaction,
        psycopg.errors.IdleInTransactionSessionTimeout,
    ],
)
async def test_what_a_server_says_as_it_goes_is_tried_again(database_url: str, error: type[Exception]) -> None:
    tries = 0

    async def work(connection: Connection) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        return "done"

    async with open_database(database_url) as database:
        assert await database.run(work) == "done"


async def test_a_listener_listens_to_whoever_is_primary(pair: Pair) -> None:
    """Jobs of the new primary are heard of at once, and not at the next look, which is an hour away here."""
    upgrade(pair.primary.url)
    app, done = App(connector=PsycopgConnector()), asyncio.Event()

    @app.task(name="told")
    async def told() -> None:
        done.set()

    async with make_pool(pair.url) as pool, app.open_async(pool):
        worker = asyncio.create_task(run_worker(app, bounds=WorkerBounds(poll_s=3_600.0)))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await _listened_at(pair.primary)
                with _caught_up(pair):
                    pair.primary.kill()
                pair.standby.promote()
                await _listened_at(pair.standby)
                await _deferred(Database(pool))
                await done.wait()
        finally:
            worker.cancel()
            await asyncio.wait({worker})


async def _listened_at(server: Postgres) -> None:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen %%' AND state = 'idle'"
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
        while True:
            row: Any = await (await connection.execute(statement)).fetchone()
            if row[0] >= len(jobs.SLOTS):
                return
            await asyncio.sleep(0.05)


async def _deferred(database: Database) -> None:
    await database.one(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'told', 0, NULL, NULL, '{}'::jsonb, NULL)"
        "::procrastinate_job_to_defer_v1])"
    )
