"""The embedded billing: lines and bills in our own tables, filled by import. Implements core.ports.BillingSystem.

Checking a code costs the same for a line that does not exist (docs/protocols/security.md 12).
"""

import hmac
from collections.abc import Awaitable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from core.billing.invoices import Invoice
from core.database.pool import Connection, Database
from core.database.rows import invoice_of
from core.languages import LanguageCode
from core.payments.table import Payment
from core.ports import BillingDown, Clock, Posting
from core.refunds.model import Reversal
from core.repositories import DatabaseUnavailable
from core.subscribers.lines import ServiceType, SubscribedLine

T = TypeVar("T")
NO_CODE = "000000"  # compared with when there is no line: the answer is False whatever comes out

LINE = """
SELECT service, reference, holder, contact_msisdn, email, language FROM lines
WHERE service = %(service)s AND reference = %(reference)s
"""

LINES_OF = """
SELECT service, reference, holder, contact_msisdn, email, language FROM lines
WHERE contact_msisdn = %(msisdn)s
ORDER BY array_position(ARRAY['mobile', 'fixed', 'internet'], service), reference
"""

CODES_OF = """
SELECT service, reference, holder, contact_msisdn, email, language, payment_code FROM lines
WHERE contact_msisdn = ANY(%(msisdns)s)
ORDER BY array_position(ARRAY['mobile', 'fixed', 'internet'], service), reference
"""

# One row whether there is such a line or not: what is read of it tells nobody that it exists.
WITH_CODE = """
SELECT l.service, l.reference, l.holder, l.contact_msisdn, l.email, l.language, l.payment_code
FROM (VALUES (1)) AS always LEFT JOIN lines l ON l.service = %(service)s AND l.reference = %(reference)s
"""

CODE = "SELECT payment_code FROM lines WHERE service = %(service)s AND reference = %(reference)s"

UNPAID = """
SELECT number, period, COALESCE(owed_centimes, amount_centimes) AS amount_centimes, due_date FROM invoices
WHERE service = %(service)s AND line_reference = %(reference)s AND paid_at IS NULL AND withdrawn_at IS NULL
ORDER BY period, number
"""

# A bill that was withdrawn meanwhile was paid elsewhere: refused, its money goes back. So is one that owes less by now
# than was paid for it; of one that owes more the rest stays owed.
POST = """
WITH bill AS (
    SELECT service, line_reference, number, COALESCE(owed_centimes, amount_centimes) AS owed FROM invoices
    WHERE service = %(service)s AND line_reference = %(reference)s AND number = %(number)s
      AND paid_by IS NULL AND paid_at IS NULL AND withdrawn_at IS NULL
    FOR UPDATE
), told AS (
    INSERT INTO bill_payments (payment_id, number, amount_centimes, at)
    SELECT %(payment_id)s, number, %(amount)s, %(now)s FROM bill WHERE owed >= %(amount)s
    ON CONFLICT DO NOTHING
    RETURNING number
), paid AS (
    UPDATE invoices i SET
        paid_at = CASE WHEN b.owed = %(amount)s THEN %(now)s END,
        paid_by = CASE WHEN b.owed = %(amount)s THEN %(payment_id)s END,
        owed_centimes = CASE WHEN b.owed = %(amount)s THEN i.owed_centimes ELSE b.owed - %(amount)s END
    FROM bill b, told
    WHERE (i.service, i.line_reference, i.number) = (b.service, b.line_reference, b.number)
)
SELECT EXISTS (SELECT FROM told)
    OR EXISTS (SELECT FROM bill_payments WHERE payment_id = %(payment_id)s AND number = %(number)s)
    OR EXISTS (SELECT FROM invoices WHERE service = %(service)s AND line_reference = %(reference)s
               AND number = %(number)s AND paid_by = %(payment_id)s) AS posted
"""

