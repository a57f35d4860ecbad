"""Payments that were made elsewhere, in PostgreSQL: for the embedded billing, whose bills they pay in the same commit.

The bills' rows are locked, the oldest first: of two payments of one bill the second sees what the first left. A basket
of ours that was never sent ends; one that was keeps its bill, unless the other money is taken already.
"""

from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from core.billers.outside import (
    BILLS_MAX,
    BillShare,
    OutsideOrder,
    OutsideRefusal,
    OutsideTaken,
    amount_fault,
    shares,
)
from core.billing.invoices import Invoice
from core.database.payments import statements
from core.database.pool import Connection, Database
from core.database.rows import invoice_of
from core.tracing import request_id

ADD = """
INSERT INTO outside_payments (id, door, key, fingerprint, service, line_reference, number, amount_centimes, currency,
    their_reference, final, at, left_centimes)
VALUES (%(id)s, %(door)s, %(key)s, %(fingerprint)s, %(service)s, %(reference)s, %(number)s, %(amount)s, %(currency)s,
    %(theirs)s, %(final)s, %(now)s, 0)
ON CONFLICT (door, key) DO NOTHING
RETURNING id
"""
KNOWN = "SELECT id, fingerprint, at, left_centimes FROM outside_payments WHERE door = %(door)s AND key = %(key)s"
LEFT = "UPDATE outside_payments SET left_centimes = %(left)s WHERE id = %(id)s"
LINE = "SELECT 1 AS there FROM lines WHERE service = %(service)s AND reference = %(reference)s"
BILLS = """
SELECT number, period, COALESCE(owed_centimes, amount_centimes) AS amount_centimes, due_date,
       paid_at IS NOT NULL OR withdrawn_at IS NOT NULL AS settled
FROM invoices
WHERE service = %(service)s AND line_reference = %(reference)s
  AND (%(number)s::text IS NULL AND paid_at IS NULL AND withdrawn_at IS NULL OR number = %(number)s)
ORDER BY period, number
LIMIT %(most)s
"""
HELD = """
SELECT l.invoice_number AS number, p.state FROM payment_lines l JOIN payments p ON p.id = l.payment_id
WHERE l.active AND l.service = %(service)s AND l.line_reference = %(reference)s
  AND l.invoice_number = ANY(%(numbers)s) AND p.state <> 'created'
"""
PAY = """
WITH told AS (
    INSERT INTO bill_payments (payment_id, number, amount_centimes, at)
    VALUES (%(id)s, %(number)s, %(amount)s, %(now)s)
)
UPDATE invoices SET
    paid_at = CASE WHEN COALESCE(owed_centimes, amount_centimes) = %(amount)s THEN %(now)s END,
    paid_by = CASE WHEN COALESCE(owed_centimes, amount_centimes) = %(amount)s THEN %(id)s END,
    owed_centimes = CASE WHEN COALESCE(owed_centimes, amount_centimes) = %(amount)s THEN owed_centimes
                         ELSE COALESCE(owed_centimes, amount_centimes) - %(amount)s END
WHERE service = %(service)s AND line_reference = %(reference)s AND number = %(number)s AND paid_at IS NULL
"""


