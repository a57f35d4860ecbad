"""How far billing has been told of each paid bill. Every change names the state it starts from."""

from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from core.database.archive.months import with_months
from core.database.pool import Database
from core.database.rows import invoice_of
from core.repositories import LinePosting, MessageKind, PostingState
from core.tracing import request_id

OF = """
SELECT l.invoice_number AS number, (b.bill ->> 'period')::date AS period, l.amount_centimes,
       (b.bill ->> 'due_date')::date AS due_date, l.posting, l.posting_attempts
FROM ONLY payment_lines l
JOIN ONLY payments p ON p.id = l.payment_id
JOIN LATERAL jsonb_array_elements(p.bills) AS b (bill) ON b.bill ->> 'number' = l.invoice_number
WHERE l.payment_id = %(id)s AND l.posting IS NOT NULL
ORDER BY l.invoice_number
"""

OF_MONTHS = with_months(OF)

# Of the payment only its bills, which never change: its state is read once this is committed.
CLAIM = """
WITH claimed AS (
    UPDATE ONLY payment_lines SET posting_due_at = %(until)s, posting_attempts = posting_attempts + 1
    WHERE payment_id = %(id)s AND posting_due_at <= %(now)s
    RETURNING payment_id, invoice_number, amount_centimes, posting, posting_attempts
)
SELECT l.invoice_number AS number, (b.bill ->> 'period')::date AS period, l.amount_centimes,
       (b.bill ->> 'due_date')::date AS due_date, l.posting, l.posting_attempts
FROM claimed l
JOIN ONLY payments p ON p.id = l.payment_id
JOIN LATERAL jsonb_array_elements(p.bills) AS b (bill) ON b.bill ->> 'number' = l.invoice_number
WHERE l.posting IS NOT NULL
ORDER BY l.invoice_number
"""

DUE = """
SELECT DISTINCT payment_id FROM (
    SELECT payment_id FROM ONLY payment_lines WHERE posting_due_at <= %(now)s ORDER BY posting_due_at LIMIT %(limit)s
) due
"""

# The bill's number files what the payer is told (core/messaging/outbox.py).
TURN = """
WITH turned AS (
    UPDATE ONLY payment_lines SET posting = %(after)s, posting_due_at = %(due_at)s
    WHERE payment_id = %(id)s AND invoice_number = %(number)s AND posting = %(before)s
    RETURNING payment_id, invoice_number
), ended AS (
    DELETE FROM credits_under_way c USING turned t
    WHERE c.payment_id = t.payment_id AND c.key = t.invoice_number AND %(after)s NOT IN ('crediting', 'stuck')
), noted AS (
    INSERT INTO payment_events (payment_id, at, event, state, detail, request)
    SELECT p.id, %(now)s, %(event)s, p.state, t.invoice_number, NULLIF(%(request)s::text, '')
    FROM turned t JOIN ONLY payments p ON p.id = t.payment_id
), queued AS (
    INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
    SELECT p.id || '-' || %(kind)s || '-' || t.invoice_number, %(kind)s, p.id, p.payer_msisdn, 'queued', %(now)s,
           %(now)s, %(now)s
    FROM turned t JOIN ONLY payments p ON p.id = t.payment_id
    WHERE %(before)s IN ('crediting', 'stuck') AND %(after)s = 'credited' AND starts_with(p.payer_msisdn, '+')
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference
), woken AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('texts', 'khallas.deliver', 0, NULL, NULL,
            jsonb_build_object('key', reference, 'request', %(request)s::text), NULL)::procrastinate_job_to_defer_v1
    )) AS ids
    FROM queued HAVING count(*) > 0
)
SELECT t.payment_id, (SELECT ids FROM woken) AS jobs FROM turned t
"""

POSTPONE = """
UPDATE ONLY payment_lines SET posting_due_at = %(due_at)s
WHERE payment_id = %(id)s AND invoice_number = %(number)s AND posting = %(state)s
"""


class PgPostings:
    """Implements core.repositories.Postings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, payment_id: str) -> list[LinePosting]:
        rows = await self._database.all(OF, id=payment_id)
        return [_posting_of(row) for row in rows or await self._database.all(OF_MONTHS, id=payment_id)]

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> list[LinePosting]:
        return [_posting_of(row) for row in await self._database.all(CLAIM, id=payment_id, now=now, until=until)]

    async def due(self, now: datetime, limit: int) -> list[str]:
        return [row["payment_id"] for row in await self._database.all(DUE, now=now, limit=limit)]

    async def turn(
        self,
        payment_id: str,
        number: str,
        before: PostingState,
        after: PostingState,
        now: datetime,
        due_at: datetime | None,
    ) -> bool:
        values: dict[str, Any] = {"id": payment_id, "number": number, "before": str(before), "after": str(after)}
        values |= {"now": now, "due_at": due_at, "kind": str(MessageKind.REFUND_SMS), "request": request_id.get()}
        return await self._database.one(TURN, event=f"bill_{after}", **values) is not None

    async def postpone(self, payment_id: str, number: str, state: PostingState, due_at: datetime | None) -> None:
        await self._database.do(POSTPONE, id=payment_id, number=number, state=state, due_at=due_at)


def _posting_of(row: DictRow) -> LinePosting:
    return LinePosting(invoice_of(row), PostingState(row["posting"]), row["posting_attempts"])
