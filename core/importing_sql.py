"""The statements of core/importing.py. Of several rows about the same thing in one file the last one counts."""

from typing import LiteralString

STAGING: dict[str, LiteralString] = {
    "subscribers": """
CREATE TEMP TABLE staged (
    line_no bigint, service text, reference text, holder text, contact_msisdn text, email text, payment_code text,
    language text
) ON COMMIT DROP
""",
    "invoices": """
CREATE TEMP TABLE staged (
    line_no bigint, reference text, number text, period date, amount_centimes bigint, due_date date
) ON COMMIT DROP
""",
}

COPY: dict[str, LiteralString] = {
    "subscribers": """
COPY staged (line_no, service, reference, holder, contact_msisdn, email, payment_code, language) FROM STDIN
""",
    "invoices": "COPY staged (line_no, reference, number, period, amount_centimes, due_date) FROM STDIN",
}

# Bills whose line is not known, or not the only one of that reference.
ORPHANS = """
SELECT s.line_no, count(l.reference) AS lines
FROM staged s LEFT JOIN lines l ON l.reference = s.reference
GROUP BY s.line_no HAVING count(l.reference) <> 1
ORDER BY s.line_no
"""

COUNT_PAID = """
SELECT count(DISTINCT (i.service, i.line_reference, i.number)) AS paid
FROM staged s JOIN lines l ON l.reference = s.reference
JOIN invoices i ON i.service = l.service AND i.line_reference = l.reference AND i.number = s.number
WHERE i.paid_at IS NOT NULL
"""

# Before the merge: lines that get another code than they have.
COUNT_CODES = """
SELECT count(*) AS codes
FROM (SELECT DISTINCT ON (service, reference) service, reference, payment_code
      FROM staged ORDER BY service, reference, line_no DESC) s
JOIN lines l ON l.service = s.service AND l.reference = s.reference
WHERE l.payment_code <> s.payment_code
"""

MERGE: dict[str, LiteralString] = {
    "subscribers": """
WITH merged AS (
    INSERT INTO lines (service, reference, holder, contact_msisdn, email, payment_code, language, updated_at)
    SELECT DISTINCT ON (service, reference)
           service, reference, holder, contact_msisdn, email, payment_code, language, %(now)s
    FROM staged ORDER BY service, reference, line_no DESC
    ON CONFLICT (service, reference) DO UPDATE SET
        holder = excluded.holder, contact_msisdn = excluded.contact_msisdn, email = excluded.email,
        payment_code = excluded.payment_code, language = excluded.language, updated_at = excluded.updated_at
    WHERE (lines.holder, lines.contact_msisdn, lines.email, lines.payment_code, lines.language)
          IS DISTINCT FROM
          (excluded.holder, excluded.contact_msisdn, excluded.email, excluded.payment_code, excluded.language)
    RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new) AS added, count(*) FILTER (WHERE NOT new) AS changed FROM merged
""",
    "invoices": """
WITH owned AS (
    SELECT reference, min(service) AS service FROM lines
    WHERE reference IN (SELECT reference FROM staged) GROUP BY reference HAVING count(*) = 1
), merged AS (
    INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at)
    SELECT DISTINCT ON (o.service, o.reference, s.number)
           o.service, o.reference, s.number, s.period, s.amount_centimes, s.due_date, %(now)s
    FROM staged s JOIN owned o ON o.reference = s.reference
    ORDER BY o.service, o.reference, s.number, s.line_no DESC
    ON CONFLICT (service, line_reference, number) DO UPDATE SET
        period = excluded.period, amount_centimes = excluded.amount_centimes, due_date = excluded.due_date,
        owed_centimes = CASE WHEN excluded.amount_centimes = invoices.amount_centimes THEN invoices.owed_centimes END,
        withdrawn_at = NULL, updated_at = excluded.updated_at
    WHERE invoices.paid_at IS NULL
      AND (invoices.withdrawn_at IS NOT NULL
           OR (invoices.period, invoices.amount_centimes, invoices.due_date)
              IS DISTINCT FROM (excluded.period, excluded.amount_centimes, excluded.due_date))
    RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new) AS added, count(*) FILTER (WHERE NOT new) AS changed FROM merged
""",
}

COUNT_OPEN = "SELECT count(*) AS open FROM invoices WHERE paid_at IS NULL AND withdrawn_at IS NULL"

# After the merge: what is open here and not in the file.
WITHDRAW = """
WITH owned AS (
    SELECT reference, min(service) AS service FROM lines
    WHERE reference IN (SELECT reference FROM staged) GROUP BY reference HAVING count(*) = 1
), named AS (
    SELECT o.service, o.reference, s.number FROM staged s JOIN owned o ON o.reference = s.reference
), withdrawn AS (
    UPDATE invoices i SET withdrawn_at = %(now)s, updated_at = %(now)s
    WHERE i.paid_at IS NULL AND i.withdrawn_at IS NULL
      AND NOT EXISTS (SELECT FROM named n
                      WHERE n.service = i.service AND n.reference = i.line_reference AND n.number = i.number)
    RETURNING 1
)
SELECT count(*) AS withdrawn FROM withdrawn
"""
