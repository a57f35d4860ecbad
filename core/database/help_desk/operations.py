"""What operations see, as statements over one snapshot. Each is answered by an index of migration 0006 or by a small
partial one: the page may be open on many screens while customers pay.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from psycopg import IsolationLevel
from psycopg.rows import DictRow

from core.database.pool import Connection, Database
from core.help_desk.operations import (
    ANSWERS_SHOWN,
    TROUBLES_SHOWN,
    UNDECIDED_SHOWN,
    BankAnswer,
    GivenBack,
    Incident,
    Overview,
    Sales,
    SettlementRun,
    Undecided,
    UndecidedPayment,
    WorkQueue,
)

# What was taken, whatever was given back later; the acquirer's amount is the truth.
SALES = """
SELECT date_trunc('hour', paid_at, 'UTC') AS hour, channel, count(*) AS payments,
       sum(COALESCE(approved_centimes, amount_centimes))::bigint AS centimes
FROM ONLY payments WHERE paid_at >= %(since)s
GROUP BY 1, 2 ORDER BY 1, 2
"""

# By the ledger, in the same commit as the event that gave it back; of payments that `SALES` counts, or counted.
BACK = """
SELECT count(DISTINCT p.id) AS payments, COALESCE(sum(t.amount_centimes), 0)::bigint AS centimes
FROM ONLY ledger_transfers t JOIN ONLY payments p ON p.id = t.payment_id
WHERE t.at >= %(since)s AND p.paid_at IS NOT NULL AND starts_with(t.credit, 'acquirer:')
  AND split_part(t.debit, ':', 1) IN ('bills', 'customers', 'doubt')
"""

# What was sent, and what came of it: one walk over the period's events.
ANSWERED = """
SELECT event, COALESCE(CASE event WHEN 'refused' THEN detail END, '') AS detail, count(*) AS times
FROM ONLY payment_events
WHERE at >= %(since)s AND event IN ('send', 'approved', 'refused', 'lost', 'challenged', 'mismatch', 'absent')
GROUP BY 1, 2 ORDER BY times DESC, 1, 2
"""
NO_ANSWERS = ("send", "absent")

# A row that is due again and again is as old as its beginning.
MESSAGES = """
SELECT CASE WHEN kind LIKE '%%\\_mail' THEN 'mail' WHEN kind = 'outgoing_call' THEN 'call' ELSE 'sms' END AS name,
       count(*) FILTER (WHERE due_at IS NOT NULL) AS waiting,
       min(created_at) FILTER (WHERE due_at IS NOT NULL) AS oldest,
       count(*) FILTER (WHERE status = 'failed' AND updated_at >= %(since)s) AS failed
FROM (
    SELECT kind, status, due_at, created_at, updated_at FROM ONLY messages WHERE due_at IS NOT NULL
    UNION ALL
    SELECT kind, status, due_at, created_at, updated_at FROM ONLY messages
    WHERE status = 'failed' AND updated_at >= %(since)s AND due_at IS NULL
) told
GROUP BY 1
"""

# OFFSET 0: each payment by its key; where much waits, a join would rather read all payments.
POSTINGS = """
SELECT count(*) AS waiting, min(since) AS oldest FROM (
    SELECT p.paid_at AS since FROM ONLY payment_lines l
    CROSS JOIN LATERAL (SELECT paid_at FROM ONLY payments WHERE id = l.payment_id OFFSET 0) p
    WHERE l.posting_due_at IS NOT NULL
    UNION ALL
    SELECT created_at FROM refunds WHERE due_at IS NOT NULL
) waiting
"""

STUCK = """
SELECT (SELECT count(*) FROM ONLY payment_lines WHERE posting = 'stuck')
     + (SELECT count(*) FROM refunds WHERE state IN ('stuck', 'untold'))
     + (SELECT count(*) FROM refunds r WHERE state = 'refused' AND closed_at IS NULL AND NOT EXISTS (
            SELECT FROM refunds n
            WHERE (n.payment_id, n.invoice_number) = (r.payment_id, r.invoice_number) AND n.id > r.id))
     + (SELECT count(*) FROM ONLY payments WHERE by_hand IS NOT NULL)
     + (SELECT count(*) FROM ONLY wallet_attempts WHERE state = 'surplus' AND by_hand IS NOT NULL) AS stuck
