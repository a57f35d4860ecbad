"""The ledger as an auditor reads it: balances of a day, the equations, what differs and what is in doubt.

Rule of this file: one snapshot for all of it, so that payments that go on meanwhile make no difference. Sums are those
of the last closed day and the rows since.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from psycopg import IsolationLevel
from psycopg.rows import DictRow

from core.database.pool import Connection, Database
from core.ledger.balances import (
    DOUBT_OLD,
    BalanceSheet,
    Difference,
    Doubt,
    Figures,
    Sums,
    account_days,
    by_itself,
    equations,
)
from core.ledger.days import bounds, day_of

READ_MAX_MS = 600_000
SHOWN_MAX = 100  # differences and doubts

BASE = """
SELECT d.until_at, t.account, t.currency, t.debits_centimes, t.credits_centimes
FROM (SELECT day, until_at FROM ledger_days WHERE hash IS NOT NULL AND until_at <= %(until_at)s
      ORDER BY number DESC LIMIT 1) d
LEFT JOIN ledger_day_totals t ON t.day = d.day
"""

SINCE = """
SELECT account, currency, sum(debits)::bigint AS debits_centimes, sum(credits)::bigint AS credits_centimes FROM (
    SELECT debit AS account, currency, amount_centimes AS debits, 0 AS credits FROM ledger_transfers
    WHERE (%(from_at)s::timestamptz IS NULL OR at >= %(from_at)s)
      AND (%(until_at)s::timestamptz IS NULL OR at < %(until_at)s)
    UNION ALL
    SELECT credit, currency, 0, amount_centimes FROM ledger_transfers
    WHERE (%(from_at)s::timestamptz IS NULL OR at >= %(from_at)s)
      AND (%(until_at)s::timestamptz IS NULL OR at < %(until_at)s)
) sides GROUP BY account, currency
"""

TABLES = """
SELECT account, sum(centimes)::bigint AS centimes FROM ledger_positions WHERE account IS NOT NULL GROUP BY account
"""

# Counted from the payments themselves, by another way than `ledger_positions`: what was taken and is not back.
TAKEN = """
SELECT (
    COALESCE((SELECT sum(COALESCE(approved_centimes, amount_centimes)) FROM payments WHERE state = ANY(%(taken)s)), 0)
    - COALESCE((SELECT sum(l.amount_centimes) FROM payment_lines l JOIN payments p ON p.id = l.payment_id
                WHERE l.posting = 'credited' AND p.state = ANY(%(taken)s)), 0)
    - COALESCE((SELECT sum(r.amount_centimes) FROM refunds r JOIN payments p ON p.id = r.payment_id
                WHERE r.request_id IS NOT NULL AND r.state IN ('credited', 'told', 'untold')
                  AND p.state = ANY(%(taken)s)), 0)
    + COALESCE((SELECT sum(taken_centimes) FROM wallet_attempts WHERE state = 'surplus'), 0)
)::bigint AS centimes
"""
TAKEN_STATES = ["captured", "integrity_failure", "voiding", "refunding"]

# The files' own word: of a transaction that stands in two files, one. None where no file was ever booked.
FILES = """
SELECT sum(CASE kind WHEN 'credit' THEN -amount_centimes ELSE amount_centimes END)::bigint AS centimes
FROM (SELECT DISTINCT ON (s.order_id, s.kind, s.transaction_number) s.kind, s.amount_centimes
      FROM settlement_rows s JOIN payments p ON p.id = s.order_id AND COALESCE(p.wallet, p.acquirer) = s.acquirer
      ORDER BY s.order_id, s.kind, s.transaction_number, s.file_hash) once
