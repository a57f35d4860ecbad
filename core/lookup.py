"""Find payments by whatever a caller to the help desk holds in hand, and tell one's story. Reads only.

One statement looks everywhere: authorisation, receipt and transaction number, reference, bill, line, account, MSISDN,
id; a card's last four digits want a date beside them, for alone they are many people's.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from core.database.pool import Database
from core.database.rows import payment_of
from core.payment import Payment
from core.receipts import parse_receipt_number
from core.story import Happening, Source
from core.subscribers import msisdn, national
from core.zone import ZONE

__all__ = ["Happening", "Lookup", "card_and_day"]

FOUND_MAX = 50
STORY_MAX = 500
TEXT_MAX = 64
_CARD_AND_DAY = re.compile(
    r"[*x.\s]*(?P<last4>\d{4})[\s,;]+(?:le\s+)?"
    r"(?:(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"|(?P<d>\d{1,2})[/.\-](?P<m>\d{1,2})(?:[/.\-](?P<y>\d{4}|\d{2}))?)"
)

FIND = """
SELECT p.*, r.year, r.sequence, r.token
FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
WHERE p.id IN (
    SELECT id FROM payments WHERE id = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE auth_code = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE transaction_number = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE reference = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE line_reference = ANY(%(texts)s)
    UNION SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s
    UNION SELECT payment_id FROM payment_lines WHERE invoice_number = ANY(%(texts)s)
    UNION SELECT payment_id FROM receipts WHERE year = %(year)s AND sequence = %(sequence)s
    UNION SELECT id FROM payments
          WHERE card_last4 = %(last4)s AND created_at >= %(day_begins)s AND created_at < %(day_ends)s
)
ORDER BY p.created_at DESC
LIMIT %(limit)s
"""

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


@dataclass(frozen=True, slots=True)
class CardAndDay:
    """Four digits of a card and a day on Moroccan clocks, as the moments it begins and ends."""

    last4: str
    begins: datetime
    ends: datetime


class Lookup:
    """Raises BooksDown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, text: str, today: date | None = None) -> tuple[Payment, ...]:
        """Payments this could mean, the latest first, at most FOUND_MAX. `today` completes a day without its year."""
        rows = await self._database.all(FIND, limit=FOUND_MAX, **_meanings(text, today))
        return tuple(payment_of(row) for row in rows)

    async def story(self, payment_id: str) -> tuple[Happening, ...]:
        """What happened to a payment, in order; the latest STORY_MAX lines."""
        rows = await self._database.all(STORY, id=payment_id, limit=STORY_MAX)
        return tuple(
            Happening(
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


def card_and_day(text: str, today: date | None = None) -> CardAndDay | None:
    """ "0010 23/11/2026", "0010 2026-11-23" or, when `today` is told, "0010 23/11": the last such day."""
    match = _CARD_AND_DAY.fullmatch(_ascii(text).strip())
    if match is None:
        return None
    try:
        day = _day(match, today)
        begins = datetime(day.year, day.month, day.day, tzinfo=ZONE)
        after = day + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return CardAndDay(match["last4"], begins, datetime(after.year, after.month, after.day, tzinfo=ZONE))


def _day(match: re.Match[str], today: date | None) -> date:
    """Raises ValueError."""
    if match["year"]:
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    day, month = int(match["d"]), int(match["m"])
    if match["y"]:
        return date(int(match["y"]) % 2000 + 2000, month, day)
    if today is None:
        raise ValueError("a day wants its year")
    this_year = date(today.year, month, day)
    return this_year if this_year <= today else date(today.year - 1, month, day)


def _meanings(text: str, today: date | None) -> dict[str, Any]:
    text = _ascii(text).strip()[:TEXT_MAX]
    try:
        year, sequence = parse_receipt_number(text)
    except ValueError:
        year, sequence = 0, 0
    try:
        number = msisdn(text)
    except ValueError:
        number = ""
    card = card_and_day(text, today)
    texts = {text, text.upper(), "".join(text.split()), national(number) if number else text}
    return {
        "texts": sorted(texts - {""}),
        "msisdn": number or None,
        "year": year,
        "sequence": sequence,
        "last4": card and card.last4,
        "day_begins": card and card.begins,
        "day_ends": card and card.ends,
    }


def _ascii(text: str) -> str:
    """Digits of any script as ASCII ones; what customers read out is typed on Arabic keyboards too. No NUL for SQL."""
    folded = (str(unicodedata.decimal(c)) if unicodedata.decimal(c, None) is not None else c for c in text)
    return "".join(folded).replace("\x00", "")
