"""Requests to give money back. A decision and the payment's move are one commit; the table's own checks stand behind.

The bills' rows are locked first: a bill that the poster gives back by itself and the whole payment never go together.
Before them the row of whoever decides: that person's decisions follow one another, and what a day allows is counted
after those that came first.
"""

from dataclasses import asdict
from datetime import datetime

from psycopg import errors
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from core.database.payments.repository import PgPayments
from core.database.pool import Connection, Database
from core.database.wake import TaskName, Wake, Waker
from core.help_desk.access_log import Actor
from core.payments.table import Payment, PaymentEvent, PaymentState
from core.refunds.model import RefundPart
from core.refunds.requests import (
    DAY,
    BillLeft,
    Bounds,
    Given,
    Proposal,
    Reason,
    RefundRequest,
    RefundRequestRefusal,
    RefundRequestState,
)
from core.repositories import Change

PROPOSE = """
INSERT INTO undo_requests (payment_id, amount_centimes, reason, comment, two_people, state, proposed_by, proposed_at,
    parts, proposed_address, proposed_browser)
SELECT id, COALESCE(%(amount)s, approved_centimes, amount_centimes), %(reason)s, %(comment)s, %(two_people)s,
       'proposed', %(who)s, %(now)s, %(parts)s, %(address)s, %(browser)s
FROM payments WHERE id = %(payment_id)s AND state = 'captured'
RETURNING *
"""

GET = "SELECT * FROM undo_requests WHERE id = %(id)s"

OF_PAYMENT = "SELECT * FROM undo_requests WHERE payment_id = %(payment_id)s ORDER BY id DESC"

OPEN = """
SELECT u.* FROM undo_requests u JOIN payments p ON p.id = u.payment_id
WHERE u.state = 'proposed' AND p.state = 'captured' ORDER BY u.id LIMIT %(limit)s
"""

LINES = """
SELECT invoice_number, amount_centimes, returned_centimes, posting FROM payment_lines
WHERE payment_id = %(payment_id)s ORDER BY invoice_number
"""
LOCKED = LINES + " FOR UPDATE"

# The payment's row is locked: a chargeback that is entered at this moment waits, and then finds the money gone.
CHARGED_BACK = """
WITH locked AS (SELECT id FROM payments WHERE id = %(payment_id)s FOR NO KEY UPDATE)
SELECT 1 FROM locked JOIN chargebacks c ON c.payment_id = locked.id AND c.state <> 'won'
"""

# The table's own check is behind this: never more than the bill.
RESERVE = """
UPDATE payment_lines SET returned_centimes = returned_centimes + %(amount)s
WHERE payment_id = %(payment_id)s AND invoice_number = %(number)s
"""

REFUND = """
INSERT INTO refunds (payment_id, invoice_number, request_id, amount_centimes, state, due_at, created_at)
VALUES (%(payment_id)s, %(number)s, %(request)s, %(amount)s, 'asked', %(now)s, %(now)s)
"""

NOTED = """
INSERT INTO payment_events (payment_id, at, event, state, detail)
SELECT id, %(now)s, 'part', state, %(detail)s FROM payments WHERE id = %(payment_id)s AND state = 'captured'
RETURNING id
"""

# Who decides is read again here: an account that was disabled meanwhile, or is no supervisor's, approves nothing.
DECIDER = """
SELECT name FROM desk_users WHERE name = %(who)s AND role = 'supervisor' AND disabled_at IS NULL FOR NO KEY UPDATE
"""

APPROVE = """
UPDATE undo_requests SET state = 'approved', decided_by = %(who)s, decided_at = %(now)s,
    decided_address = %(address)s, decided_browser = %(browser)s
WHERE id = %(id)s AND state = 'proposed' AND (NOT two_people OR proposed_by <> %(who)s)
RETURNING payment_id
"""