# Only who paid a bill can unpay it: this payment is named by the bill, by what it paid of it, or by what went back.
REVERSE = """
WITH paid AS (
    SELECT service, line_reference, number FROM invoices i
    WHERE service = %(service)s AND line_reference = %(reference)s AND number = %(number)s
      AND (paid_by = %(payment_id)s
           OR EXISTS (SELECT FROM bill_payments p WHERE p.payment_id = %(payment_id)s AND p.number = i.number)
           OR EXISTS (SELECT FROM bill_reversals r WHERE r.payment_id = %(payment_id)s AND r.number = i.number))
    FOR UPDATE
), told AS (
    INSERT INTO bill_reversals (reference, service, line_reference, number, payment_id, amount_centimes, at)
    SELECT %(key)s, service, line_reference, number, %(payment_id)s, %(amount)s, %(now)s FROM paid
    ON CONFLICT (reference) DO NOTHING
    RETURNING service, line_reference, number
)
UPDATE invoices i SET
    paid_at = NULL, paid_by = NULL, updated_at = %(now)s,
    owed_centimes = LEAST(i.amount_centimes, %(amount)s + CASE WHEN i.paid_at IS NOT NULL THEN 0
                                                          ELSE COALESCE(i.owed_centimes, i.amount_centimes) END)
FROM told t
WHERE (i.service, i.line_reference, i.number) = (t.service, t.line_reference, t.number)
"""


class EmbeddedBilling:
    """Implements core.ports.BillingSystem over our own tables. Raises BillingDown."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._codes_of = database.batched(_codes_of, "codes")

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None:
        row = await _or_down(self._database.one(LINE, service=service, reference=reference))
        return None if row is None else _line_of(row)

    async def lines_of(self, msisdn: str) -> tuple[SubscribedLine, ...]:
        rows = await _or_down(self._database.all(LINES_OF, msisdn=msisdn))
        return tuple(_line_of(row) for row in rows)

    async def codes_of(self, msisdn: str) -> tuple[tuple[SubscribedLine, str], ...]:
        return await _or_down(self._codes_of.ask(msisdn))

    async def code_matches(self, service: ServiceType, reference: str, code: str) -> bool:
        return _same(await self.code_of(service, reference), code)

    async def proven(self, service: ServiceType, reference: str, code: str) -> SubscribedLine | None:
        row = await _or_down(self._database.one(WITH_CODE, service=service, reference=reference))
        assert row is not None, "one row, always"
        return _line_of(row) if _same(row["payment_code"], code) else None

    async def code_of(self, service: ServiceType, reference: str) -> str | None:
        row = await _or_down(self._database.one(CODE, service=service, reference=reference))
        return None if row is None else str(row["payment_code"])

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]:
        rows = await _or_down(self._database.all(UNPAID, service=service, reference=reference))
        return tuple(invoice_of(row) for row in rows)

    async def post(self, payment: Payment, invoice: Invoice) -> Posting:
        row = await _or_down(
            self._database.one(
                POST,
                now=self._clock.now(),
                payment_id=payment.id,
                service=payment.service,
                reference=payment.line_reference,
                number=invoice.number,
                amount=invoice.amount_centimes,
            )
        )
        return Posting.POSTED if row is not None and row["posted"] else Posting.REFUSED

    async def reverse(self, reversal: Reversal) -> Posting:
        payment = reversal.payment
        await _or_down(
            self._database.do(
                REVERSE,
                now=self._clock.now(),
                payment_id=payment.id,
                service=payment.service,
                reference=payment.line_reference,
                number=reversal.number,
                amount=reversal.amount_centimes,
                key=reversal.reference,
            )
        )
        return Posting.POSTED


async def _codes_of(connection: Connection, msisdns: Sequence[str]) -> list[tuple[tuple[SubscribedLine, str], ...]]:
    codes: dict[str, list[tuple[SubscribedLine, str]]] = {msisdn: [] for msisdn in msisdns}
    cursor = await connection.execute(CODES_OF, {"msisdns": list(codes)})
    for row in await cursor.fetchall():
        codes[row["contact_msisdn"]].append((_line_of(row), row["payment_code"]))
    return [tuple(codes[msisdn]) for msisdn in msisdns]


def _line_of(row: Mapping[str, Any]) -> SubscribedLine:
    return SubscribedLine(
        ServiceType(row["service"]),
        row["reference"],
        row["holder"],
        row["contact_msisdn"],
        row["email"],
        LanguageCode(row["language"]),
    )


async def _or_down(work: Awaitable[T]) -> T:
    try:
        return await work
    except DatabaseUnavailable as error:
        raise BillingDown("the embedded billing's database is away") from error


def _same(right: str | None, code: str) -> bool:
    same = hmac.compare_digest(_digest(right or NO_CODE), _digest(code))  # of one length, whatever a code's is
    return same and right is not None


def _digest(code: str) -> bytes:
    return sha256(code.encode()).digest()