"""

UNDECIDED = """
SELECT id, COALESCE(sent_at, created_at) AS since, amount_centimes AS centimes,
       count(*) OVER () AS times, sum(amount_centimes) OVER ()::bigint AS everything
FROM ONLY payments WHERE state = 'unknown' ORDER BY since LIMIT %(limit)s
"""

# `due_at` is counted, not asked for: that of what was paid would be read, too.
GIVING_BACK = """
SELECT count(due_at) AS times FROM ONLY payments
WHERE state IN ('integrity_failure', 'voiding', 'refunding')
"""

SETTLEMENT = """
SELECT ran_at AS at, file_name, rows_read AS rows, matched, unreadable, missing_here, missing_there, different,
       (SELECT count(*) FROM reconciliation_findings f WHERE f.file_hash = r.file_hash AND f.seen_at = r.ran_at
        AND (f.closed_at > r.ran_at OR f.resolved_at > r.ran_at)) AS ended
FROM settlement_runs r ORDER BY ran_at DESC LIMIT 1
"""

TROUBLES = """
SELECT * FROM (
    SELECT at, event, COALESCE(detail, '') AS detail, payment_id, false AS message FROM ONLY payment_events
    WHERE at >= %(since)s AND event IN ('mismatch', 'unconfirmed', 'undo_refused', 'bill_stuck', 'part_stuck',
                                        'part_refused', 'part_untold', 'lost')
    UNION ALL
    SELECT updated_at, kind, COALESCE(error, ''), payment_id, true FROM ONLY messages
    WHERE status = 'failed' AND updated_at >= %(since)s
) told
ORDER BY at DESC, payment_id LIMIT %(limit)s
"""

QUEUES = ("sms", "mail", "call")
POSTING = "posting"


class PgOps:
    """Implements core.help_desk.operations.OperationsRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def overview(self, since: datetime) -> Overview:
        async def work(connection: Connection) -> Overview:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            try:
                async with connection.transaction():
                    return await _overview(connection, since)
            finally:
                await connection.set_isolation_level(None)
                await connection.set_read_only(None)

        return await self._database.run(work)


async def _overview(connection: Connection, since: datetime) -> Overview:
    async def rows(statement: str, **values: Any) -> list[DictRow]:
        return await (await connection.execute(statement, values)).fetchall()

    postings, stuck = (await rows(POSTINGS))[0], (await rows(STUCK))[0]["stuck"]
    settlement = await rows(SETTLEMENT)
    messages = {row["name"]: row for row in await rows(MESSAGES, since=since)}
    answered = [BankAnswer(row["event"], row["detail"], row["times"]) for row in await rows(ANSWERED, since=since)]
    events: Counter[str] = Counter()
    for each in answered:
        events[each.event] += each.count
    return Overview(
        sales=tuple(Sales(**row) for row in await rows(SALES, since=since)),
        answers=tuple(each for each in answered if each.event not in NO_ANSWERS)[:ANSWERS_SHOWN],
        events=events,
        queues=(
            *(WorkQueue(**messages[name]) if name in messages else WorkQueue(name, 0, None, 0) for name in QUEUES),
            WorkQueue(POSTING, postings["waiting"], postings["oldest"], stuck),
        ),
        undecided=_undecided(await rows(UNDECIDED, limit=UNDECIDED_SHOWN)),
        giving_back=(await rows(GIVING_BACK))[0]["times"],
        by_hand=stuck,
        settlement=SettlementRun(**settlement[0]) if settlement else None,
        back=GivenBack(**(await rows(BACK, since=since))[0]),
        troubles=tuple(Incident(**row) for row in await rows(TROUBLES, since=since, limit=TROUBLES_SHOWN)),
    )


def _undecided(rows: list[DictRow]) -> Undecided:
    if not rows:
        return Undecided(0, 0, None, ())
    first = tuple(UndecidedPayment(row["id"], row["since"], row["centimes"]) for row in rows)
    return Undecided(rows[0]["times"], rows[0]["everything"], first[0].since, first)
