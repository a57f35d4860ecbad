"""The statements of reconciliation: what all files say of the orders of this one, against our payments, as sets.

An order's money was taken here when its payment was captured and not voided; what went back is the whole of a refunded
payment, or its credited bills and parts of bills. What the books say and no file names is missing there: of the days
the file speaks of, and of all days that should have been settled by now. What a wallet paid is in no acquirer's file
but in that wallet's statement, which names attempts: their payments take their place. Money that a wallet took beside
another tender is an attempt's alone.
"""

from typing import LiteralString

CLEAR: LiteralString = "DELETE FROM settlement_rows WHERE file_hash = %(hash)s"

COPY: LiteralString = """
COPY settlement_rows (file_hash, acquirer, line_no, order_id, transaction_number, auth_code, amount_centimes, at, kind,
    commission_centimes, net_centimes, value_date, batch, merchant)
FROM STDIN
"""

# A wallet's statement says our attempt's reference, or the wallet's own transaction: the payment is meant.
NAMED_ATTEMPTS: LiteralString = """
UPDATE settlement_rows s SET order_id = CASE WHEN a.state IN ('surplus', 'returned') THEN a.reference::text
                                             ELSE a.payment_id END
FROM wallet_attempts a
WHERE s.file_hash = %(hash)s AND a.provider = %(acquirer)s
  AND (a.reference::text = lower(s.order_id) OR a.receipt = s.order_id)
"""

STAGE_UNREADABLE: LiteralString = "CREATE TEMP TABLE unreadable_rows (line_no bigint, why text) ON COMMIT DROP"

COPY_UNREADABLE: LiteralString = "COPY unreadable_rows (line_no, why) FROM STDIN"

# What the file says of its own days, and what it adds up to.
TOLD: LiteralString = """
SELECT min(at) AS first, max(at) AS last,
       sum(amount_centimes) FILTER (WHERE kind = 'sale')::bigint AS sales_centimes,
       sum(amount_centimes) FILTER (WHERE kind = 'credit')::bigint AS credits_centimes,
       sum(commission_centimes)::bigint AS commission_centimes, sum(net_centimes)::bigint AS net_centimes
FROM settlement_rows WHERE file_hash = %(hash)s
"""

# Where the file before this one ended; null: there was none.
BEFORE: LiteralString = """
SELECT max(least(to_at, ran_at)) AS ended FROM settlement_runs
WHERE file_hash <> %(hash)s AND acquirer = %(acquirer)s AND least(to_at, ran_at) <= %(first)s
"""

RUN: LiteralString = """
INSERT INTO settlement_runs AS r (file_hash, acquirer, file_name, ran_at, rows_read, unreadable, matched, missing_here,
    missing_there, different, from_at, to_at, sales_centimes, credits_centimes, commission_centimes, net_centimes)
VALUES (%(hash)s, %(acquirer)s, %(name)s, %(now)s, %(rows)s, %(unreadable)s, 0, 0, 0, 0, %(from_at)s, %(to_at)s,
    %(sales_centimes)s, %(credits_centimes)s, %(commission_centimes)s, %(net_centimes)s)
ON CONFLICT (file_hash) DO UPDATE SET ran_at = excluded.ran_at, runs = r.runs + 1, rows_read = excluded.rows_read,
    unreadable = excluded.unreadable, from_at = excluded.from_at, to_at = excluded.to_at,
    sales_centimes = excluded.sales_centimes, credits_centimes = excluded.credits_centimes,
    commission_centimes = excluded.commission_centimes, net_centimes = excluded.net_centimes
"""

_NOTED: LiteralString = """
    INSERT INTO reconciliation_findings AS f (key, file_hash, queue, order_id, kind, line_no, transaction_number,
        ours_centimes, theirs_centimes, why, found_at, seen_at)
    SELECT md5((queue, order_id, kind, line_no, why, ours, theirs,
               CASE WHEN queue = 'unreadable' THEN %(hash)s::text END)::text)::uuid,
           %(hash)s, queue, order_id, kind, line_no, COALESCE(number, ''), ours, theirs, why, %(now)s, %(now)s
    FROM found
    ON CONFLICT (key) DO UPDATE SET file_hash = excluded.file_hash, seen_at = excluded.seen_at, resolved_at = NULL
"""

