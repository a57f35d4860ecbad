"""Matters that people end, and their requests. A decision and what it does are one commit: the payment moves by the
statements and the table that the machine uses, so that its event, the ledger and billing follow as ever."""

from datetime import datetime
from typing import Any

from psycopg import errors
from psycopg.rows import DictRow

from core.database.payments.postings import TURN as TURN_BILL
from core.database.payments.repository import PgPayments
from core.database.pool import Connection, Database
from core.database.refunds.repository import TURN as TURN_PART
from core.database.wallets.statements import END_BY_HAND, KEPT_SURPLUSES, SURPLUS_BACK
from core.payments.schedule import later
from core.payments.table import PaymentEvent, PaymentState
from core.refunds.model import refund_id_of
from core.refunds.resolving import (
    PATIENCE,
    SURPLUS,
    HandRefusal,
    HandRequest,
    HandState,
    Matter,
    Proposed,
    Resolution,
    bill_ends,
    part_ends,
    payment_ends,
)
from core.repositories import Change, MessageKind
from core.tracing import request_id

LOOK_ONCE_MORE_S = 86_400
_OVER = frozenset({PaymentState.DECLINED, PaymentState.EXPIRED})

PAYMENT = """
SELECT id, state, by_hand, sent_at AS since, COALESCE(approved_centimes, amount_centimes) AS centimes
FROM payments WHERE id = %(id)s
"""

BILLS = """
SELECT payment_id, invoice_number AS subject, posting AS state, amount_centimes AS centimes FROM payment_lines
WHERE payment_id = %(id)s AND posting = 'stuck' ORDER BY invoice_number
"""

PARTS = """
SELECT payment_id, 'r' || id AS subject, state, amount_centimes AS centimes, created_at AS since, closed_at
FROM refunds WHERE payment_id = %(id)s AND state IN ('stuck', 'refused', 'untold') ORDER BY id
"""

WAITING = """
SELECT id AS payment_id FROM (
    SELECT id, sent_at AS since FROM payments
    WHERE state IN ('unknown', 'voiding', 'refunding', 'integrity_failure', 'declined', 'expired')
      AND due_at IS NOT NULL
      AND sent_at <= %(before)s
    UNION SELECT id, sent_at FROM payments WHERE by_hand IS NOT NULL
    UNION SELECT payment_id, NULL FROM payment_lines WHERE posting = 'stuck'
    UNION SELECT payment_id, NULL FROM wallet_attempts WHERE state = 'surplus' AND by_hand IS NOT NULL
    UNION SELECT payment_id, NULL FROM refunds WHERE state IN ('stuck', 'untold')
    UNION SELECT payment_id, NULL FROM refunds WHERE state = 'refused' AND closed_at IS NULL
) found
GROUP BY id ORDER BY min(since) NULLS FIRST, id LIMIT %(limit)s
"""

OF_PAYMENT = "SELECT * FROM hand_requests WHERE payment_id = %(id)s ORDER BY id DESC"
OPEN = "SELECT * FROM hand_requests WHERE state = 'proposed' ORDER BY id LIMIT %(limit)s"
GET = "SELECT * FROM hand_requests WHERE id = %(id)s"

PROPOSE = """
INSERT INTO hand_requests (payment_id, subject, was, resolution, evidence, auth_code, transaction_number,
    amount_centimes, state, proposed_by, proposed_at)
VALUES (%(payment_id)s, %(subject)s, %(was)s, %(resolution)s, %(evidence)s, %(auth_code)s, %(number)s, %(amount)s,
    'proposed', %(who)s, %(now)s)
RETURNING *
"""

# Who decides is read again here: an account that was disabled meanwhile approves nothing.
APPROVE = """
UPDATE hand_requests SET state = 'approved', decided_by = %(who)s, decided_at = %(now)s
WHERE id = %(id)s AND state = 'proposed' AND proposed_by <> %(who)s
  AND EXISTS (SELECT FROM desk_users WHERE name = %(who)s AND role = 'supervisor' AND disabled_at IS NULL)
RETURNING id
"""