# The request that is being decided is among them.
OF_THE_PAYMENT = """
SELECT COALESCE(sum(amount_centimes), 0)::bigint AS centimes FROM undo_requests
WHERE payment_id = %(payment_id)s AND state = 'approved'
"""
ALONE_SINCE = """
SELECT count(*) AS count, COALESCE(sum(amount_centimes), 0)::bigint AS centimes FROM undo_requests
WHERE decided_by = %(who)s AND proposed_by = %(who)s AND state = 'approved' AND decided_at > %(since)s
"""
GIVEN_SINCE = """
SELECT count(*) AS count, COALESCE(sum(amount_centimes), 0)::bigint AS centimes FROM undo_requests
WHERE decided_by = %(who)s AND state = 'approved' AND decided_at > %(since)s
"""

REJECT = """
UPDATE undo_requests SET state = 'rejected', decided_by = %(who)s, decided_at = %(now)s
WHERE id = %(id)s AND state = 'proposed'
"""

_GOES_BACK = frozenset({"refused", "crediting", "credited", "stuck"})
_UNDER_WAY = frozenset({"pending", "refused", "crediting"})
_CAPTURED = frozenset({PaymentState.CAPTURED})


class _RequestRefused(Exception):
    """Rolls a decision back."""

    def __init__(self, why: RefundRequestRefusal) -> None:
        super().__init__(why)
        self.why = why


class PgRefundRequests:
    """Implements core.refunds.requests.RefundRequestRepository."""

    def __init__(self, database: Database, payments: PgPayments) -> None:
        self._database = database
        self._payments = payments
        self._waker = Waker()

    async def get(self, request_id: int) -> RefundRequest | None:
        row = await self._database.one(GET, id=request_id)
        return None if row is None else _request_of(row)

    async def of_payment(self, payment_id: str) -> tuple[RefundRequest, ...]:
        return tuple(_request_of(row) for row in await self._database.all(OF_PAYMENT, payment_id=payment_id))

    async def open(self, limit: int) -> tuple[RefundRequest, ...]:
        return tuple(_request_of(row) for row in await self._database.all(OPEN, limit=limit))

    async def bills(self, payment_id: str) -> tuple[BillLeft, ...]:
        rows = await self._database.all(LINES, payment_id=payment_id)
        under_way = any(row["posting"] in _UNDER_WAY for row in rows)
        return tuple(
            BillLeft(
                row["invoice_number"],
                row["amount_centimes"],
                row["returned_centimes"],
                row["posting"] == "posted" and not under_way,
            )
            for row in rows
        )

    async def propose(self, proposal: Proposal, who: Actor, now: datetime) -> RefundRequest | RefundRequestRefusal:
        parts = proposal.parts
        values = {
            "payment_id": proposal.payment_id,
            "amount": sum(part.amount_centimes for part in parts) or None,
            "parts": Jsonb([asdict(part) for part in parts]) if parts else None,
            "reason": proposal.reason,
            "comment": proposal.comment,
            "two_people": proposal.two_people,
            "who": who.name,
            "address": who.address,
            "browser": who.browser,
            "now": now,
        }

        async def work(connection: Connection) -> RefundRequest:
            async with connection.transaction():
                await _require_left(connection, proposal.payment_id, parts)
                row = await (await connection.execute(PROPOSE, values)).fetchone()
                if row is None:
                    raise _RequestRefused(RefundRequestRefusal.NOT_CAPTURED)
                return _request_of(row)

        try:
            return await self._database.run(work)
        except errors.UniqueViolation:
            return RefundRequestRefusal.OPEN_ALREADY
        except _RequestRefused as refused:
            return refused.why

    async def approve(
        self, request: RefundRequest, who: Actor, now: datetime, bounds: Bounds
    ) -> Payment | RefundRequestRefusal:
        why = f"{request.reason}: {request.proposed_by}, {who.name}"
        by = {"id": request.id, "who": who.name, "address": who.address, "browser": who.browser, "now": now}

        async def work(connection: Connection) -> Payment | None:
            async with connection.transaction():
                for statement in (DECIDER, APPROVE):
                    if await (await connection.execute(statement, by)).fetchone() is None:
                        raise _RequestRefused(RefundRequestRefusal.DECIDED_ALREADY)
                await _require_left(connection, request.payment_id, request.parts)
                if request.proposed_by == who.name:
                    await _require_within(connection, request, now, bounds)
                if request.parts:
                    await self._give_parts(connection, request, why, now)
                    return None
                change = Change(PaymentEvent.VOID, due_at=now, only=_CAPTURED, detail=why)
                payment = await self._payments.move_within(connection, request.payment_id, change, now)
                if payment is None:
                    raise _RequestRefused(RefundRequestRefusal.NOT_CAPTURED)
                return payment

        try:
            moved = await self._database.run(work) or await self._payments.get(request.payment_id)
        except _RequestRefused as refused:
            return refused.why
        return moved or RefundRequestRefusal.NOT_CAPTURED

    async def _give_parts(self, connection: Connection, request: RefundRequest, why: str, now: datetime) -> None:
        """The amounts are taken off their bills before anybody asks for the money."""
        values = {"payment_id": request.payment_id, "request": request.id, "now": now}
        for part in request.parts:
            part_values = {**values, "number": part.number, "amount": part.amount_centimes}
            await connection.execute(RESERVE, part_values)
            await connection.execute(REFUND, part_values)
        # the event last: the ledger follows what stands in the tables when it is written
        if await (await connection.execute(NOTED, {**values, "detail": why})).fetchone() is None:
            raise _RequestRefused(RefundRequestRefusal.NOT_CAPTURED)
        await self._waker.wake([Wake(TaskName.REFUND, request.payment_id)], connection)

    async def given(self, who: str, since: datetime) -> Given:
        row = await self._database.one(GIVEN_SINCE, who=who, since=since)
        return Given() if row is None else Given(row["count"], row["centimes"])

    async def reject(self, request_id: int, who: str, now: datetime) -> bool:
        return await self._database.do(REJECT, id=request_id, who=who, now=now) > 0