# One row an order and kind: what every file says of it against what we say.
COMPARE: LiteralString = """
WITH named AS (
    SELECT DISTINCT order_id, kind FROM settlement_rows WHERE file_hash = %(hash)s
), theirs AS (
    SELECT s.order_id, s.kind, sum(s.amount_centimes) AS centimes, count(*) AS times,
           min(s.transaction_number) FILTER (WHERE s.file_hash = %(hash)s) AS number,
           min(s.auth_code) FILTER (WHERE s.file_hash = %(hash)s) AS auth_code,
           bool_or(s.file_hash = %(hash)s AND s.kind = 'sale'
                   AND s.net_centimes <> s.amount_centimes - s.commission_centimes) AS odd_net
    FROM settlement_rows s JOIN named USING (order_id, kind)
    WHERE s.acquirer = %(acquirer)s
    GROUP BY s.order_id, s.kind
), books AS (
    SELECT p.id, p.state, p.transaction_number, p.auth_code, COALESCE(p.wallet, p.acquirer) AS whose,
           CASE WHEN p.state IN ('captured', 'voiding', 'refunding', 'refunded')
                  OR p.state = 'voided' AND p.wallet IS NOT NULL
                THEN COALESCE(p.approved_centimes, p.amount_centimes) END AS sold,
           CASE WHEN p.state IN ('refunding', 'refunded') OR p.state IN ('voiding', 'voided') AND p.wallet IS NOT NULL
                THEN COALESCE(p.approved_centimes, p.amount_centimes)
                ELSE (SELECT sum(centimes) FROM (
                    SELECT l.amount_centimes AS centimes FROM payment_lines l
                    WHERE l.payment_id = p.id AND l.posting IN ('crediting', 'credited', 'stuck')
                    UNION ALL
                    SELECT r.amount_centimes FROM refunds r
                    WHERE r.payment_id = p.id AND r.request_id IS NOT NULL AND r.state NOT IN ('asked', 'refused')
                ) went_back) END AS given
    FROM payments p WHERE p.id IN (SELECT order_id FROM named)
    UNION ALL
    SELECT a.reference::text, a.state, a.receipt, a.receipt, a.provider, a.taken_centimes,
           (SELECT sum(r.amount_centimes) FROM wallet_reversals r
            WHERE r.attempt = a.reference AND r.state <> 'refused')
    FROM wallet_attempts a
    WHERE a.provider = %(acquirer)s AND a.state IN ('surplus', 'returned')
      AND a.reference::text IN (SELECT order_id FROM named)
), ours AS (
    SELECT t.*, b.id, b.state, b.transaction_number AS our_number, b.auth_code AS our_code, b.whose AS our_acquirer,
           CASE WHEN b.whose <> %(acquirer)s THEN NULL
                WHEN t.kind = 'sale' THEN b.sold ELSE b.given END AS centimes_here
    FROM theirs t LEFT JOIN books b ON b.id = t.order_id
), judged AS (
    SELECT *, CASE
        WHEN id IS NULL THEN 'no such payment'
        WHEN our_acquirer <> %(acquirer)s THEN 'it is a payment of ' || our_acquirer
        WHEN centimes_here IS NULL THEN 'here it is ' || state
        WHEN kind = 'sale' AND times > 1 THEN 'settled ' || times || ' times'
        WHEN kind = 'sale' AND centimes <> centimes_here THEN 'another amount'
        WHEN kind = 'credit' AND centimes > centimes_here THEN 'more given back than here'
        WHEN kind = 'sale' AND our_number <> '' AND number <> '' AND our_number <> number THEN 'another transaction'
        WHEN kind = 'sale' AND our_code <> '' AND auth_code <> '' AND our_code <> auth_code THEN 'another authorisation'
        WHEN odd_net THEN 'the net is not the amount less the commission'
    END AS why
    FROM ours
), found AS (
    SELECT CASE WHEN centimes_here IS NULL THEN 'missing_here' ELSE 'different' END AS queue, order_id, kind,
           NULL::bigint AS line_no, number, centimes_here::bigint AS ours, centimes::bigint AS theirs, why
    FROM judged WHERE why IS NOT NULL
), written AS (<NOTED>)
SELECT count(*) AS matched FROM judged WHERE why IS NULL
""".replace("<NOTED>", _NOTED)

