"""One run: an empty database and a grown one in one server, `khallas archive` over a month, then both measured."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from bench.growth import filling, measuring
from bench.importing import KHALLAS
from core.database.migrate import upgrade
from lab.servers.postgres import Postgres

LIVE_MONTHS = 3
ARCHIVED_MAX = 100_000  # by the real command; the other months are filled where they lie
COMMAND_MAX_S = 3_600.0
ASKED = 50  # payments of the months that are read and brought back

OLD = (
    "SELECT id FROM payments WHERE tableoid <> 'payments'::regclass AND state = 'captured' AND created_at < %s LIMIT %s"
)
COUNTED = """
SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE tableoid = 'payments'::regclass) FROM payments
WHERE id LIKE 'G%'
"""
MOVED = "SELECT count(*) FROM payments WHERE tableoid <> 'payments'::regclass AND created_at < %s"


@dataclass(frozen=True, slots=True)
class Years:
    """What is filled: so many payments over so many months; `on`: the tablespace of those that moved."""

    payments: int
    months: int
    on: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a run found."""

    payments: int
    months: int
    live: int
    bytes_each: float
    archived: int
    archived_s: float
    ratios: dict[str, tuple[float, float]]  # of the empty database and of the grown one, milliseconds
    of_a_month: dict[str, float]
    lost: int


def measure(postgres: Postgres, years: Years, times: int, say: Callable[[str], None]) -> Growth:
    """Raises RuntimeError when the archive lost or doubled a payment. A grown database that is there is filled on."""
    empty, grown = _made(postgres, "empty"), postgres.url_of("grown")
    if not postgres.holds("grown"):
        _made(postgres, "grown.new")
        postgres.rename("grown.new", "grown")
    upgrade(grown)
    with psycopg.connect(empty) as connection:
        base = filling.size(connection)
    with psycopg.connect(grown, autocommit=True) as connection:
        filled = 0
        for name, count, so_far in filling.grow(connection, years.payments, years.months, LIVE_MONTHS, years.on):
            filled += count
            say(f"{name}: {filled:,} payments, {(so_far - base) / filled:,.0f} bytes each")
        held = (filling.size(connection) - base) / filled
        added = min(ARCHIVED_MAX, years.payments // years.months)
        moved, moved_s = _archived(connection, grown, filled + 1, added, years.months)
        say(f"khallas archive moved {moved:,} payments in {moved_s:.1f} s")
        connection.execute("VACUUM ANALYZE")
        row = connection.execute(COUNTED).fetchone()
        assert row is not None
        lost = filled + added - row[1] + (row[0] - row[1])
        old = [each for (each,) in connection.execute(OLD, (datetime.now(UTC), ASKED)).fetchall()]
    for url in (empty, grown):
        measuring.seed(url, times)
        measuring.in_memory(url, postgres.folder / "cluster")
    ratios = asyncio.run(measuring.compared(empty, grown, times))
    of_a_month = asyncio.run(measuring.of_a_month(grown, old))
    return Growth(row[0], years.months, row[2], held, moved, moved_s, ratios, of_a_month, lost)


def _made(postgres: Postgres, name: str) -> str:
    """A database anew; its URL."""
    postgres.drop(name)
    url = postgres.create(name)
    upgrade(url)
    return url


def _archived(connection: psycopg.Connection, url: str, first: int, count: int, months: int) -> tuple[int, float]:
    """A month more, older than the others, put into the live tables and moved by the real command."""
    now = datetime.now(UTC)
    begins, ends = filling.month_begins(now, months), filling.month_begins(now, months - 1)
    table = filling.month_table(begins)
    if not any(filling.holds(connection, each, begins, ends) for each in ("payments", table)):
        filling.fill(connection, first, count, begins, ends, month=False)
    before = _counted(connection, ends)
    began = time.perf_counter()
    command = [*KHALLAS, "archive", "--before", f"{ends:%Y-%m}"]
    environ = {**os.environ, "KHALLAS_DATABASE_URL": url}
    subprocess.run(command, env=environ, check=True, timeout=COMMAND_MAX_S, stdout=subprocess.DEVNULL)
    spent = time.perf_counter() - began
    return _counted(connection, ends) - before, spent


def _counted(connection: psycopg.Connection, ends: datetime) -> int:
    row = connection.execute(MOVED, (ends,)).fetchone()
    return int(row[0]) if row else 0
