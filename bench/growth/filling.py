"""Years of payments straight in SQL: each with the rows that one of ours writes, a month a transaction.

Left out, and said so by whoever tells the figures: what retention drops before a payment is old (transcripts, evidence
of disputes), the jobs, which go with their work, and the hash chain over the events, which no payment reads. A number
of six digits comes again after a million payments: here references and authorisations have a letter before them, so
that whoever is looked for on both sides is one payment; what a search costs that finds many is told by itself.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
from psycopg import sql

PEOPLE = 1_000_000  # who pay again and again; numbers apart from those of who is measured, whose answers stay alike
QUIET = timedelta(days=2)  # before now: the operations page's day is that of the measured payments alone

# `{n}`: the payment's number over all months; one in ten was never made.
NUMBERED: LiteralString = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT n, 'G' || to_char(at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS') || lpad(n::text, 11, '0') AS id, at,
       n % 10 < 9 AS paid, n % 2 = 0 AS mailed, (10000000 + n * 7919 % {people})::text AS person
FROM generate_series({first}::bigint, {last}::bigint) n
CROSS JOIN LATERAL (SELECT {begins}::timestamptz + (n - {first}) * ({ends}::timestamptz - {begins}::timestamptz)
                           / ({last} - {first} + 1) AS at) moment
"""
PAYMENTS: LiteralString = """
INSERT INTO {payments} (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    email, language, channel, bills, amount_centimes, currency, created_at, expires_at, attempts, sent_at, auth_code,
    transaction_number, approved_centimes, card_brand, card_last4, paid_at)
SELECT id, 'ivr:CA' || md5(n::text) || ':7', md5(person), 'R' || lpad((n % 100000000)::text, 9, '0'),
       CASE WHEN paid THEN 'captured' ELSE 'expired' END, 'mobile', '06' || person, '+2126' || person,
       CASE WHEN mailed THEN 'p' || person || '@example.com' END, 'fr', 'ivr',
       jsonb_build_array(jsonb_build_object('number', 'B' || lpad(n::text, 15, '0'), 'period', '2026-10-01',
           'amount_centimes', 19900, 'due_date', '2026-11-25')),
       19900, 'MAD', at, at + interval '15 minutes', paid::int, CASE WHEN paid THEN at + interval '40 s' END,
       CASE WHEN paid THEN 'A' || lpad((n % 1000000)::text, 6, '0') END,
       CASE WHEN paid THEN '26' || lpad(n::text, 12, '0') END, CASE WHEN paid THEN 19900 END,
       CASE WHEN paid THEN 'visa' END,
       CASE WHEN paid THEN lpad((n % 10000)::text, 4, '0') END, CASE WHEN paid THEN at + interval '45 s' END
FROM made ORDER BY n
"""
LINES: LiteralString = """
INSERT INTO {payment_lines} (payment_id, service, line_reference, invoice_number, amount_centimes, active, posting)
SELECT id, 'mobile', '06' || person, 'B' || lpad(n::text, 15, '0'), 19900, paid, CASE WHEN paid THEN 'posted' END
FROM made ORDER BY n
"""
EVENTS: LiteralString = """
INSERT INTO {payment_events} (id, payment_id, at, event, state, detail, request) {overriding}
SELECT n * 4 + k, id, at + k * interval '15 s', (ARRAY['create', 'send', 'approved', 'bill_posted'])[k + 1],
       (ARRAY['created', 'sending', 'captured', 'captured'])[k + 1],
       CASE k WHEN 0 THEN 'ivr' WHEN 3 THEN 'B' || lpad(n::text, 15, '0') END, substr(md5(n::text), 1, 16)
FROM made CROSS JOIN generate_series(0, 3) k WHERE paid OR k = 0 ORDER BY n, k
"""
TRANSFERS: LiteralString = """
INSERT INTO {ledger_transfers} (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event, seal)
SELECT 'e' || (n * 4 + k) || '.1', at + k * interval '15 s',
       CASE k WHEN 2 THEN 'acquirer:cmi:receivable' ELSE 'bills:to_post' END,
       CASE k WHEN 2 THEN 'bills:to_post' ELSE 'bills:posted' END, 19900, 'MAD', id, 'B' || lpad(n::text, 15, '0'),
       (ARRAY['approved', 'bill_posted'])[k - 1], sha256(id::bytea)
FROM made CROSS JOIN generate_series(2, 3) k WHERE paid ORDER BY n, k
"""
RECEIPTS: LiteralString = """
INSERT INTO {receipts} (payment_id, year, sequence, token, created_at)
SELECT id, extract(year FROM at)::int, n + 1, md5('t' || n), at + interval '45 s' FROM made WHERE paid ORDER BY n
"""
MESSAGES: LiteralString = """
INSERT INTO {messages} (reference, kind, payment_id, recipient, status, provider_id, attempts, created_at, updated_at)
SELECT id || '-' || kind || '-1', kind, id,
       CASE kind WHEN 'receipt_sms' THEN '+2126' || person ELSE 'p' || person || '@example.com' END, 'delivered',
       'SM' || md5(n::text || kind), 1, at + interval '45 s', at + interval '60 s'
FROM made CROSS JOIN unnest(ARRAY['receipt_sms', 'receipt_mail']) kind
WHERE paid AND (kind = 'receipt_sms' OR mailed) ORDER BY n
"""
# What the command writes when it moves one (migration 0035).
FOUND_BY: LiteralString = """
INSERT INTO payments_of_months (payment_id, created_at, keys)
SELECT p.id, p.created_at, khallas_payment_keys(p::payments, ARRAY[l.invoice_number], r.year || ' ' || r.sequence)
FROM {payments} p JOIN {payment_lines} l ON l.payment_id = p.id LEFT JOIN {receipts} r ON r.payment_id = p.id
"""
# And where its month is noted (migration 0038).
USED: LiteralString = """
INSERT INTO used_in_months (digest)
SELECT khallas_used_key(idempotency_key) FROM {payments}
UNION ALL SELECT khallas_used_bill(service, line_reference, invoice_number) FROM {payment_lines}
"""
UNSORTED: LiteralString = "DROP INDEX IF EXISTS payments_of_months_keys"  # built once over all is hours faster
SORTED: LiteralString = """
CREATE INDEX IF NOT EXISTS payments_of_months_keys ON payments_of_months USING gin (keys) WITH (fastupdate = off)
"""
# Of a table that is empty, each index by what makes it again: sorted once over all rows is twice as fast.
INDEXES: LiteralString = """
SELECT i.relname, c.conname, COALESCE(pg_get_constraintdef(c.oid), pg_get_indexdef(i.oid))
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.conrelid = x.indrelid AND c.contype IN ('p', 'u', 'x')
WHERE x.indrelid = %s::regclass
"""
TABLES = {
    "payments": PAYMENTS,
    "payment_lines": LINES,
    "payment_events": EVENTS,
    "ledger_transfers": TRANSFERS,
    "receipts": RECEIPTS,
    "messages": MESSAGES,
}
HELD: LiteralString = "SELECT EXISTS (SELECT FROM ONLY {payments} WHERE created_at >= {begins} AND created_at < {ends})"
SIZE: LiteralString = """
SELECT COALESCE(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


def month_begins(now: datetime, ago: int) -> datetime:
    """The first moment of a month before this one."""
    year, month = divmod(now.year * 12 + now.month - 1 - ago, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def fill(
    connection: psycopg.Connection, first: int, count: int, begins: datetime, ends: datetime, *, month: bool
) -> None:
    """`count` payments of that time: into the tables of their month, or into the live ones."""
    suffix = f"{begins:_%Y_%m}" if month else ""
    names = {table: sql.Identifier(table + suffix) for table in TABLES}
    values = {"first": first, "last": first + count - 1, "begins": begins, "ends": ends, "people": PEOPLE}
    bound = {name: sql.Literal(value) for name, value in values.items()}
    overriding = sql.SQL("" if month else "OVERRIDING SYSTEM VALUE")
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # as it would have come about by itself
        connection.execute(sql.SQL(NUMBERED).format(**bound))
        for table, statement in TABLES.items():
            again = _without_indexes(connection, table + suffix) if month else []
            connection.execute(sql.SQL(statement).format(**names, overriding=overriding))
            for made in again:
                connection.execute(made)
        if month:
            connection.execute(sql.SQL(FOUND_BY).format(**names))
            connection.execute(sql.SQL(USED).format(**names))
        # what is written from here on has numbers of its own, beside what will be brought back
        connection.execute("SELECT setval(pg_get_serial_sequence('payment_events', 'id'), %s)", ((first + count) * 4,))


def _without_indexes(connection: psycopg.Connection, table: str) -> list[sql.Composed]:
    """Drops them; what makes them again."""
    again: list[sql.Composed] = []
    name = sql.Identifier(table)
    for index, constraint, definition in connection.execute(INDEXES, (table,)).fetchall():
        if constraint is None:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
            again.append(sql.Composed([sql.SQL(definition)]))
            continue
        held = sql.Identifier(constraint)
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name, held))
        again.append(sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(name, held, sql.SQL(definition)))
    return again


def grow(
    connection: psycopg.Connection, payments: int, months: int, live_months: int, moved_on: str = ""
) -> Iterator[tuple[str, int, int]]:
    """Fills `months` up to now, the latest `live_months` of them live: each month's name, payments and bytes so far.

    A month that is there already, from a run that was broken off, stays as it is. `moved_on`: a tablespace for the
    others.
    """
    now = datetime.now(UTC)
    each, first = payments // months, 1
    for (table,) in connection.execute("SELECT khallas_deaf_tables()").fetchall():
        connection.execute("SELECT khallas_ask_months(%s)", (table,))
    connection.execute("SET maintenance_work_mem = '512MB'")
    for ago in range(months - 1, -1, -1):
        begins, ends = month_begins(now, ago), min(month_begins(now, ago - 1), now - QUIET)
        if ends <= begins:
            ends = begins + timedelta(hours=1)
        live = ago < live_months
        connection.execute("SELECT set_config('default_tablespace', %s, false)", ("" if live else moved_on,))
        if not live:
            connection.execute("SELECT khallas_make_month(%s)", (begins,))
        if not holds(connection, "payments" if live else month_table(begins), begins, ends):
            if not live:
                connection.execute(UNSORTED)
            fill(connection, first, each, begins, ends, month=not live)
        first += each
        yield f"{begins:%Y-%m}{' live' if live else ''}", each, size(connection)
    connection.execute(SORTED)
    connection.execute(
        "INSERT INTO receipt_counters (year, value) VALUES (%s, %s)"
        " ON CONFLICT (year) DO UPDATE SET value = greatest(receipt_counters.value, excluded.value)",
        (now.year, first * 2),  # beyond what is moved by the command, too
    )
    connection.execute("VACUUM ANALYZE")


def month_table(begins: datetime) -> str:
    """The payments of a month that moved."""
    return f"payments{begins:_%Y_%m}"


def holds(connection: psycopg.Connection, table: str, begins: datetime, ends: datetime) -> bool:
    """Whether a payment of that time is in the table itself."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    if not row or not row[0]:
        return False
    asked = sql.SQL(HELD).format(payments=sql.Identifier(table), begins=sql.Literal(begins), ends=sql.Literal(ends))
    row = connection.execute(asked).fetchone()
    return bool(row and row[0])


def size(connection: psycopg.Connection) -> int:
    """Bytes of all tables with their indexes."""
    row = connection.execute(SIZE).fetchone()
    return int(row[0]) if row else 0
