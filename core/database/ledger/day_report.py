"""A day's report as statements over the ledger. The tender is the payment's; a balance is all that moved until then."""

from collections.abc import AsyncIterator
from datetime import date, datetime

from psycopg import IsolationLevel

from core.database.ledger.reading import READ_MAX_MS
from core.database.pool import Connection, Database
from core.ledger.day_report import DayReport, Movement, MovementKind, ReportRow
from core.ledger.days import bounds

PAGE_ROWS = 1_000

# Which account of the acquirer's a transfer moves, and which way: a row a side.
SIDES = """
SELECT t.id, t.at, t.event, t.note, t.payment_id, t.amount_centimes AS centimes,
       split_part(side.account, ':', 1) AS account, split_part(side.account, ':', 2) AS acquirer,
       side.sign AS sign, split_part(side.other, ':', 1) AS other
FROM ledger_transfers t
CROSS JOIN LATERAL (VALUES (t.debit, t.credit, 1), (t.credit, t.debit, -1)) AS side (account, other, sign)
WHERE split_part(side.account, ':', 1) IN ('acquirer', 'fees', 'bank', 'chargebacks')
"""
PAYERS = "('bills', 'customers', 'doubt')"

DAY = f"""
SELECT s.acquirer, COALESCE(p.card_brand, '') AS tender,
  count(DISTINCT s.payment_id) FILTER (WHERE account = 'acquirer' AND sign = 1 AND other IN {PAYERS}) AS payments,
  COALESCE(sum(centimes) FILTER (WHERE account = 'acquirer' AND sign = 1 AND other IN {PAYERS}), 0)::bigint AS taken,
  count(DISTINCT (s.payment_id, s.at, s.event)) FILTER (WHERE account = 'acquirer' AND sign = -1 AND other IN {PAYERS})
    AS refunds,
  COALESCE(sum(centimes) FILTER (WHERE account = 'acquirer' AND sign = -1 AND other IN {PAYERS}), 0)::bigint AS back,
  COALESCE(sum(-sign * centimes) FILTER (WHERE account = 'acquirer' AND other IN ('bank', 'fees')), 0)::bigint
    AS settled,
  COALESCE(sum(sign * centimes) FILTER (WHERE account = 'fees'), 0)::bigint AS fees,
  COALESCE(sum(sign * centimes) FILTER (WHERE account = 'bank'), 0)::bigint AS paid_in,
  COALESCE(sum(sign * centimes) FILTER (WHERE account = 'chargebacks'), 0)::bigint AS chargebacks
FROM ({SIDES} AND t.at >= %(begins)s AND t.at < %(ends)s) s LEFT JOIN payments p ON p.id = s.payment_id
GROUP BY 1, 2
"""  # noqa: S608 - constants of this file

BALANCE = f"""
SELECT s.acquirer, COALESCE(p.card_brand, '') AS tender, sum(s.centimes)::bigint AS balance FROM (
    SELECT acquirer, payment_id, sum(sign * centimes) AS centimes FROM ({SIDES} AND t.at < %(ends)s) m
    WHERE account = 'acquirer' GROUP BY 1, 2 HAVING sum(sign * centimes) <> 0
) s LEFT JOIN payments p ON p.id = s.payment_id
GROUP BY 1, 2 HAVING sum(s.centimes) <> 0
"""  # noqa: S608

# A settled row's two legs, net and commission, are one movement; so are the bills of one payment.
MOVEMENTS = f"""
SELECT s.at, s.event, s.acquirer, COALESCE(p.card_brand, '') AS tender, COALESCE(p.channel, '') AS channel,
       COALESCE(s.payment_id, '') AS payment_id, COALESCE(p.auth_code, '') AS auth_code,
       COALESCE(p.transaction_number, '') AS transaction_number, s.note,
       CASE WHEN s.account = 'fees' THEN 'fee' WHEN s.account = 'bank' THEN 'other'
            WHEN s.account = 'chargebacks' THEN CASE WHEN s.sign = 1 THEN 'chargeback'
                WHEN bool_or(s.other = 'losses') THEN 'chargeback_lost' ELSE 'chargeback_won' END
            WHEN bool_or(s.other IN {PAYERS}) THEN CASE WHEN s.sign = 1 THEN 'payment' ELSE 'refund' END
            WHEN bool_or(s.other IN ('bank', 'fees')) THEN CASE WHEN s.sign = -1 THEN 'settled' ELSE 'settled_credit'
            END ELSE 'other' END AS kind,
       sum(s.centimes)::bigint AS centimes,
       COALESCE(sum(s.centimes) FILTER (WHERE s.other = 'fees'), 0)::bigint AS fee
FROM ({SIDES} AND t.at >= %(begins)s AND t.at < %(ends)s) s LEFT JOIN payments p ON p.id = s.payment_id
WHERE s.account = 'acquirer' AND s.other <> 'chargebacks' OR s.account = 'chargebacks'
   OR s.account = 'fees' AND s.other = 'bank'
GROUP BY s.at, s.event, s.acquirer, p.card_brand, p.channel, s.payment_id, p.auth_code, p.transaction_number, s.note,
         s.account, s.sign, regexp_replace(s.id, '[.][0-9]+$', '')
ORDER BY s.at, payment_id, kind
"""  # noqa: S608


class PgDayReports:
    """Implements core.ledger.day_report.DayReports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, day: date, now: datetime) -> DayReport:
        begins, ends = bounds(day)

        async def work(connection: Connection) -> DayReport:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            try:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL statement_timeout = {READ_MAX_MS}")
                    values = {"begins": begins, "ends": ends}
                    moved = await (await connection.execute(DAY, values)).fetchall()
                    balance_rows = await (await connection.execute(BALANCE, values)).fetchall()
            finally:
                await connection.set_isolation_level(None)
            return DayReport(day, now, now >= ends, _rows(moved, balance_rows))

        return await self._database.run(work, "day report")

    async def movements(self, day: date) -> AsyncIterator[Movement]:
        begins, ends = bounds(day)
        database = await self._database.reading()
        async with (
            database.pool.connection() as connection,
            connection.transaction(),
            connection.cursor("movements") as cursor,
        ):
            await connection.execute(f"SET LOCAL statement_timeout = {READ_MAX_MS}")
            cursor.itersize = PAGE_ROWS
            await cursor.execute(MOVEMENTS, {"begins": begins, "ends": ends})
            async for row in cursor:
                yield Movement(
                    row["at"],
                    MovementKind(row["kind"]),
                    row["acquirer"],
                    row["tender"],
                    row["channel"],
                    row["payment_id"],
                    row["auth_code"],
                    row["transaction_number"],
                    row["centimes"],
                    row["fee"],
                    row["note"],
                )


def _rows(moved: list[dict[str, object]], balance_rows: list[dict[str, object]]) -> tuple[ReportRow, ...]:
    """By acquirer and tender; a balance that nothing moved today has its row too."""
    days = {(str(row["acquirer"]), str(row["tender"])): row for row in moved}
    balances = {(str(row["acquirer"]), str(row["tender"])): row["balance"] for row in balance_rows}
    names = ("payments", "taken", "refunds", "back", "settled", "fees", "paid_in", "chargebacks")
    rows = []
    for key in sorted(days.keys() | balances.keys()):
        sums = [int(str(days[key][name])) if key in days else 0 for name in names]
        payments, taken, refunds, back, settled, fees, paid_in, chargebacks = sums
        balance = int(str(balances.get(key, 0)))
        row = ReportRow(*key, payments, taken, refunds, back, settled, fees, paid_in, chargebacks, balance)
        rows.append(row)
    return tuple(rows)