UNREADABLE: LiteralString = """
WITH found AS (
    SELECT 'unreadable' AS queue, '' AS order_id, NULL AS kind, line_no, NULL AS number, NULL::bigint AS ours,
           NULL::bigint AS theirs, why
    FROM unreadable_rows
)<NOTED>
""".replace("<NOTED>", _NOTED)

# Whose files are looked at: one's, or all. Not every wallet sends statements: those that sent one are waited for.
_AWAITED: LiteralString = """
    CASE WHEN %(acquirer)s::text IS NOT NULL THEN COALESCE(p.wallet, p.acquirer) = %(acquirer)s
         ELSE p.wallet IS NULL OR EXISTS (SELECT FROM settlement_runs sent WHERE sent.acquirer = p.wallet) END
"""

# Paid here in the days that the file speaks of, or longer ago than settlement takes; and named by no file at all.
SALES_MISSING: LiteralString = """
WITH found AS (
    SELECT 'missing_there' AS queue, p.id AS order_id, 'sale' AS kind, NULL::bigint AS line_no,
           p.transaction_number AS number, COALESCE(p.approved_centimes, p.amount_centimes) AS ours,
           NULL::bigint AS theirs, 'here it is captured' AS why
    FROM payments p
    WHERE p.state IN ('captured', 'refunding', 'refunded') AND p.paid_at >= %(since)s
      AND (p.paid_at >= %(from_at)s AND p.paid_at < %(to_at)s OR p.paid_at < %(overdue)s)
      AND <AWAITED>
      AND NOT EXISTS (SELECT 1 FROM settlement_rows s
                      WHERE s.order_id = p.id AND s.kind = 'sale' AND s.acquirer = COALESCE(p.wallet, p.acquirer))
)<NOTED>
""".replace("<AWAITED>", _AWAITED).replace("<NOTED>", _NOTED)

_GIVEN: LiteralString = """
given AS (
    SELECT p.id, p.transaction_number,
           CASE WHEN p.state = 'refunded' THEN COALESCE(p.approved_centimes, p.amount_centimes)
                ELSE (SELECT sum(centimes) FROM (
                    SELECT l.amount_centimes AS centimes FROM payment_lines l
                    WHERE l.payment_id = p.id AND l.posting = 'credited'
                    UNION ALL
                    SELECT r.amount_centimes FROM refunds r
                    WHERE r.payment_id = p.id AND r.request_id IS NOT NULL AND r.state IN ('credited', 'told', 'untold')
                ) went_back) END AS ours,
           (SELECT sum(s.amount_centimes) FROM settlement_rows s
            WHERE s.order_id = p.id AND s.kind = 'credit' AND s.acquirer = COALESCE(p.wallet, p.acquirer)) AS theirs
    FROM asked JOIN payments p ON p.id = asked.payment_id
    WHERE p.state IN ('captured', 'refunded') AND <AWAITED>
)
""".replace("<AWAITED>", _AWAITED)