WHERE EXISTS (SELECT FROM ledger_transfers WHERE starts_with(id, 'settlement:'))
"""

DOUBTS = """
SELECT s.payment_id, s.account, s.centimes, t.since FROM (
    SELECT payment_id, account, sum(centimes)::bigint AS centimes FROM ledger_positions
    WHERE starts_with(account, 'doubt:') GROUP BY payment_id, account HAVING sum(centimes) <> 0
) s CROSS JOIN LATERAL (
    SELECT COALESCE(max(at), %(now)s) AS since FROM ledger_transfers
    WHERE payment_id = s.payment_id AND credit = s.account
) t WHERE t.since <= %(before)s ORDER BY t.since LIMIT %(limit)s
"""

DIFFERENCES = """
WITH differ AS (
    SELECT payment_id FROM (
        SELECT payment_id, bill, account, centimes FROM ledger_positions WHERE account IS NOT NULL
        UNION ALL
        SELECT payment_id, bill, debit, amount_centimes FROM ledger_transfers
        WHERE payment_id IS NOT NULL AND split_part(debit, ':', 1) IN ('bills', 'customers', 'doubt')
        UNION ALL
        SELECT payment_id, bill, credit, -amount_centimes FROM ledger_transfers
        WHERE payment_id IS NOT NULL AND split_part(credit, ':', 1) IN ('bills', 'customers', 'doubt')
    ) lies GROUP BY payment_id, bill, account HAVING sum(centimes) <> 0
)
SELECT d.payment_id, l.bill, l.debit, l.credit, l.amount_centimes AS centimes
FROM (SELECT DISTINCT payment_id FROM differ ORDER BY payment_id LIMIT %(limit)s) d
CROSS JOIN LATERAL khallas_ledger_legs(
    d.payment_id, NULL, 'acquirer:' || khallas_tender(d.payment_id) || ':receivable'
) l
ORDER BY d.payment_id, l.leg
"""

Ledger = dict[tuple[str, str], Sums]


class LedgerReader:
    """Reads balance sheets. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sheet(self, now: datetime, on: date | None = None) -> BalanceSheet:
        """The sheet of today so far, with every equation; of an earlier day, what that day's rows tell by
        themselves.
        """
        today = day_of(now)
        day = on or today

        async def work(connection: Connection) -> BalanceSheet:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            try:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL statement_timeout = {READ_MAX_MS}")
                    return await (_of_today(connection, day, now) if day >= today else _of_day(connection, day))
            finally:
                await connection.set_isolation_level(None)

        return await self._database.run(work, "balance sheet")


async def _of_day(connection: Connection, day: date) -> BalanceSheet:
    from_at, until_at = bounds(day)
    opening = await _until(connection, from_at)
    moved = await _moved(connection, from_at, until_at)
    row = await (
        await connection.execute("SELECT hash IS NOT NULL AS closed FROM ledger_days WHERE day = %(day)s", {"day": day})
    ).fetchone()
    sheet_equations = tuple(by_itself(_together(opening, moved)))
    return BalanceSheet(day, bool(row and row["closed"]), account_days(opening, moved), sheet_equations)


async def _of_today(connection: Connection, day: date, now: datetime) -> BalanceSheet:
    opening = await _until(connection, bounds(day)[0])
    moved = await _moved(connection, bounds(day)[0], None)
    figures = await _figures(connection, _together(opening, moved))
    sheet_equations = equations(figures)
    differences: tuple[Difference, ...] = ()
    if not all(each.holds for each in sheet_equations):
        differences = await differences_within(connection)
    values = {"now": now, "before": now - DOUBT_OLD, "limit": SHOWN_MAX}
    doubts = await (await connection.execute(DOUBTS, values)).fetchall()
    accounts = account_days(opening, moved)
    return BalanceSheet(day, closed=False, accounts=accounts, equations=sheet_equations, differences=differences,
                        doubts=tuple(Doubt(**row) for row in doubts))  # fmt: skip


async def differences_within(connection: Connection, limit: int = SHOWN_MAX) -> tuple[Difference, ...]:
    """Payments whose tables and transfers disagree."""
    rows = await (await connection.execute(DIFFERENCES, {"limit": limit})).fetchall()
    return tuple(Difference(**row) for row in rows)


async def _figures(connection: Connection, ledger: Ledger) -> Figures:
    tables = {row["account"]: row["centimes"] for row in await (await connection.execute(TABLES)).fetchall()}
    taken = await _one(connection, TAKEN, taken=TAKEN_STATES)
    files = await _one(connection, FILES)
    outside = {"bank": 0, "fees": 0, "chargebacks": 0, "losses": 0}
    for (account, _), each in ledger.items():
        head = account.partition(":")[0]
        if head in outside:
            outside[head] += each.debits_centimes - each.credits_centimes
    return Figures(
        ledger=ledger,
        tables=tables,
        taken_centimes=taken["centimes"],
        outside_centimes=sum(outside.values()),
        booked_centimes=outside["bank"] + outside["fees"],
        files_centimes=files["centimes"],
    )


async def _until(connection: Connection, until_at: datetime) -> Ledger:
    """All that moved before: the last closing, and the rows since."""
    rows = await (await connection.execute(BASE, {"until_at": until_at})).fetchall()
    base = {(row["account"], row["currency"]): _sums(row) for row in rows if row["account"] is not None}
    from_at = rows[0]["until_at"] if rows else None
    return _together(base, await _moved(connection, from_at, until_at))


async def _moved(connection: Connection, from_at: datetime | None, until_at: datetime | None) -> Ledger:
    rows = await (await connection.execute(SINCE, {"from_at": from_at, "until_at": until_at})).fetchall()
    return {(row["account"], row["currency"]): _sums(row) for row in rows}


def _together(one: Ledger, other: Ledger) -> Ledger:
    return {key: one.get(key, Sums()).plus(other.get(key, Sums())) for key in one.keys() | other.keys()}


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(row["debits_centimes"], row["credits_centimes"])


async def _one(connection: Connection, statement: str, **values: object) -> DictRow:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return row
