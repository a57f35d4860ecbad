"""Money that goes back for single bills. Every change names the state it starts from; its event, what the payer is
told and the bill's lock change with it, in one statement."""

from datetime import datetime
from typing import Any

from psycopg import errors
from psycopg.rows import DictRow

from core.database.pool import Database
from core.refunds.model import Refund, RefundState
from core.repositories import MessageKind
from core.tracing import request_id

GET = "SELECT * FROM refunds WHERE id = %(id)s"

OF = "SELECT * FROM refunds WHERE payment_id = %(payment_id)s ORDER BY id"

CLAIM = """
UPDATE refunds SET due_at = %(until)s, attempts = attempts + 1
WHERE payment_id = %(payment_id)s AND due_at <= %(now)s
RETURNING *
"""

DUE = """
SELECT DISTINCT payment_id FROM (
    SELECT payment_id FROM refunds WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s
) due
"""

BEGIN = """
WITH turned AS (
    UPDATE refunds SET state = 'crediting', before_centimes = %(before)s, due_at = %(until)s
    WHERE id = %(id)s AND state = 'asked'
    RETURNING payment_id, invoice_number
)
INSERT INTO payment_events (payment_id, at, event, state, detail, request)
SELECT p.id, %(now)s, 'part_crediting', p.state, t.invoice_number, NULLIF(%(request)s::text, '')
FROM turned t JOIN payments p ON p.id = t.payment_id
RETURNING payment_id
"""

TURN = """
WITH turned AS (
    UPDATE refunds SET state = %(after)s, due_at = %(due_at)s,
        closed_at = CASE WHEN %(closed)s THEN %(now)s ELSE closed_at END
    WHERE id = %(id)s AND state = %(before)s
    RETURNING id, payment_id, invoice_number, amount_centimes
), ended AS (
    DELETE FROM credits_under_way c USING turned t
    WHERE c.payment_id = t.payment_id AND c.key = 'r' || t.id AND %(after)s NOT IN ('crediting', 'stuck')
), line AS (
    UPDATE payment_lines l
    SET active = active AND %(after)s <> 'told',
        returned_centimes = returned_centimes - CASE %(after)s WHEN 'refused' THEN t.amount_centimes ELSE 0 END
    FROM turned t
    WHERE l.payment_id = t.payment_id AND l.invoice_number = t.invoice_number AND %(after)s IN ('told', 'refused')
), noted AS (
    INSERT INTO payment_events (payment_id, at, event, state, detail, request)
    SELECT p.id, %(now)s, %(event)s, p.state, t.invoice_number, NULLIF(%(request)s::text, '')
    FROM turned t JOIN payments p ON p.id = t.payment_id
), queued AS (
    INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
    SELECT p.id || '-' || %(kind)s || '-r' || t.id, %(kind)s, p.id, p.payer_msisdn, 'queued', %(now)s, %(now)s,
           %(now)s
    FROM turned t JOIN payments p ON p.id = t.payment_id
    WHERE %(after)s = 'credited' AND starts_with(p.payer_msisdn, '+')
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference
), jobs AS (
    SELECT 'khallas.deliver' AS task, reference AS key FROM queued
    UNION ALL SELECT 'khallas.refund', payment_id FROM turned WHERE %(after)s = 'credited'
), woken AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(CASE task WHEN 'khallas.deliver' THEN 'texts' ELSE 'default' END,
            task, 0, NULL, NULL, jsonb_build_object('key', key, 'request', %(request)s::text), NULL
        )::procrastinate_job_to_defer_v1
    )) AS ids
    FROM jobs HAVING count(*) > 0
)
SELECT t.payment_id, (SELECT ids FROM woken) AS jobs FROM turned t
"""

POSTPONE = "UPDATE refunds SET due_at = %(due_at)s WHERE id = %(id)s AND state = %(state)s"


class PgRefunds:
    """Implements core.refunds.model.Refunds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, refund_id: int) -> Refund | None:
        row = await self._database.one(GET, id=refund_id)
        return None if row is None else _refund_of(row)

    async def of(self, payment_id: str) -> tuple[Refund, ...]:
        return tuple(_refund_of(row) for row in await self._database.all(OF, payment_id=payment_id))

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> list[Refund]:
        rows = await self._database.all(CLAIM, payment_id=payment_id, now=now, until=until)
        return sorted((_refund_of(row) for row in rows), key=lambda refund: refund.id)

    async def due(self, now: datetime, limit: int) -> list[str]:
        return [row["payment_id"] for row in await self._database.all(DUE, now=now, limit=limit)]

    async def begin(self, refund: Refund, before_centimes: int, now: datetime, until: datetime) -> bool:
        values = {"id": refund.id, "before": before_centimes, "now": now, "until": until}
        try:
            row = await self._database.one(BEGIN, request=request_id.get(), **values)
        except errors.UniqueViolation:
            return False
        return row is not None

    async def turn(
        self, refund: Refund, after: RefundState, now: datetime, due_at: datetime | None, *, closed: bool = False
    ) -> bool:
        values: dict[str, Any] = {"id": refund.id, "before": str(refund.state), "after": str(after), "now": now}
        values |= {"due_at": due_at, "closed": closed, "kind": str(MessageKind.REFUND_SMS), "request": request_id.get()}
        return await self._database.one(TURN, event=f"part_{after}", **values) is not None

    async def postpone(self, refund: Refund, due_at: datetime) -> None:
        await self._database.do(POSTPONE, id=refund.id, state=str(refund.state), due_at=due_at)


def _refund_of(row: DictRow) -> Refund:
    return Refund(
        row["id"],
        row["payment_id"],
        row["invoice_number"],
        row["amount_centimes"],
        RefundState(row["state"]),
        row["attempts"],
        row["request_id"] is None,
        row["before_centimes"],
    )
