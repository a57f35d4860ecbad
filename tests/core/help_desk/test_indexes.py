"""Searches and lists are answered by indexes: nobody waits while a whole table is read."""

import pytest

from core.database.help_desk.lists import LISTS
from core.database.help_desk.operations import TROUBLES
from core.database.migrations.indexes import HOLDER_WORDS
from core.database.pool import Connection
from core.help_desk.lists import PaymentList
from tests.support.shop import Shop

WAYS = {
    "lines_holder": f"SELECT 1 FROM lines WHERE {HOLDER_WORDS} @@ plainto_tsquery('simple', 'salma demo')",  # noqa: S608
    "lines_email": "SELECT 1 FROM lines WHERE lower(email) = 'salma@example.com'",
    "payments_email": "SELECT 1 FROM payments WHERE lower(email) = 'salma@example.com'",
    "payments_unfinished": f"SELECT 1 FROM payments p WHERE {LISTS[PaymentList.OPEN][0]} ORDER BY created_at",  # noqa: S608
    "payment_events_troubles": TROUBLES.replace("%(since)s", "now()").replace("%(limit)s", "12"),
    "payments_of_months_keys": "SELECT 1 FROM payments_of_months WHERE keys && ARRAY[1::bigint]",
    "payments_created": "SELECT 1 FROM payments p WHERE p.created_at >= now() AND p.created_at < now()",
}


@pytest.mark.parametrize("index", list(WAYS))
async def test_the_index_fits_the_statement_letter_by_letter(shop: Shop, index: str) -> None:
    async def plan(connection: Connection) -> str:
        await connection.execute("SET enable_seqscan = off")
        rows = await (await connection.execute(f"EXPLAIN {WAYS[index]}")).fetchall()
        await connection.execute("RESET enable_seqscan")
        return "\n".join(row["QUERY PLAN"] for row in rows)

    assert index in await shop.database.run(plan)