# Given back by then, and not (all of it) in any file. What was given back later is the next file's.
CREDITS_MISSING: LiteralString = """
WITH asked AS (
    SELECT e.payment_id FROM payment_events e
    WHERE e.event IN ('refunded', 'bill_credited', 'part_credited') AND e.at >= %(recently)s
    GROUP BY e.payment_id
    HAVING max(e.at) >= %(from_at)s AND max(e.at) < %(to_at)s OR max(e.at) < %(overdue)s
        OR max(e.at) < %(to_at)s AND EXISTS (SELECT 1 FROM settlement_rows s WHERE s.file_hash = %(hash)s
            AND s.order_id = e.payment_id AND s.kind = 'credit')
), <GIVEN>, found AS (
    SELECT CASE WHEN theirs IS NULL THEN 'missing_there' ELSE 'different' END AS queue, id AS order_id,
           'credit' AS kind, NULL::bigint AS line_no, transaction_number AS number, ours::bigint AS ours,
           theirs::bigint AS theirs,
           CASE WHEN theirs IS NULL THEN 'here it was given back' ELSE 'less given back than here' END AS why
    FROM given WHERE ours > COALESCE(theirs, 0)
)<NOTED>
""".replace("<GIVEN>", _GIVEN).replace("<NOTED>", _NOTED)

# What this file said at an earlier run and says no more.
GONE: LiteralString = """
UPDATE reconciliation_findings SET resolved_at = %(now)s
WHERE file_hash = %(hash)s AND seen_at < %(now)s AND resolved_at IS NULL AND closed_at IS NULL
"""

# What was missing there, and has come since; or was undone, so that nothing is to come.
CAME: LiteralString = """
WITH asked AS (
    SELECT order_id AS payment_id FROM reconciliation_findings
    WHERE kind = 'credit' AND why IN ('here it was given back', 'less given back than here')
      AND closed_at IS NULL AND resolved_at IS NULL
    GROUP BY order_id
), <GIVEN>
UPDATE reconciliation_findings f SET resolved_at = %(now)s
WHERE f.closed_at IS NULL AND f.resolved_at IS NULL AND (
    f.queue = 'missing_there' AND f.kind = 'sale' AND (
        EXISTS (SELECT 1 FROM settlement_rows s JOIN payments p
                ON p.id = s.order_id AND COALESCE(p.wallet, p.acquirer) = s.acquirer
                WHERE s.order_id = f.order_id AND s.kind = 'sale')
        OR EXISTS (SELECT 1 FROM payments p WHERE p.id = f.order_id AND p.state = 'voided'))
    OR f.kind = 'credit' AND f.why IN ('here it was given back', 'less given back than here')
        AND NOT EXISTS (SELECT 1 FROM given g WHERE g.id = f.order_id AND g.ours = f.ours_centimes
            AND g.ours > COALESCE(g.theirs, 0) AND g.theirs IS NOT DISTINCT FROM f.theirs_centimes))
""".replace("<GIVEN>", _GIVEN)

# The acquirer took money that we do not know of: it is asked again at once (core/payments/janitor.py).
ASK_AGAIN: LiteralString = """
UPDATE payments p SET due_at = %(now)s
FROM reconciliation_findings f
WHERE f.file_hash = %(hash)s AND f.seen_at = %(now)s AND f.queue = 'missing_here' AND f.kind = 'sale'
  AND p.id = f.order_id AND p.acquirer = %(acquirer)s AND p.state IN ('unknown', 'expired', 'declined')
"""

# The same of a wallet: its statement ends what nobody heard the end of (core/wallets/service.py).
ASK_WALLET_AGAIN: LiteralString = """
UPDATE wallet_attempts a SET due_at = %(now)s
FROM reconciliation_findings f
WHERE f.file_hash = %(hash)s AND f.seen_at = %(now)s AND f.queue = 'missing_here' AND f.kind = 'sale'
  AND a.payment_id = f.order_id AND a.provider = %(acquirer)s AND a.state IN ('asking', 'asked', 'unknown', 'declined')
"""

