"""Find payments by whatever a caller to the help desk holds in hand, and tell one's story. Reads only.

One statement looks everywhere: authorisation, receipt and transaction number, reference, bill, line, account, MSISDN,
id, e-mail, the name of a line's holder; a card's last four digits want a date beside them, for alone they are many
people's.
"""

from datetime import date
from typing import Any

from core.database.migrations.indexes import HOLDER_WORDS
from core.database.pool import Database
from core.database.rows import payment_of
from core.help_desk.read_out import address_in, bare, card_and_day, name_in, receipt_read_out, spellings
from core.help_desk.timeline import Source, TimelineEntry
from core.payments.table import Payment
from core.subscribers.lines import msisdn, national

__all__ = ["Lookup", "TimelineEntry", "card_and_day"]

FOUND_MAX = 50
STORY_MAX = 500
LINES_MAX = 500  # of one name
FIND = """
SELECT p.*, r.year, r.sequence, r.token
FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
WHERE p.id IN (
    SELECT id FROM payments WHERE id = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE auth_code = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE lower(transaction_number) = ANY(%(lowered)s)
    UNION SELECT id FROM payments WHERE reference = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE line_reference = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s
    UNION SELECT payment_id FROM payment_lines WHERE invoice_number = ANY(%(texts)s)
    UNION SELECT payment_id FROM receipts WHERE year = %(year)s AND sequence = %(sequence)s
    UNION SELECT id FROM payments WHERE lower(email) = %(email)s
    UNION SELECT p.id FROM (
        SELECT service, reference FROM lines WHERE lower(email) = %(email)s
        UNION SELECT service, reference FROM lines WHERE {holder} @@ plainto_tsquery('simple', %(name)s)
        LIMIT %(lines)s
    ) l JOIN payments p ON p.line_reference = l.reference AND p.service = l.service
    UNION SELECT id FROM payments
          WHERE card_last4 = %(last4)s AND created_at >= %(day_begins)s AND created_at < %(day_ends)s
)
ORDER BY p.created_at DESC
LIMIT %(limit)s
""".replace("{holder}", HOLDER_WORDS)

# Of one moment, a payment's own events come first, in the order they were written.
STORY = """
SELECT * FROM (
    SELECT at, 'payment' AS source, event AS what, state AS status, detail, '' AS who,
           NULL::timestamptz AS until, 0 AS rank, id, request
    FROM payment_events WHERE payment_id = %(id)s
    UNION ALL
    SELECT created_at, 'message', kind, status, error, '', updated_at, 1, 0, NULL
    FROM messages WHERE payment_id = %(id)s
    UNION ALL
    SELECT at, 'note', 'note', '', text, who, NULL, 2, id, NULL FROM desk_notes WHERE payment_id = %(id)s
    UNION ALL
    SELECT at, 'desk', action, '', detail, who, NULL, 3, id, NULL FROM access_log
    WHERE payment_id = %(id)s AND action IN ('inquire', 'resend')
    UNION ALL
    SELECT proposed_at, 'undo', 'proposed', '', reason || ' ' || comment, proposed_by, NULL, 4, id, NULL
    FROM undo_requests WHERE payment_id = %(id)s
    UNION ALL
    SELECT decided_at, 'undo', state, '', reason || ' ' || comment, decided_by, NULL, 5, id, NULL
    FROM undo_requests WHERE payment_id = %(id)s AND decided_at IS NOT NULL
) told
ORDER BY at DESC, rank DESC, id DESC, what DESC
LIMIT %(limit)s
"""


class Lookup:
    """Finds payments by what a caller reads out. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, text: str, today: date | None = None) -> tuple[Payment, ...]:
        """Payments this could mean, the latest first, at most FOUND_MAX. `today` completes a day without its year."""
        rows = await self._database.all(FIND, limit=FOUND_MAX, **_meanings(text, today))
        return tuple(payment_of(row) for row in rows)

    async def story(self, payment_id: str) -> tuple[TimelineEntry, ...]:
        """The timeline of a payment, in order: its latest STORY_MAX lines."""
        rows = await self._database.all(STORY, id=payment_id, limit=STORY_MAX)
        return tuple(
            TimelineEntry(
                row["at"],
                row["what"],
                row["status"],
                None if row["detail"] is None else row["detail"].strip(),
                Source(row["source"]),
                row["who"],
                row["until"],
                row["request"] or "",
            )
            for row in reversed(rows)
        )


def _meanings(text: str, today: date | None) -> dict[str, Any]:
    """Of NUL and of what is longer than any number nothing is left for SQL."""
    year, sequence = receipt_read_out(text) or (0, 0)
    try:
        number = msisdn(bare(text))
    except ValueError:
        number = ""
    card = card_and_day(text, today)
    texts = spellings(text) | ({national(number)} if number else set())
    return {
        "texts": sorted(texts),
        "lowered": sorted({each.lower() for each in texts}),
        "msisdn": number or None,
        "year": year,
        "sequence": sequence,
        "last4": card and card.last4,
        "day_begins": card and card.begins,
        "day_ends": card and card.ends,
        "email": address_in(text),
        "name": name_in(text),
        "lines": LINES_MAX,
    }
