"""Find payments by whatever a caller to the help desk holds in hand, and tell one's story. Reads only.

One statement looks everywhere: authorisation number, receipt number, transaction number, reference, line, MSISDN, id.
"""

from dataclasses import dataclass
from datetime import datetime

from core.database.pool import Database
from core.database.rows import payment_of
from core.payment import Payment
from core.receipts import parse_receipt_number
from core.subscribers import msisdn

FOUND_MAX = 50
TEXT_MAX = 64

FIND = """
SELECT p.*, r.year, r.sequence, r.token
FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
WHERE p.id IN (
    SELECT id FROM payments WHERE id = %(text)s
    UNION SELECT id FROM payments WHERE auth_code = %(text)s
    UNION SELECT id FROM payments WHERE transaction_number = %(text)s
    UNION SELECT id FROM payments WHERE reference = %(text)s
    UNION SELECT id FROM payments WHERE line_reference = %(text)s
    UNION SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s
    UNION SELECT payment_id FROM payment_lines WHERE invoice_number = %(text)s
    UNION SELECT payment_id FROM receipts WHERE year = %(year)s AND sequence = %(sequence)s
)
ORDER BY p.created_at DESC
LIMIT %(limit)s
"""

STORY = """
SELECT at, event AS what, state AS status, detail FROM payment_events WHERE payment_id = %(id)s
UNION ALL
SELECT updated_at, kind, status, error FROM messages WHERE payment_id = %(id)s
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a payment's story: a change of its state, or a message and how far it got."""

    at: datetime
    what: str
    status: str
    detail: str | None


class Lookup:
    """Raises BooksDown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, text: str) -> tuple[Payment, ...]:
        """Payments this could mean, the latest first, at most FOUND_MAX."""
        text = text.strip()[:TEXT_MAX]
        try:
            year, sequence = parse_receipt_number(text)
        except ValueError:
            year, sequence = 0, 0
        try:
            number = msisdn(text)
        except ValueError:
            number = ""
        values = {"text": text, "msisdn": number or None, "year": year, "sequence": sequence}
        return tuple(payment_of(row) for row in await self._database.all(FIND, limit=FOUND_MAX, **values))

    async def story(self, payment_id: str) -> tuple[Happening, ...]:
        """What happened to a payment, in order."""
        rows = await self._database.all(STORY, id=payment_id)
        return tuple(Happening(row["at"], row["what"], row["status"], row["detail"]) for row in rows)
