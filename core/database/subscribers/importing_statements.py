"""The statements of importing.py. Of several rows about one thing in a file the last one counts."""

from typing import LiteralString

STAGING: dict[str, LiteralString] = {
    "subscribers": """
CREATE TEMP TABLE staged (
    line_no bigint, why text, shown text,
    service text, reference text, holder text, contact_msisdn text, email text, payment_code text,
    language text
) ON COMMIT DROP
""",
    "invoices": """
CREATE TEMP TABLE staged (
    line_no bigint, why text, shown text,
    reference text, number text, period date, amount_centimes bigint, due_date date
) ON COMMIT DROP
""",
}

COPY: dict[str, LiteralString] = {
    "subscribers": """
COPY staged
    (line_no, why, shown, service, reference, holder, contact_msisdn, email, payment_code, language) FROM STDIN
""",
    "invoices": "COPY staged (line_no, why, shown, reference, number, period, amount_centimes, due_date) FROM STDIN",
}

# What of the staged rows cannot be used, by what is known here; each statement fills in `why`.
#
# A number that is a known one of its line but for leading zeros went through a spreadsheet: it would be a second bill
# (or line, or another code). Of two such in one file the longer one is the true one. What a whole file leaves out goes
# away, so that it may put right what was imported without its zeros.
JUDGE: dict[str, tuple[LiteralString, ...]] = {
    "subscribers": (
        """
UPDATE staged s SET why = 'payment_code: the known one of this line but for leading zeros'
FROM lines l
WHERE s.why IS NULL AND l.service = s.service AND l.reference = s.reference
  AND l.payment_code <> s.payment_code AND length(s.payment_code) < length(l.payment_code)
  AND ltrim(l.payment_code, '0') = ltrim(s.payment_code, '0')
""",
        """
UPDATE staged s SET why = 'reference: a known customer number but for leading zeros, ' || t.reference
FROM (SELECT service, reference, NULL::bigint AS line_no FROM lines WHERE service = 'internet'
      UNION ALL
      SELECT service, reference, line_no FROM staged WHERE service = 'internet' AND why IS NULL) t
WHERE s.why IS NULL AND s.service = 'internet' AND ltrim(t.reference, '0') = ltrim(s.reference, '0')
  AND t.reference <> s.reference AND (t.line_no IS NULL OR length(t.reference) > length(s.reference))
  AND NOT EXISTS (SELECT FROM lines l WHERE l.service = s.service AND l.reference = s.reference)
""",
    ),
    "invoices": (
        # bills whose line is not known, or not the only one of that reference
        """
UPDATE staged s SET why = CASE WHEN found.lines = 0 THEN 'reference: no line of this reference'
                               ELSE 'reference: several lines of this reference' END
FROM (SELECT s.line_no, count(l.reference) AS lines
      FROM staged s LEFT JOIN lines l ON l.reference = s.reference
      WHERE s.why IS NULL GROUP BY s.line_no HAVING count(l.reference) <> 1) found
WHERE s.line_no = found.line_no
""",
        """
UPDATE staged s SET why = 'number: a known one of this line but for leading zeros, ' || twin.number
FROM (SELECT h.line_no, min(t.number) AS number
      FROM staged h JOIN (
          SELECT i.line_reference, i.number, NULL::bigint AS line_no FROM invoices i
          WHERE i.paid_at IS NOT NULL OR (i.withdrawn_at IS NULL AND NOT %(whole)s)
          UNION ALL
          SELECT reference, number, line_no FROM staged WHERE why IS NULL
      ) t ON t.line_reference = h.reference
         AND ltrim(replace(t.number, ' ', ''), '0') = ltrim(replace(h.number, ' ', ''), '0')
      WHERE h.why IS NULL AND t.number <> h.number
        AND (t.line_no IS NULL OR length(t.number) > length(h.number))
        AND NOT EXISTS (SELECT FROM invoices i WHERE i.line_reference = h.reference AND i.number = h.number)
      GROUP BY h.line_no) twin
WHERE s.line_no = twin.line_no
""",
    ),
}

PROBLEMS: dict[str, LiteralString] = {
    "subscribers": """
SELECT line_no, why, coalesce(shown, concat_ws(',', service, reference, holder)) AS shown
FROM staged WHERE why IS NOT NULL ORDER BY line_no
""",
    "invoices": """
SELECT line_no, why, coalesce(shown, concat_ws(',', reference, number, period, amount_centimes / 100.0, due_date))
       AS shown
FROM staged WHERE why IS NOT NULL ORDER BY line_no
""",
}

LEAVE_OUT: LiteralString = "DELETE FROM staged WHERE why IS NOT NULL"

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