REJECT = """
UPDATE hand_requests SET state = 'rejected', decided_by = %(who)s, decided_at = %(now)s
WHERE id = %(id)s AND state = 'proposed'
"""

# Nothing goes back twice: what is given back by its bills or parts is not the whole's.
WHOLE = """
SELECT 1 FROM payment_lines WHERE payment_id = %(id)s
  AND (posting IN ('crediting', 'credited', 'stuck') OR returned_centimes > 0
       OR EXISTS (SELECT FROM chargebacks c WHERE c.payment_id = %(id)s AND c.state <> 'won'))
FOR UPDATE
"""

RESERVE = """
UPDATE payment_lines l SET returned_centimes = returned_centimes + r.amount_centimes
FROM refunds r WHERE r.id = %(id)s AND l.payment_id = r.payment_id AND l.invoice_number = r.invoice_number
"""

CLOSE_PART = """
WITH closed AS (
    UPDATE refunds SET closed_at = %(now)s WHERE id = %(id)s AND state = 'refused' AND closed_at IS NULL
    RETURNING payment_id, invoice_number
)
INSERT INTO payment_events (payment_id, at, event, state, detail)
SELECT p.id, %(now)s, 'part_closed', p.state, c.invoice_number FROM closed c JOIN payments p ON p.id = c.payment_id
RETURNING payment_id
"""

KEEP = """
WITH kept AS (
    UPDATE payments SET by_hand = NULL WHERE id = %(id)s AND state = 'captured' AND by_hand IS NOT NULL
    RETURNING id, state
)
INSERT INTO payment_events (payment_id, at, event, state, detail)
SELECT id, %(now)s, 'kept', state, %(detail)s FROM kept
RETURNING payment_id
"""

_BACK = {
    PaymentState.INTEGRITY_FAILURE: (PaymentEvent.VOID, PaymentEvent.REFUND, PaymentEvent.REFUNDED),
    PaymentState.VOIDING: (PaymentEvent.REFUND, PaymentEvent.REFUNDED),
    PaymentState.CAPTURED: (PaymentEvent.REFUND, PaymentEvent.REFUNDED),
    PaymentState.REFUNDING: (PaymentEvent.REFUNDED,),
}


class _Refused(Exception):
    """Rolls a decision back."""

    def __init__(self, why: HandRefusal) -> None:
        super().__init__(why)
        self.why = why


