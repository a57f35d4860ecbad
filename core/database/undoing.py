"""Requests to give money back. A decision and the payment's move are one commit; the table's own checks stand behind.

The bills' rows are locked first: a bill that the poster gives back by itself and the whole payment never go together.
"""

from datetime import datetime

from psycopg import errors
from psycopg.rows import DictRow

from core.books import Change
from core.database.payments import PgPayments
from core.database.pool import Connection, Database
from core.payment import Event, Payment, State
from core.undoing import Proposal, Reason, UndoRefusal, UndoRequest, UndoState

PROPOSE = """
INSERT INTO undo_requests (payment_id, amount_centimes, reason, comment, two_people, state, proposed_by, proposed_at)
SELECT id, COALESCE(approved_centimes, amount_centimes), %(reason)s, %(comment)s, %(two_people)s, 'proposed', %(who)s,
       %(now)s
FROM payments WHERE id = %(payment_id)s AND state = 'captured'
RETURNING *
"""

GET = "SELECT * FROM undo_requests WHERE id = %(id)s"

OF_PAYMENT = "SELECT * FROM undo_requests WHERE payment_id = %(payment_id)s ORDER BY id DESC"

OPEN = """
SELECT u.* FROM undo_requests u JOIN payments p ON p.id = u.payment_id
WHERE u.state = 'proposed' AND p.state = 'captured' ORDER BY u.id LIMIT %(limit)s
"""

LINES = "SELECT posting FROM payment_lines WHERE payment_id = %(payment_id)s FOR UPDATE"

# Who decides is read again here: an account that was disabled meanwhile, or is no supervisor's, approves nothing.
APPROVE = """
UPDATE undo_requests SET state = 'approved', decided_by = %(who)s, decided_at = %(now)s
WHERE id = %(id)s AND state = 'proposed' AND (NOT two_people OR proposed_by <> %(who)s)
  AND EXISTS (SELECT FROM desk_users WHERE name = %(who)s AND role = 'supervisor' AND disabled_at IS NULL)
RETURNING payment_id
"""

REJECT = """
UPDATE undo_requests SET state = 'rejected', decided_by = %(who)s, decided_at = %(now)s
WHERE id = %(id)s AND state = 'proposed'
"""

_GOES_BACK = frozenset({"refused", "crediting", "credited", "stuck"})
_CAPTURED = frozenset({State.CAPTURED})


class _Refused(Exception):
    """Rolls a decision back."""

    def __init__(self, why: UndoRefusal) -> None:
        super().__init__(why)
        self.why = why


class PgUndoings:
    """Implements undoing.UndoBooks."""

    def __init__(self, database: Database, payments: PgPayments) -> None:
        self._database = database
        self._payments = payments

    async def get(self, request_id: int) -> UndoRequest | None:
        row = await self._database.one(GET, id=request_id)
        return None if row is None else _request_of(row)

    async def of_payment(self, payment_id: str) -> tuple[UndoRequest, ...]:
        return tuple(_request_of(row) for row in await self._database.all(OF_PAYMENT, payment_id=payment_id))

    async def open(self, limit: int) -> tuple[UndoRequest, ...]:
        return tuple(_request_of(row) for row in await self._database.all(OPEN, limit=limit))

    async def propose(self, proposal: Proposal, who: str, now: datetime) -> UndoRequest | UndoRefusal:
        values = {
            "payment_id": proposal.payment_id,
            "reason": proposal.reason,
            "comment": proposal.comment,
            "two_people": proposal.two_people,
            "who": who,
            "now": now,
        }

        async def work(connection: Connection) -> UndoRequest:
            async with connection.transaction():
                await self._require_whole(connection, proposal.payment_id)
                row = await (await connection.execute(PROPOSE, values)).fetchone()
                if row is None:
                    raise _Refused(UndoRefusal.NOT_CAPTURED)
                return _request_of(row)

        try:
            return await self._database.run(work)
        except errors.UniqueViolation:
            return UndoRefusal.OPEN_ALREADY
        except _Refused as refused:
            return refused.why

    async def approve(self, request: UndoRequest, who: str, now: datetime) -> Payment | UndoRefusal:
        why = f"{request.reason}: {request.proposed_by}, {who}"
        change = Change(Event.VOID, due_at=now, only=_CAPTURED, detail=why)

        async def work(connection: Connection) -> Payment:
            async with connection.transaction():
                row = await (await connection.execute(APPROVE, {"id": request.id, "who": who, "now": now})).fetchone()
                if row is None:
                    raise _Refused(UndoRefusal.DECIDED_ALREADY)
                await self._require_whole(connection, row["payment_id"])
                payment = await self._payments.move_within(connection, row["payment_id"], change, now)
                if payment is None:
                    raise _Refused(UndoRefusal.NOT_CAPTURED)
                return payment

        try:
            return await self._database.run(work)
        except _Refused as refused:
            return refused.why

    async def reject(self, request_id: int, who: str, now: datetime) -> bool:
        return await self._database.do(REJECT, id=request_id, who=who, now=now) > 0

    async def _require_whole(self, connection: Connection, payment_id: str) -> None:
        lines = await (await connection.execute(LINES, {"payment_id": payment_id})).fetchall()
        if any(line["posting"] in _GOES_BACK for line in lines):
            raise _Refused(UndoRefusal.PARTLY_CREDITED)


def _request_of(row: DictRow) -> UndoRequest:
    return UndoRequest(
        row["id"],
        row["payment_id"],
        row["amount_centimes"],
        Reason(row["reason"]),
        row["comment"],
        row["two_people"],
        UndoState(row["state"]),
        row["proposed_by"],
        row["proposed_at"],
        row["decided_by"],
        row["decided_at"],
    )