class _BillKept(Exception):
    """Rolls back what was begun."""

    def __init__(self, refusal: OutsideRefusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class PgOutsidePayments:
    """Implements core.billers.outside.OutsidePayments."""

    def __init__(self, database: Database, currency: str) -> None:
        self._database = database
        self._currency = currency

    async def take(self, order: OutsideOrder, fresh_id: str, now: datetime) -> OutsideTaken | OutsideRefusal:
        async def work(connection: Connection) -> OutsideTaken | OutsideRefusal:
            try:
                async with connection.transaction():
                    return await self._taken(connection, order, fresh_id, now)
            except _BillKept as refused:
                return refused.refusal

        return await self._database.run(work, "outside payment")

    async def would_take(self, order: OutsideOrder) -> OutsideRefusal | None:
        async def work(connection: Connection) -> OutsideRefusal | None:
            try:
                async with connection.transaction():
                    await self._payable(connection, order)
            except _BillKept as refused:
                return refused.refusal
            return None

        return await self._database.run(work, "outside payment asked")

    async def _taken(
        self, connection: Connection, order: OutsideOrder, fresh_id: str, now: datetime
    ) -> OutsideTaken | OutsideRefusal:
        added = await _one(connection, ADD, **_values(order), id=fresh_id, now=now)
        if added is None:
            known = await _one(connection, KNOWN, door=order.door, key=order.key)
            if known is None or known["fingerprint"] != order.fingerprint:
                raise _BillKept(OutsideRefusal.KEY_REUSED)
            return OutsideTaken(known["id"], known["at"], repeated=True, left_centimes=known["left_centimes"])
        owed = await self._owed(connection, order) if order.final else await self._payable(connection, order)
        paid_shares, surplus_centimes = shares(order.amount_centimes, owed)
        await self._end_baskets(connection, order, paid_shares, now)
        for share in paid_shares:
            await connection.execute(
                PAY,
                {**_values(order), "id": fresh_id, "number": share.number, "amount": share.amount_centimes, "now": now},
            )
        if surplus_centimes:
            await connection.execute(LEFT, {"id": fresh_id, "left": surplus_centimes})
        return OutsideTaken(fresh_id, now, left_centimes=surplus_centimes)

    async def _payable(self, connection: Connection, order: OutsideOrder) -> tuple[Invoice, ...]:
        """What is owed, where it may be paid so now. Raises _BillKept."""
        if order.currency != self._currency:
            raise _BillKept(OutsideRefusal.CURRENCY)
        rows = await self._rows(connection, order)
        owed = tuple(invoice_of(row) for row in rows if not row["settled"])
        if not owed:
            if not rows and order.number is not None:
                raise _BillKept(OutsideRefusal.NO_BILL)
            there = await _one(connection, LINE, service=order.service, reference=order.line_reference)
            raise _BillKept(OutsideRefusal.NO_LINE if there is None else OutsideRefusal.PAID)
        numbers = [bill.number for bill in owed]
        held = await (await connection.execute(HELD, {**_values(order), "numbers": numbers})).fetchall()
        if held:
            captured = all(row["state"] == "captured" for row in held) and len(held) == len(owed)
            raise _BillKept(OutsideRefusal.PAID if captured else OutsideRefusal.IN_PROGRESS)
        fault = amount_fault(order.amount_centimes, owed, one_bill=order.number is not None)
        if fault is not None:
            raise _BillKept(fault)
        return owed

    async def _owed(self, connection: Connection, order: OutsideOrder) -> tuple[Invoice, ...]:
        """What final money may pay: in another currency nothing."""
        if order.currency != self._currency:
            return ()
        return tuple(invoice_of(row) for row in await self._rows(connection, order) if not row["settled"])

    async def _rows(self, connection: Connection, order: OutsideOrder) -> list[DictRow]:
        values = {**_values(order), "most": BILLS_MAX}
        return await (await connection.execute(BILLS + "FOR UPDATE", values)).fetchall()

    async def _end_baskets(
        self, connection: Connection, order: OutsideOrder, paid: tuple[BillShare, ...], now: datetime
    ) -> None:
        values = {"id": "", "service": order.service, "line_reference": order.line_reference, "payer": "", "now": now}
        numbers = [share.number for share in paid]
        await connection.execute(statements.RELEASE, {**values, "numbers": numbers, "request": request_id.get()})


async def _one(connection: Connection, statement: str, **values: Any) -> DictRow | None:
    return await (await connection.execute(statement, values)).fetchone()


def _values(order: OutsideOrder) -> dict[str, Any]:
    return {
        "door": order.door,
        "key": order.key,
        "fingerprint": order.fingerprint,
        "service": order.service,
        "reference": order.line_reference,
        "number": order.number,
        "amount": order.amount_centimes,
        "currency": order.currency,
        "theirs": order.their_reference,
        "final": order.final,
    }