class PgResolving:
    """Implements core.refunds.resolving.HandBooks."""

    def __init__(self, database: Database, payments: PgPayments) -> None:
        self._database = database
        self._payments = payments

    async def matters(self, payment_id: str, now: datetime) -> tuple[Matter, ...]:
        return await self._database.run(lambda connection: _matters(connection, payment_id, now))

    async def waiting(self, now: datetime, limit: int) -> tuple[Matter, ...]:
        async def work(connection: Connection) -> tuple[Matter, ...]:
            values = {"before": now - PATIENCE, "limit": limit}
            rows = await (await connection.execute(WAITING, values)).fetchall()
            matters_by_payment = [await _matters(connection, row["payment_id"], now) for row in rows]
            return tuple(matter for matters in matters_by_payment for matter in matters if _waits(matter))

        return await self._database.run(work)

    async def of_payment(self, payment_id: str) -> tuple[HandRequest, ...]:
        return tuple(_request_of(row) for row in await self._database.all(OF_PAYMENT, id=payment_id))

    async def open(self, limit: int) -> tuple[HandRequest, ...]:
        return tuple(_request_of(row) for row in await self._database.all(OPEN, limit=limit))

    async def get(self, request_id: int) -> HandRequest | None:
        row = await self._database.one(GET, id=request_id)
        return None if row is None else _request_of(row)

    async def propose(self, proposed: Proposed, was: str, who: str, now: datetime) -> HandRequest | HandRefusal:
        values = {
            "payment_id": proposed.payment_id,
            "subject": proposed.subject,
            "was": was,
            "resolution": proposed.resolution,
            "evidence": proposed.evidence.strip(),
            "auth_code": proposed.auth_code,
            "number": proposed.transaction_number,
            "amount": proposed.amount_centimes,
        }
        try:
            row = await self._database.one(PROPOSE, who=who, now=now, **values)
        except errors.UniqueViolation:
            return HandRefusal.OPEN_ALREADY
        return HandRefusal.NOT_NOW if row is None else _request_of(row)

    async def approve(self, request: HandRequest, who: str, now: datetime, token: str) -> HandRefusal | None:
        async def work(connection: Connection) -> None:
            async with connection.transaction():
                values = {"id": request.id, "who": who, "now": now}
                if await (await connection.execute(APPROVE, values)).fetchone() is None:
                    raise _Refused(HandRefusal.DECIDED_ALREADY)
                detail = f"by hand {request.id}: {request.proposed.resolution}: {request.proposed_by}, {who}"
                if not await self._carry_out(connection, request, detail, now, token):
                    raise _Refused(HandRefusal.NOT_NOW)

        try:
            await self._database.run(work)
        except _Refused as refused:
            return refused.why
        except (errors.CheckViolation, errors.UniqueViolation):  # the bill has less left, or is another payment's
            return HandRefusal.NOT_NOW
        return None

    async def reject(self, request_id: int, who: str, now: datetime) -> bool:
        return await self._database.do(REJECT, id=request_id, who=who, now=now) > 0

    async def _carry_out(
        self, connection: Connection, request: HandRequest, detail: str, now: datetime, token: str
    ) -> bool:
        """False when the matter is not what it was."""
        proposed = request.proposed
        matters = await _matters(connection, proposed.payment_id, now)
        same = [matter for matter in matters if (matter.subject, matter.state) == (proposed.subject, request.was)]
        if not any(proposed.resolution in matter.ends for matter in same):
            return False
        if not proposed.subject:
            return await self._end_payment(connection, request, detail, now, token)
        if request.was == SURPLUS:
            return await _one(connection, SURPLUS_BACK, now, id=proposed.payment_id, subject=proposed.subject)
        part = refund_id_of(proposed.subject)
        if part is not None:
            return await _end_part(connection, part, request, now)
        after = "credited" if proposed.resolution is Resolution.GIVEN_BACK else "refused"
        values: dict[str, Any] = {"id": proposed.payment_id, "number": proposed.subject, "before": request.was}
        values |= {"after": after, "due_at": now if after == "refused" else None, "event": f"bill_{after}"}
        return await _one(connection, TURN_BILL, now, **values)

    async def _end_payment(
        self, connection: Connection, request: HandRequest, detail: str, now: datetime, token: str
    ) -> bool:
        proposed, was = request.proposed, frozenset({PaymentState(request.was)})
        ended = {"payment_id": proposed.payment_id, "charged": proposed.resolution is Resolution.CHARGED}
        ended |= {"receipt": proposed.transaction_number, "taken": proposed.amount_centimes}
        await connection.execute(END_BY_HAND, ended | {"look_at": later(now, LOOK_ONCE_MORE_S)})
        match proposed.resolution:
            case Resolution.CHARGED:
                return await self._charge(connection, proposed, detail, now, token)
            case Resolution.NOT_CHARGED:
                look = later(now, LOOK_ONCE_MORE_S)  # evidence may be wrong: what landed all the same is given back
                change = Change(
                    PaymentEvent.ABSENT, due_at=look, only=was, detail=detail, messages=(MessageKind.DECLINED_SMS,)
                )
                return await self._payments.move_within(connection, proposed.payment_id, change, now) is not None
            case Resolution.KEPT:
                return await _one(connection, KEEP, now, id=proposed.payment_id, detail=detail)
        if await (await connection.execute(WHOLE, {"id": proposed.payment_id})).fetchone():
            return False
        for event in _BACK[PaymentState(request.was)]:
            messages = (MessageKind.UNDONE_SMS,) if event is PaymentEvent.REFUNDED else ()
            change = Change(event, detail=detail, messages=messages)
            if await self._payments.move_within(connection, proposed.payment_id, change, now) is None:
                return False
        return True

    async def _charge(self, connection: Connection, proposed: Proposed, detail: str, now: datetime, token: str) -> bool:
        """The acquirer took it: captured, or given back by the machine where it took another amount."""
        payment = await self._payments.get(proposed.payment_id)
        if payment is None:
            return False
        right = proposed.amount_centimes == payment.amount_centimes
        # over here, and the payer was told so: it goes back, whoever pays the bills now
        late = payment.state in _OVER
        change = Change(
            PaymentEvent.APPROVED if right else PaymentEvent.MISMATCH,
            only=frozenset({payment.state if late else PaymentState.UNKNOWN}),
            detail=detail,
            auth_code=proposed.auth_code,
            transaction_number=proposed.transaction_number,
            approved_centimes=proposed.amount_centimes,
            due_at=None if right and not late else now,
            lets_go=late,
            wallet=payment.wallet,
            wallet_payer=payment.wallet_payer,
            messages=(MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL) if right and not late else (),
        )
        if right and not late:
            return await self._payments.capture_within(connection, proposed.payment_id, change, now, token) is not None
        return await self._payments.move_within(connection, proposed.payment_id, change, now) is not None