async def _require_left(connection: Connection, payment_id: str, parts: tuple[RefundPart, ...]) -> None:
    """Lock the bills' rows. Raises _Refused when so much cannot go back of them."""
    if await (await connection.execute(CHARGED_BACK, {"payment_id": payment_id})).fetchone() is not None:
        raise _RequestRefused(RefundRequestRefusal.CHARGED_BACK)
    lines = await (await connection.execute(LOCKED, {"payment_id": payment_id})).fetchall()
    if not parts:
        if any(line["posting"] in _GOES_BACK or line["returned_centimes"] for line in lines):
            raise _RequestRefused(RefundRequestRefusal.PARTLY_CREDITED)
        return
    if any(line["posting"] in _UNDER_WAY for line in lines):
        raise _RequestRefused(RefundRequestRefusal.NOT_YET)
    refundable = {
        line["invoice_number"]: line["amount_centimes"] - line["returned_centimes"]
        for line in lines
        if line["posting"] == "posted"
    }
    named = [part.number for part in parts]
    if len(set(named)) < len(named) or any(part.amount_centimes > refundable.get(part.number, 0) for part in parts):
        raise _RequestRefused(RefundRequestRefusal.TOO_MUCH)


async def _require_within(connection: Connection, request: RefundRequest, now: datetime, bounds: Bounds) -> None:
    """One person's word is enough for so much, of a payment and of a day. Its locks are held. Raises _Refused."""
    values = {"payment_id": request.payment_id, "who": request.proposed_by, "since": now - DAY}
    whole = await (await connection.execute(OF_THE_PAYMENT, values)).fetchone()
    day = await (await connection.execute(ALONE_SINCE, values)).fetchone()
    assert whole is not None, "a sum is one row"
    assert day is not None, "a sum is one row"
    if whole["centimes"] > bounds.payment_max_centimes:
        raise _RequestRefused(RefundRequestRefusal.SECOND_PERSON)
    if day["centimes"] > bounds.day_max_centimes or day["count"] > bounds.day_max_count:
        raise _RequestRefused(RefundRequestRefusal.DAY_FULL)


def _request_of(row: DictRow) -> RefundRequest:
    return RefundRequest(
        row["id"],
        row["payment_id"],
        row["amount_centimes"],
        Reason(row["reason"]),
        row["comment"],
        row["two_people"],
        RefundRequestState(row["state"]),
        row["proposed_by"],
        row["proposed_at"],
        row["decided_by"],
        row["decided_at"],
        tuple(RefundPart(**part) for part in row["parts"] or ()),
        row["proposed_address"] or "",
        row["proposed_browser"] or "",
    )
