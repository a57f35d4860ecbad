"""What the tests of the months use: a till's payments moved, and what stands where."""

from datetime import datetime, timedelta

from core.database.archive.months import MOVED_TABLES, PgArchive
from core.database.pool import Database
from tests.support.shop import Shop

LATER = timedelta(days=100)


async def moved(shop: Shop, before: datetime | None = None) -> int:
    """Moves what is over, long after it was made; how many payments."""
    await settled(shop)
    count = 0
    async for batch in PgArchive(shop.database).batches(before or shop.clock.now() + LATER):
        count += batch.moved
    return count


async def month_made(shop: Shop, at: datetime) -> None:
    """The tables of a month, as the command makes them before it moves anything."""
    await PgArchive(shop.database).ask_months()
    await shop.database.do("SELECT khallas_make_month(%(at)s)", at=at)


async def settled(shop: Shop) -> None:
    """All that is due is done: bills posted, messages sent, captures looked at once more."""
    await shop.work()
    shop.clock.forward(60)
    await shop.sweep.money()
    await shop.work()


async def rows(database: Database, payment_id: str, *, live: bool) -> dict[str, int]:
    """How many rows of a payment each table has: the live ones, or those of the months."""
    found: dict[str, int] = {}
    for table in MOVED_TABLES:
        key = "id" if table == "payments" else "payment_id"
        row = await database.one(
            f"SELECT count(*) FILTER (WHERE tableoid = '{table}'::regclass) AS live, count(*) AS every"  # noqa: S608
            f" FROM {table} WHERE {key} = %(id)s",
            id=payment_id,
        )
        assert row is not None
        found[table] = row["live"] if live else row["every"] - row["live"]
    return {table: count for table, count in found.items() if count}