def _waits(matter: Matter) -> bool:
    """Whether it is anybody's work: of a payment that went well only what a person has to see."""
    return bool(matter.subject) or matter.state != PaymentState.CAPTURED or Resolution.KEPT in matter.ends


async def _matters(connection: Connection, payment_id: str, now: datetime) -> tuple[Matter, ...]:
    async def rows(statement: str) -> list[DictRow]:
        return await (await connection.execute(statement, {"id": payment_id})).fetchall()

    matters = [
        Matter(
            row["id"],
            "",
            row["state"],
            row["centimes"],
            row["since"],
            payment_ends(PaymentState(row["state"]), row["by_hand"], row["since"], now),
        )
        for row in await rows(PAYMENT)
    ]
    matters += [
        Matter(payment_id, row["subject"], row["state"], row["centimes"], None, bill_ends(row["state"]))
        for row in await rows(BILLS)
    ]
    matters += [
        Matter(payment_id, row["subject"], row["state"], row["centimes"], row["since"], (Resolution.GIVEN_BACK,))
        for row in await rows(KEPT_SURPLUSES)
    ]
    for row in await rows(PARTS):
        ends = part_ends(row["state"], closed=row["closed_at"] is not None)
        matters.append(Matter(payment_id, row["subject"], row["state"], row["centimes"], row["since"], ends))
    return tuple(matter for matter in matters if matter.ends)


async def _end_part(connection: Connection, part: int, request: HandRequest, now: datetime) -> bool:
    values: dict[str, Any] = {"id": part, "before": request.was, "closed": False}
    due_at: datetime | None = now
    match request.proposed.resolution:
        case Resolution.KEPT:
            return await _one(connection, CLOSE_PART, now, id=part)
        case Resolution.GIVEN_BACK:
            if request.was == "refused":
                await connection.execute(RESERVE, {"id": part})
            after = "credited"
        case Resolution.NOT_GIVEN_BACK:
            after = "asked"
        case _:
            after, due_at = "told", None
    return await _one(connection, TURN_PART, now, after=after, due_at=due_at, event=f"part_{after}", **values)


async def _one(connection: Connection, statement: str, now: datetime, **values: Any) -> bool:
    """Whether the statement found what it is about."""
    more = {"now": now, "kind": str(MessageKind.REFUND_SMS), "request": request_id.get()}
    return await (await connection.execute(statement, {**more, **values})).fetchone() is not None


def _request_of(row: DictRow) -> HandRequest:
    proposed = Proposed(
        row["payment_id"],
        row["subject"],
        Resolution(row["resolution"]),
        row["evidence"],
        row["auth_code"],
        row["transaction_number"],
        row["amount_centimes"],
    )
    state = HandState(row["state"])
    return HandRequest(
        row["id"], proposed, row["was"], state, row["proposed_by"], row["proposed_at"], row["decided_by"]
    )
