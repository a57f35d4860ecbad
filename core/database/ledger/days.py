"""Closing the ledger's days: the door first, then the barrier, then the sums and the hash.

A day's row shuts it for new transfers at once (they are dated later, with a note: `khallas_ledger_row`); whoever wrote
before that and has not committed is waited for; what is then read does not change any more. Safe to repeat and to run
in several workers.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from core.database.pool import Connection, Database
from core.hash_chain import GENESIS, Fields, linked
from core.ledger.balances import Sums
from core.ledger.days import Closing, RowsHash, bounds, day_of, last_over

log = logging.getLogger(__name__)

DAYS_MAX = 400  # in one run; the rest follows in the next
CLOSE_MAX_MS = 600_000
ROWS_AT_ONCE = 2_000

LAST = "SELECT number, day, hash FROM ledger_days ORDER BY number DESC LIMIT 1"

FIRST_ROW = "SELECT min(at) AS at FROM ledger_transfers"

SHUT = """
INSERT INTO ledger_days (number, day, from_at, until_at)
VALUES (%(number)s, %(day)s, %(from_at)s, %(until_at)s)
ON CONFLICT DO NOTHING
"""

# Waits for whoever is writing a transfer right now, and nobody waits for longer than that.
BARRIER = "LOCK TABLE ledger_transfers IN SHARE MODE"

BEFORE = """
SELECT d.number, d.hash, t.account, t.currency, t.debits_centimes, t.credits_centimes
FROM ledger_days d LEFT JOIN ledger_day_totals t ON t.day = d.day
WHERE d.number = %(number)s - 1
"""

# A day has all rows from the end of the one before; the first one whatever is older.
ROWS = """
SELECT id, at, debit, credit, amount_centimes, currency, payment_id, bill, event, note FROM ledger_transfers
WHERE at < %(until_at)s AND (%(from_at)s::timestamptz IS NULL OR at >= %(from_at)s)
ORDER BY id
"""

CLOSE = """
UPDATE ledger_days SET rows_count = %(rows_count)s, rows_hash = %(rows_hash)s, hash = %(hash)s, closed_at = %(now)s
WHERE number = %(number)s AND hash IS NULL
RETURNING number
"""

TOTAL = """
INSERT INTO ledger_day_totals (day, account, currency, debits_centimes, credits_centimes)
SELECT %(day)s, account, currency, debits, credits
FROM unnest(%(accounts)s::text[], %(currencies)s::text[], %(debits)s::bigint[], %(credits)s::bigint[])
    AS t (account, currency, debits, credits)
"""


class LedgerDays:
    """Closes what is over. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def close_due(self, now: datetime) -> list[date]:
        """The days that were closed, the oldest first."""
        closed: list[date] = []
        while len(closed) < DAYS_MAX and (day := await self._next(now)) is not None:
            number, of = day
            await self._shut(number, of)
            await self._sum(number, of, now)
            closed.append(of)
        if closed:
            log.info("ledger: closed %s to %s", closed[0], closed[-1])
        return closed

    async def _next(self, now: datetime) -> tuple[int, date] | None:
        """The number and the day to close next; a closing that was cut off is done again."""
        last = await self._database.one(LAST)
        if last is None:
            first = await self._database.one(FIRST_ROW)
            if first is None or first["at"] is None:
                return None
            number, day = 1, day_of(first["at"])
        elif last["hash"] is None:
            return last["number"], last["day"]
        else:
            number, day = last["number"] + 1, last["day"] + timedelta(days=1)
        return (number, day) if day <= last_over(now) else None

    async def _shut(self, number: int, day: date) -> None:
        from_at, until_at = bounds(day)
        start = None if number == 1 else from_at
        await self._database.do(SHUT, number=number, day=day, from_at=start, until_at=until_at)

        async def wait(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(BARRIER)

        await self._database.run(wait, "ledger barrier")

    async def _sum(self, number: int, day: date, now: datetime) -> None:
        from_at, until_at = bounds(day)
        start = None if number == 1 else from_at

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL statement_timeout = {CLOSE_MAX_MS}")
                before, totals = await read_before(connection, number)
                rows, totals = await read_rows(connection, start, until_at, totals)
                closing = Closing(number, day, rows.rows_count, rows.digest(), totals)
                values = {"number": number, "rows_count": rows.rows_count, "rows_hash": rows.digest(), "now": now}
                values["hash"] = linked(before, number, closing.fields()).hash
                if await (await connection.execute(CLOSE, values)).fetchone() is not None:
                    await connection.execute(TOTAL, {"day": day, **_columns(totals)})

        await self._database.run(work, "close a day")


async def read_before(connection: Connection, number: int) -> tuple[bytes, dict[tuple[str, str], Sums]]:
    """The hash and the totals of the day before; the first has nothing before it."""
    rows = await (await connection.execute(BEFORE, {"number": number})).fetchall()
    if not rows:
        return GENESIS, {}
    totals = {
        (row["account"], row["currency"]): Sums(row["debits_centimes"], row["credits_centimes"])
        for row in rows
        if row["account"] is not None
    }
    return rows[0]["hash"], totals


async def read_rows(
    connection: Connection,
    from_at: datetime | None,
    until_at: datetime,
    totals: Mapping[tuple[str, str], Sums],
) -> tuple[RowsHash, dict[tuple[str, str], Sums]]:
    """A day's rows, hashed as they come, and the totals at its end. In the caller's transaction, in bounded memory."""
    digest, sums = RowsHash(), dict(totals)
    async with connection.cursor("ledger_rows") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        await cursor.execute(ROWS, {"from_at": from_at, "until_at": until_at})
        async for row in cursor:
            digest.take(_fields(row))
            amount = row["amount_centimes"]
            for account, sides in ((row["debit"], Sums(amount, 0)), (row["credit"], Sums(0, amount))):
                key = (account, row["currency"])
                sums[key] = sums.get(key, Sums()).plus(sides)
    return digest, sums


def _fields(row: Mapping[str, Any]) -> Fields:
    return row


def _columns(totals: Mapping[tuple[str, str], Sums]) -> dict[str, list[Any]]:
    return {
        "accounts": [account for account, _ in totals],
        "currencies": [currency for _, currency in totals],
        "debits": [each.debits_centimes for each in totals.values()],
        "credits": [each.credits_centimes for each in totals.values()],
    }
