"""Behind a real PgBouncer, set up as docs/SCALING.md says: bills are paid, jobs are woken, and the doctor tells what a
pooler keeps from us.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from core.database.pool import LOCK_MAX_MS, STATEMENT_MAX_MS, open_database
from khallas.doctor import stores
from khallas.doctor.finding import CheckFailed
from lab.cmi.cards import CardTable
from lab.servers.pgbouncer import PgBouncer, find_pgbouncer
from tests.security.callers import APPROVED, Way, call, subscribe
from tests.support.waiting import until
from tests.support.world import world

pytestmark = pytest.mark.skipif(find_pgbouncer() is None, reason="no PgBouncer here: apt-get install pgbouncer")

BILLS = 3
OURS = f"statement_timeout = {STATEMENT_MAX_MS}", f"lock_timeout = {LOCK_MAX_MS}"
WAITING = "SELECT count(*) AS waiting FROM messages WHERE due_at IS NOT NULL"
ENDED = "SELECT count(*) AS ended FROM payments WHERE state = 'captured'"


@contextmanager
def pooled(folder: Path, database_url: str, mode: str) -> Iterator[str]:
    at = folder / f"pgbouncer-{uuid4().hex}"
    at.mkdir(mode=0o711)
    with PgBouncer(at, database_url, mode=mode) as pooler:
        yield pooler.url


@contextmanager
def given(database_url: str, settings: tuple[str, ...]) -> Iterator[None]:
    """The role has them in this database, for as long as the block lasts."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = connection.info.dbname
        for setting in settings:
            connection.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET {setting}")
        yield
        connection.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} RESET ALL")


async def test_bills_are_paid_and_receipts_go_out(redis_url: str, database_url: str, servers_folder: Path) -> None:
    with pooled(servers_folder, database_url, "session") as url:
        await subscribe(url, BILLS)
        async with world(redis_url, url, bank_cards=CardTable(approved=frozenset({APPROVED}))) as here:
            database = here.house.database

            async def all_sent() -> bool:
                return await database.one(WAITING) == {"waiting": 0}

            ends = await asyncio.gather(*(call(here.url, n, Way("approved", "Paid"), []) for n in range(BILLS)))
            assert ends == ["Paid"] * BILLS
            await until(all_sent)
            assert await database.one(ENDED) == {"ended": BILLS}


@pytest.mark.parametrize(
    ("mode", "settings", "told"),
    [
        ("session", (), "statement_timeout"),
        ("session", OURS[:1], "lock_timeout"),
        ("session", OURS, "superuser"),  # as in the demo: nothing else is wrong
        ("transaction", OURS, "no session is ours"),
    ],
)
async def test_the_doctor_tells_what_a_pooler_keeps_from_us(
    database_url: str, servers_folder: Path, mode: str, settings: tuple[str, ...], told: str
) -> None:
    with given(database_url, settings), pooled(servers_folder, database_url, mode) as url:
        async with open_database(url) as database:
            with pytest.raises(CheckFailed, match=told):
                await stores.database(database)
