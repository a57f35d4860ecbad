"""`khallas ledger verify`: whatever was changed by hand is named, in the ledger and in the tables it follows.

Each row vouches for itself by its seal, each closed day for its rows and for the day before; the tables and the
transfers of one payment vouch for each other.
"""

from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any

from psycopg import IsolationLevel

from core.database.ledger.days import read_rows
from core.database.ledger.reading import differences_within
from core.database.pool import Connection, Database
from core.hash_chain import GENESIS, ChainLink, first_break
from core.ledger.balances import Sums
from core.ledger.days import Closing
from core.money import decimal_text

VERIFY_MAX_MS = 3_600_000
NAMED_MAX = 100  # of each kind

SEALS = """
SELECT t.id, t.payment_id, t.debit, t.credit, t.amount_centimes FROM ledger_transfers t
WHERE t.seal IS DISTINCT FROM khallas_ledger_seal(t) ORDER BY t.id LIMIT %(limit)s
"""

DAYS = "SELECT * FROM ledger_days WHERE hash IS NOT NULL ORDER BY number"

TOTALS = "SELECT account, currency, debits_centimes, credits_centimes FROM ledger_day_totals WHERE day = %(day)s"

# What was confirmed, what was written for each bill, and what the acquirer took are one amount.
AMOUNTS = """
SELECT p.id AS payment_id, 'its amount is not its bills''' AS why FROM payments p
WHERE p.amount_centimes <> (SELECT sum(amount_centimes) FROM payment_lines l WHERE l.payment_id = p.id)
UNION ALL
SELECT l.payment_id, 'bill ' || l.invoice_number || ' is not the amount that was confirmed' FROM payment_lines l
JOIN payments p ON p.id = l.payment_id
CROSS JOIN LATERAL jsonb_array_elements(p.bills) AS b (bill)
WHERE b.bill ->> 'number' = l.invoice_number AND (b.bill ->> 'amount_centimes')::bigint <> l.amount_centimes
UNION ALL
SELECT l.payment_id, 'bill ' || l.invoice_number || ': what went back is not the sum of its parts'
FROM payment_lines l
WHERE l.returned_centimes <> (
    SELECT COALESCE(sum(r.amount_centimes), 0) FROM refunds r
    WHERE r.payment_id = l.payment_id AND r.invoice_number = l.invoice_number AND r.request_id IS NOT NULL
      AND r.state <> 'refused')
UNION ALL
SELECT p.id, 'what the acquirer took is not what the ledger took in' FROM payments p
CROSS JOIN LATERAL (
    SELECT sum(CASE WHEN starts_with(t.debit, 'acquirer:') THEN t.amount_centimes ELSE -t.amount_centimes END) AS took
    FROM ledger_transfers t WHERE t.payment_id = p.id AND t.event IN ('approved', 'mismatch')
) l
WHERE l.took <> COALESCE(p.approved_centimes, p.amount_centimes)
ORDER BY 1, 2 LIMIT %(limit)s
"""

# Nobody sets a state without its event.
STATES = """
SELECT p.id AS payment_id, 'it is ' || p.state || ', its last event left it ' || e.state AS why FROM payments p
CROSS JOIN LATERAL (
    SELECT state FROM payment_events WHERE payment_id = p.id ORDER BY id DESC LIMIT 1
) e WHERE e.state <> p.state ORDER BY p.id LIMIT %(limit)s
"""


class LedgerVerifier:
    """Walks it all. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self, progress: Callable[[date], None] = lambda day: None) -> list[str]:
        """The faults of the ledger in words; empty when all holds. `progress` is called for each day that was
        walked.
        """

        async def work(connection: Connection) -> list[str]:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            try:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL statement_timeout = {VERIFY_MAX_MS}")
                    return [wrong async for wrong in _wrongs(connection, progress)]
            finally:
                await connection.set_isolation_level(None)

        return await self._database.run(work, "verify the ledger")


async def _wrongs(connection: Connection, progress: Callable[[date], None]) -> AsyncIterator[str]:
    limit = {"limit": NAMED_MAX}
    for row in await (await connection.execute(SEALS, limit)).fetchall():
        moved = f"{decimal_text(row['amount_centimes'])} from {row['credit']} to {row['debit']}"
        yield f"transfer {row['id']} of payment {row['payment_id'] or '-'} was changed: it says {moved}"
    async for wrong in _days(connection, progress):
        yield wrong
    for difference in await differences_within(connection, NAMED_MAX):
        bill = f"bill {difference.bill}" if difference.bill else "its amount"
        yield (
            f"payment {difference.payment_id}, {bill}: the tables and the transfers differ by "
            f"{decimal_text(difference.centimes)} ({difference.debit} to {difference.credit} is missing, or too much)"
        )
    for statement in (AMOUNTS, STATES):
        for row in await (await connection.execute(statement, limit)).fetchall():
            yield f"payment {row['payment_id']}: {row['why']}"


async def _days(connection: Connection, progress: Callable[[date], None]) -> AsyncIterator[str]:
    """Each closed day as its rows say now, against its link and the one before."""
    before = GENESIS
    sums: dict[tuple[str, str], Sums] = {}
    for number, row in enumerate(await (await connection.execute(DAYS)).fetchall(), 1):
        digest, sums = await read_rows(connection, row["from_at"], row["until_at"], sums)
        closing = Closing(number, row["day"], digest.rows_count, digest.digest(), sums)
        link = ChainLink(row["number"], row["hash"])
        if digest.digest() != row["rows_hash"]:
            yield f"day {row['day']}: its {row['rows_count']} rows are not what was closed ({digest.rows_count} now)"
        elif await _totals(connection, row["day"]) != sums:
            yield f"day {row['day']}: its totals were changed"
        elif broken := first_break(before, [(link, closing.fields())], number):
            yield f"day {row['day']}: {broken.why}"
        before = row["hash"]
        progress(row["day"])


async def _totals(connection: Connection, day: date) -> dict[tuple[str, str], Sums]:
    rows: list[Any] = await (await connection.execute(TOTALS, {"day": day})).fetchall()
    return {(row["account"], row["currency"]): Sums(row["debits_centimes"], row["credits_centimes"]) for row in rows}
