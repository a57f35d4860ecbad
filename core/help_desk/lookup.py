"""Find payments by whatever a caller to the help desk holds in hand, and tell one's story. Reads only.

One statement looks everywhere: authorisation, receipt and transaction number, reference, bill, line, account, MSISDN,
id, e-mail, the name of a line's holder; a card's last four digits want a date beside them, for alone they are many
people's.
"""

from datetime import UTC, date, timedelta
from typing import Any

from core.database.archive.months import with_months
from core.database.migrations.indexes import HOLDER_WORDS
from core.database.pool import Database
from core.database.rows import payment_of
from core.help_desk.read_out import CardAndDay, address_in, bare, card_and_day, name_in, receipt_read_out, spellings
from core.help_desk.timeline import Source, TimelineEntry
from core.payments.table import Payment
from core.subscribers.lines import msisdn, national

__all__ = ["Lookup", "TimelineEntry", "card_and_day"]

FOUND_MAX = 50
STORY_MAX = 500
LINES_MAX = 500  # of one name

# Those of the months by one index over all of them: digests of these very words (migration 0035). OFFSET 0: how many
# rows a word has nobody can guess, and whoever guesses many reads whole tables; each is asked for by its index.
FIND = """
WITH named AS (
    SELECT service, reference FROM lines WHERE lower(email) = %(email)s
    UNION SELECT service, reference FROM lines WHERE {holder} @@ plainto_tsquery('simple', %(name)s)
    LIMIT %(lines)s
), found (id, moved_of) AS (
    SELECT id, NULL::timestamptz FROM ONLY payments WHERE id = ANY(%(texts)s)
    UNION SELECT id, NULL FROM ONLY payments WHERE auth_code = ANY(%(texts)s)
    UNION SELECT id, NULL FROM ONLY payments WHERE lower(transaction_number) = ANY(%(lowered)s)
    UNION SELECT id, NULL FROM ONLY payments WHERE reference = ANY(%(texts)s)
    UNION SELECT id, NULL FROM ONLY payments WHERE line_reference = ANY(%(texts)s)
    UNION SELECT id, NULL FROM ONLY payments WHERE payer_msisdn = %(msisdn)s
    UNION SELECT payment_id, NULL FROM ONLY payment_lines WHERE invoice_number = ANY(%(texts)s)
    UNION SELECT payment_id, NULL FROM ONLY receipts WHERE year = %(year)s AND sequence = %(sequence)s
    UNION SELECT id, NULL FROM ONLY payments WHERE lower(email) = %(email)s
    UNION SELECT p.id, NULL FROM named n CROSS JOIN LATERAL (
        SELECT id FROM ONLY payments WHERE line_reference = n.reference AND service = n.service OFFSET 0
    ) p
    UNION SELECT id, NULL FROM ONLY payments
          WHERE card_last4 = %(last4)s AND created_at >= %(day_begins)s AND created_at < %(day_ends)s
    UNION SELECT id, moved_of FROM khallas_in_months(%(texts)s::text[],
        %(words)s::text[] || ARRAY(SELECT 'line ' || service || ' ' || reference FROM named),
        %(day_words)s::text[], %(day_begins)s::timestamptz, %(day_ends)s::timestamptz, %(limit)s)
)
SELECT f.id AS found_id, p.*, r.year, r.sequence, r.token
FROM found f
LEFT JOIN LATERAL (SELECT * FROM ONLY payments WHERE id = f.id OFFSET 0) p ON true
LEFT JOIN LATERAL (SELECT * FROM ONLY receipts WHERE payment_id = f.id OFFSET 0) r ON true
ORDER BY COALESCE(f.moved_of, p.created_at) DESC
LIMIT %(limit)s
""".replace("{holder}", HOLDER_WORDS)

FOUND = """
SELECT p.*, r.year, r.sequence, r.token
FROM payments p LEFT JOIN LATERAL (SELECT * FROM receipts WHERE payment_id = p.id OFFSET 0) r ON true
WHERE p.id = ANY(%(ids)s) ORDER BY p.created_at DESC
"""

# Of one moment, a payment's own events come first, in the order they were written.
STORY = """
SELECT * FROM (
    SELECT at, 'payment' AS source, event AS what, state AS status, detail, '' AS who,
           NULL::timestamptz AS until, 0 AS rank, id, request
    FROM ONLY payment_events WHERE payment_id = %(id)s
    UNION ALL
    SELECT created_at, 'message', kind, status, error, '', updated_at, 1, 0, NULL
    FROM ONLY messages WHERE payment_id = %(id)s
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
        if any(row["id"] is None for row in rows):  # it moved to its month
            rows = await self._database.all(FOUND, ids=[row["found_id"] for row in rows])
        return tuple(payment_of(row) for row in rows)

    async def story(self, payment_id: str) -> tuple[TimelineEntry, ...]:
        """The timeline of a payment, in order: its latest STORY_MAX lines."""
        rows = await self._database.all(STORY, id=payment_id, limit=STORY_MAX)
        if not any(row["source"] == Source.PAYMENT for row in rows):  # it moved, whole
            rows = await self._database.all(with_months(STORY), id=payment_id, limit=STORY_MAX)
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
    lowered, address = sorted({each.lower() for each in texts}), address_in(text)
    words = [f"text {each}" for each in texts] + [f"transaction {each}" for each in lowered]
    words += [f"payer {number}"] * bool(number) + [f"email {address}"] * bool(address)
    words += [f"receipt {year} {sequence}"] * bool(year)
    return {
        "texts": sorted(texts),
        "lowered": lowered,
        "msisdn": number or None,
        "year": year,
        "sequence": sequence,
        "last4": card and card.last4,
        "day_begins": card and card.begins,
        "day_ends": card and card.ends,
        "email": address,
        "name": name_in(text),
        "lines": LINES_MAX,
        "words": words,
        "day_words": _days(card) if card else [],
    }


def _days(card: CardAndDay) -> list[str]:
    """The card's digits with each day, in UTC, that its day touches."""
    try:
        first, last = card.begins.astimezone(UTC).date(), card.ends.astimezone(UTC).date()
    except OverflowError:  # a day at the end of the calendar
        return []
    return [f"card {card.last4} {first + timedelta(days=n)}" for n in range((last - first).days + 1)]
