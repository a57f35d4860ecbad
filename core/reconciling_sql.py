"""The statements of core/reconciling.py: the file's rows against our payments, as sets.

An order's money was taken here when its payment was captured and not voided; what went back is the whole of a refunded
payment, or its credited bills and parts of bills. A captured payment that no file names is missing there once its day
is settled.
"""

from typing import LiteralString

CLEAR: LiteralString = """
WITH found AS (DELETE FROM settlement_findings WHERE file_hash = %(hash)s)
DELETE FROM settlement_rows WHERE file_hash = %(hash)s
"""

COPY: LiteralString = """
COPY settlement_rows (file_hash, line_no, order_id, transaction_number, auth_code, amount_centimes, at, kind)
FROM STDIN
"""

SPAN: LiteralString = "SELECT min(at) AS first, max(at) AS last FROM settlement_rows WHERE file_hash = %(hash)s"

RUN: LiteralString = """
INSERT INTO settlement_runs AS r (file_hash, file_name, ran_at, rows_read, unreadable, matched, missing_here,
    missing_there, different, from_at, to_at)
VALUES (%(hash)s, %(name)s, %(now)s, %(rows)s, %(unreadable)s, 0, 0, 0, 0, %(first)s, %(last)s)
ON CONFLICT (file_hash) DO UPDATE SET ran_at = excluded.ran_at, runs = r.runs + 1, rows_read = excluded.rows_read,
    unreadable = excluded.unreadable, from_at = excluded.from_at, to_at = excluded.to_at
"""

# One row an order and kind: what the file says against what we say.
COMPARE: LiteralString = """
WITH theirs AS (
    SELECT order_id, kind, sum(amount_centimes) AS centimes, count(*) AS times,
           min(transaction_number) AS transaction_number
    FROM settlement_rows WHERE file_hash = %(hash)s GROUP BY order_id, kind
), ours AS (
    SELECT t.order_id, t.kind, t.centimes AS theirs, t.times, t.transaction_number, p.id, p.state,
           p.transaction_number AS our_number,
           CASE WHEN t.kind = 'sale' THEN
               CASE WHEN p.state IN ('captured', 'voiding', 'refunding', 'refunded')
                    THEN COALESCE(p.approved_centimes, p.amount_centimes) END
           ELSE
               CASE WHEN p.state IN ('refunding', 'refunded') THEN COALESCE(p.approved_centimes, p.amount_centimes)
                    ELSE (SELECT sum(centimes) FROM (
                        SELECT l.amount_centimes AS centimes FROM payment_lines l
                        WHERE l.payment_id = p.id AND l.posting IN ('crediting', 'credited', 'stuck')
                        UNION ALL
                        SELECT r.amount_centimes FROM refunds r
                        WHERE r.payment_id = p.id AND r.request_id IS NOT NULL AND r.state NOT IN ('asked', 'refused')
                    ) went_back) END
           END AS centimes,
           (SELECT sum(s.amount_centimes) FROM settlement_rows s
            WHERE s.order_id = t.order_id AND s.kind = 'credit') AS credits_ever
    FROM theirs t LEFT JOIN payments p ON p.id = t.order_id
), judged AS (
    SELECT *, CASE
        WHEN id IS NULL THEN 'no such payment'
        WHEN centimes IS NULL THEN 'here it is ' || state
        WHEN kind = 'sale' AND times > 1 THEN 'settled ' || times || ' times'
        WHEN kind = 'sale' AND theirs <> centimes THEN 'another amount'
        WHEN kind = 'credit' AND credits_ever > centimes THEN 'more given back than here'
        WHEN kind = 'sale' AND our_number <> '' AND transaction_number <> '' AND our_number <> transaction_number
            THEN 'another transaction'
    END AS why
    FROM ours
), written AS (
    INSERT INTO settlement_findings (file_hash, queue, order_id, kind, transaction_number, ours_centimes,
        theirs_centimes, why)
    SELECT %(hash)s, CASE WHEN centimes IS NULL THEN 'missing_here' ELSE 'different' END, order_id, kind,
           transaction_number, centimes, theirs, why
    FROM judged WHERE why IS NOT NULL
    RETURNING queue
)
SELECT (SELECT count(*) FROM judged WHERE why IS NULL) AS matched,
       (SELECT count(*) FROM written WHERE queue = 'missing_here') AS missing_here,
       (SELECT count(*) FROM written WHERE queue = 'different') AS different
"""

# Paid here within the days the file speaks of, and named by no file at all.
MISSING_THERE: LiteralString = """
WITH written AS (
    INSERT INTO settlement_findings (file_hash, queue, order_id, kind, transaction_number, ours_centimes, why)
    SELECT %(hash)s, 'missing_there', p.id, 'sale', p.transaction_number,
           COALESCE(p.approved_centimes, p.amount_centimes), 'here it is ' || p.state
    FROM payments p
    WHERE p.state IN ('captured', 'refunding', 'refunded') AND p.paid_at BETWEEN %(first)s AND %(last)s
      AND NOT EXISTS (SELECT 1 FROM settlement_rows s WHERE s.order_id = p.id AND s.kind = 'sale')
    RETURNING 1
)
SELECT count(*) AS missing_there FROM written
"""

# The acquirer took money that we do not know of: it is asked again at once (core/attending.py).
ASK_AGAIN: LiteralString = """
UPDATE payments p SET due_at = %(now)s
FROM settlement_findings f
WHERE f.file_hash = %(hash)s AND f.queue = 'missing_here' AND f.kind = 'sale' AND p.id = f.order_id
  AND p.state IN ('unknown', 'expired', 'declined')
"""

COUNTS: LiteralString = """
UPDATE settlement_runs SET matched = %(matched)s, missing_here = %(missing_here)s, missing_there = %(missing_there)s,
    different = %(different)s
WHERE file_hash = %(hash)s
RETURNING runs
"""

FINDINGS: LiteralString = """
SELECT queue, order_id, kind, transaction_number, ours_centimes, theirs_centimes, why FROM settlement_findings
WHERE file_hash = %(hash)s ORDER BY queue, order_id, kind
"""
