"""The help desk's lists as statements: what narrows a list is a constant piece each, and values are bound."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from core.database.pool import Database
from core.database.rows import payment_of
from core.help_desk.lists import (
    OTHERS_SHOWN,
    PAGE_ROWS,
    HeadCounts,
    ListedPayment,
    ListedPayments,
    PaymentFilter,
    PaymentList,
)
from core.payments.table import Payment

LATELY_DAYS = 90  # for the brands that a filter offers
TAKEN = "COALESCE(p.approved_centimes, p.amount_centimes)"

# Each list's rows, and what it counts of a payment.
LISTS: Mapping[PaymentList, tuple[str, str]] = MappingProxyType(
    {
        PaymentList.BEGUN: ("p.created_at >= %(begins)s AND p.created_at < %(ends)s", "p.amount_centimes"),
        PaymentList.PAID: ("p.paid_at >= %(begins)s AND p.paid_at < %(ends)s", TAKEN),
        PaymentList.BACK: ("p.paid_at IS NOT NULL AND back.centimes > 0", "back.centimes"),
        PaymentList.ANSWERED: (
            """p.id IN (SELECT payment_id FROM payment_events
            WHERE at >= %(begins)s AND at < %(ends)s AND event = %(answer)s
              AND (%(code)s = '' OR COALESCE(detail, '') = %(code)s))""",
            "p.amount_centimes",
        ),
        PaymentList.OPEN: (
            "p.state NOT IN ('captured', 'declined', 'voided', 'refunded', 'expired')",
            "p.amount_centimes",
        ),
        PaymentList.UNKNOWN: ("p.state = 'unknown'", "p.amount_centimes"),
        PaymentList.STUCK: (
            """p.id IN (
            SELECT id FROM payments WHERE by_hand IS NOT NULL
            UNION SELECT payment_id FROM wallet_attempts WHERE state = 'surplus' AND by_hand IS NOT NULL
            UNION SELECT payment_id FROM payment_lines WHERE posting = 'stuck'
            UNION SELECT payment_id FROM refunds WHERE state IN ('stuck', 'untold')
            UNION SELECT payment_id FROM refunds r WHERE state = 'refused' AND closed_at IS NULL AND NOT EXISTS (
                SELECT FROM refunds n
                WHERE (n.payment_id, n.invoice_number) = (r.payment_id, r.invoice_number) AND n.id > r.id))""",
            "p.amount_centimes",
        ),
        PaymentList.WAITING: (
            """p.id IN (
            SELECT payment_id FROM messages
            WHERE due_at IS NOT NULL AND payment_id IS NOT NULL AND (%(queue)s = '' OR %(queue)s = {of_message})
            UNION SELECT payment_id FROM payment_lines
            WHERE posting_due_at IS NOT NULL AND %(queue)s IN ('', 'posting')
            UNION SELECT payment_id FROM refunds WHERE due_at IS NOT NULL AND %(queue)s IN ('', 'posting'))""",
            "p.amount_centimes",
        ),
        PaymentList.FAILED: (
            """p.id IN (
            SELECT payment_id FROM messages
            WHERE status = 'failed' AND updated_at >= %(begins)s AND updated_at < %(ends)s AND payment_id IS NOT NULL
              AND (%(queue)s = '' OR %(queue)s = {of_message}))""",
            "p.amount_centimes",
        ),
        PaymentList.CUSTOMER: (
            """p.id IN (
            SELECT o.id FROM payments o JOIN payments of_one ON of_one.id = %(of)s
            WHERE o.payer_msisdn = of_one.payer_msisdn AND of_one.payer_msisdn <> ''
            UNION SELECT o.id FROM payments o JOIN payments of_one ON of_one.id = %(of)s
            WHERE o.line_reference = of_one.line_reference AND o.service = of_one.service)""",
            "p.amount_centimes",
        ),
    }
)
OF_MESSAGE = "CASE WHEN kind LIKE '%%\\_mail' THEN 'mail' WHEN kind = 'outgoing_call' THEN 'call' ELSE 'sms' END"

# Money of payments that left by their own events: settlement and chargebacks move it from other accounts.
BACK = """
LEFT JOIN LATERAL (
    SELECT sum(t.amount_centimes)::bigint AS centimes FROM ledger_transfers t
    WHERE t.payment_id = p.id AND t.at >= %(begins)s AND t.at < %(ends)s AND starts_with(t.credit, 'acquirer:')
      AND split_part(t.debit, ':', 1) IN ('bills', 'customers', 'doubt')
) back ON true
"""
# The same period by the ledger's own index, so that no other payment is looked at.
BACK_ONLY = """ AND p.id IN (SELECT payment_id FROM ledger_transfers t
    WHERE t.at >= %(begins)s AND t.at < %(ends)s AND starts_with(t.credit, 'acquirer:')
      AND split_part(t.debit, ':', 1) IN ('bills', 'customers', 'doubt'))"""

LISTED = """
SELECT p.*, r.year, r.sequence, r.token, {counted} AS counted,
       count(*) OVER () AS times, sum({counted}) OVER ()::bigint AS everything
FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id {join}
WHERE {where}
ORDER BY p.created_at DESC, p.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""

NARROWED = """ AND (%(channel)s = '' OR p.channel = %(channel)s)
    AND (cardinality(%(states)s::text[]) = 0 OR p.state = ANY(%(states)s))
    AND (%(tender)s = '' OR COALESCE(p.wallet, p.card_brand, '-') = %(tender)s)
    AND (%(acquirer)s = '' OR p.wallet IS NULL AND p.acquirer = %(acquirer)s)
    AND {counted} >= %(low)s AND {counted} <= %(high)s"""

OTHERS = """
SELECT p.*, r.year, r.sequence, r.token FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
WHERE p.id <> %(of)s AND {where}
ORDER BY p.created_at DESC, p.id DESC LIMIT %(limit)s
"""

TENDERS = """
SELECT DISTINCT COALESCE(wallet, card_brand) AS tender FROM payments
WHERE paid_at >= %(since)s AND COALESCE(wallet, card_brand) IS NOT NULL ORDER BY 1 LIMIT 20
"""

ACQUIRERS = """
SELECT DISTINCT acquirer FROM payments WHERE paid_at >= %(since)s AND wallet IS NULL ORDER BY 1 LIMIT 20
"""

HEAD = """
SELECT (SELECT count(*) FROM undo_requests WHERE state = 'proposed') AS approvals,
       (SELECT count(*) FROM hand_requests WHERE state = 'proposed') AS by_hand,
       (SELECT count(*) FROM reconciliation_findings WHERE closed_at IS NULL AND resolved_at IS NULL) AS findings
"""
AMOUNT_MAX_CENTIMES = (1 << 63) - 1


class PgPaymentLists:
    """Implements core.help_desk.lists.PaymentLists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, wanted: PaymentFilter, now: datetime, page: int) -> ListedPayments:
        where, counted = LISTS[wanted.kind]
        where += NARROWED.format(counted=counted)
        back = wanted.kind is PaymentList.BACK
        statement = LISTED.format(
            counted=counted,
            join=BACK if back else "",
            where=where.replace("{of_message}", OF_MESSAGE) + (BACK_ONLY if back else ""),
        )
        rows = await self._database.all(statement, **_values(wanted, now), limit=PAGE_ROWS, offset=page * PAGE_ROWS)
        listed = tuple(ListedPayment(payment_of(row), row["counted"]) for row in rows)
        return ListedPayments(listed, rows[0]["times"], rows[0]["everything"]) if rows else ListedPayments((), 0, 0)

    async def tenders(self, now: datetime) -> tuple[str, ...]:
        since = now - timedelta(days=LATELY_DAYS)
        return tuple(row["tender"] for row in await self._database.all(TENDERS, since=since))

    async def acquirers(self, now: datetime) -> tuple[str, ...]:
        since = now - timedelta(days=LATELY_DAYS)
        return tuple(row["acquirer"] for row in await self._database.all(ACQUIRERS, since=since))

    async def head(self) -> HeadCounts:
        row = await self._database.one(HEAD)
        return HeadCounts(**row) if row is not None else HeadCounts()


async def others_of(database: Database, payment_id: str) -> tuple[Payment, ...]:
    """Other payments of a payment's payer, or of its line."""
    statement = OTHERS.format(where=LISTS[PaymentList.CUSTOMER][0])
    rows = await database.all(statement, of=payment_id, limit=OTHERS_SHOWN)
    return tuple(payment_of(row) for row in rows)


def _values(wanted: PaymentFilter, now: datetime) -> dict[str, Any]:
    return {
        "begins": wanted.begins or now,
        "ends": wanted.ends or now + timedelta(days=1),  # what is written meanwhile belongs to it
        "channel": wanted.channel,
        "states": sorted(wanted.states),
        "tender": wanted.tender,
        "acquirer": wanted.acquirer,
        "low": wanted.low_centimes or 0,
        "high": AMOUNT_MAX_CENTIMES if wanted.high_centimes is None else wanted.high_centimes,
        "answer": wanted.answer,
        "code": wanted.code,
        "queue": str(wanted.queue or ""),
        "of": wanted.of,
    }