# What the file pays in, in the ledger: once a transaction, however many files name it (as core/ledger/transfers.py says
# same of one). The first file that is booked books those before it, which an older release read.
BOOK: LiteralString = """
INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, event, note)
SELECT 'settlement:' || once.order_id || ':' || once.kind || ':' || once.transaction_number || '.' || leg.number,
       %(now)s, CASE once.kind WHEN 'sale' THEN leg.account ELSE 'acquirer:' || once.acquirer || ':receivable' END,
       CASE once.kind WHEN 'sale' THEN 'acquirer:' || once.acquirer || ':receivable' ELSE leg.account END,
       leg.centimes, once.currency, once.order_id, CASE once.kind WHEN 'sale' THEN 'settled' ELSE 'settled_credit' END,
       concat_ws(', ', 'batch ' || NULLIF(once.batch, ''), 'value ' || once.value_date)
FROM (
    SELECT DISTINCT ON (s.order_id, s.kind, s.transaction_number) s.*, p.currency,
           CASE WHEN s.commission_centimes <= s.amount_centimes THEN s.commission_centimes ELSE 0 END AS fee
    FROM settlement_rows s JOIN payments p ON p.id = s.order_id AND COALESCE(p.wallet, p.acquirer) = s.acquirer
    WHERE s.amount_centimes > 0 AND (s.file_hash = %(hash)s
        OR NOT EXISTS (SELECT FROM ledger_transfers WHERE starts_with(id, 'settlement:')))
    ORDER BY s.order_id, s.kind, s.transaction_number, s.file_hash, s.line_no
) once
CROSS JOIN LATERAL (VALUES
    (1, 'bank:' || once.acquirer, once.amount_centimes - COALESCE(once.fee, 0)),
    (2, 'fees:' || once.acquirer, COALESCE(once.fee, 0))
) AS leg (number, account, centimes)
WHERE leg.centimes > 0
ON CONFLICT (id) DO NOTHING
"""

# What is still open of this run.
OPEN: LiteralString = """
SELECT count(*) FILTER (WHERE queue = 'missing_here') AS missing_here,
       count(*) FILTER (WHERE queue = 'missing_there') AS missing_there,
       count(*) FILTER (WHERE queue = 'different') AS different
FROM reconciliation_findings
WHERE file_hash = %(hash)s AND seen_at = %(now)s AND closed_at IS NULL AND resolved_at IS NULL
"""

CLOSED: LiteralString = """
SELECT count(*) FILTER (WHERE queue <> 'unreadable') AS closed,
       count(*) FILTER (WHERE queue = 'unreadable') AS unreadable_closed
FROM reconciliation_findings WHERE file_hash = %(hash)s AND seen_at = %(now)s AND closed_at IS NOT NULL
"""

COUNTS: LiteralString = """
UPDATE settlement_runs SET matched = %(matched)s, missing_here = %(missing_here)s, missing_there = %(missing_there)s,
    different = %(different)s, unreadable = %(unreadable)s
WHERE file_hash = %(hash)s
RETURNING runs
"""

# No file has come for days on which customers paid.
LAST_COVERED: LiteralString = """
SELECT max(least(to_at, ran_at)) AS ended FROM settlement_runs WHERE acquirer = %(whose)s
"""

# Whose files should come.
WHOSE: LiteralString = """
SELECT DISTINCT acquirer FROM payments WHERE paid_at >= %(since)s
UNION SELECT acquirer FROM settlement_runs
ORDER BY acquirer
"""

NO_FILE: LiteralString = """
WITH found AS (
    SELECT 'no_file' AS queue, '' AS order_id, NULL AS kind, NULL::bigint AS line_no, NULL AS number,
           NULL::bigint AS ours, NULL::bigint AS theirs, %(why)s::text AS why
    WHERE EXISTS (SELECT 1 FROM payments WHERE COALESCE(wallet, acquirer) = %(whose)s
                  AND paid_at >= COALESCE(%(ended)s, '-infinity'::timestamptz) AND paid_at < %(overdue)s)
)<NOTED>
""".replace("<NOTED>", _NOTED)

FILE_CAME: LiteralString = """
UPDATE reconciliation_findings SET resolved_at = %(now)s
WHERE queue = 'no_file' AND why <> %(why)s AND starts_with(why, %(about)s)
  AND (%(about)s <> 'no settlement file ' OR NOT starts_with(why, 'no settlement file of '))
  AND closed_at IS NULL AND resolved_at IS NULL
"""

FINDINGS: LiteralString = """
SELECT * FROM reconciliation_findings
WHERE file_hash = %(hash)s AND closed_at IS NULL AND resolved_at IS NULL
ORDER BY queue, order_id, kind, line_no
"""
