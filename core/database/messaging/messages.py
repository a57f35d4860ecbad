"""The outbox and the log of what went out. A report never takes a message backwards; words are never kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.database.pool import Connection, Database
from core.database.rows import payment_of
from core.database.wake import Wake, Waker
from core.payments.table import Payment
from core.repositories import ANSWERS, Calls, Delivery, Message, MessageKind, message_reference
from core.subscribers.lines import reachable
from core.tracing import request_id

HOUR = timedelta(hours=1)

QUEUE = """
INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
VALUES (%(reference)s, %(kind)s, %(payment_id)s, %(recipient)s, 'queued', %(now)s, %(now)s, %(now)s)
ON CONFLICT (reference) DO NOTHING
RETURNING reference
"""

# Counted, queued and woken behind the lock of the number (migration 0036).
QUEUE_CALL = """
SELECT khallas_queue_call(%(payment_id)s, %(recipient)s, %(kind)s, %(now)s, %(since)s, %(hour)s, %(payment_max)s,
    %(hour_max)s, %(request)s) AS rings
"""

# With the payment it is about, while that is live.
CLAIM = """
WITH claimed AS (
    UPDATE ONLY messages SET due_at = %(until)s, attempts = attempts + 1
    WHERE reference = %(reference)s AND due_at <= %(now)s
    RETURNING reference, kind, payment_id, recipient, attempts, route
)
SELECT p.*, r.year, r.sequence, r.token, m.kind, m.payment_id, m.recipient, m.attempts AS tries, m.route
FROM claimed m
LEFT JOIN ONLY payments p ON p.id = m.payment_id
LEFT JOIN ONLY receipts r ON r.payment_id = p.id
"""

DUE = "SELECT reference FROM ONLY messages WHERE due_at <= %(now)s ORDER BY priority, due_at LIMIT %(limit)s"

# A report may overtake this one: the provider's id is kept, the status only moves on.
SENT = """
UPDATE ONLY messages SET provider_id = %(provider_id)s, due_at = NULL, updated_at = %(now)s,
    sent_at = COALESCE(sent_at, %(now)s),
    status = CASE status WHEN 'queued' THEN 'sent' ELSE status END
WHERE reference = %(reference)s
"""

FAILED = """
UPDATE ONLY messages SET error = %(why)s, due_at = %(again_at)s, updated_at = %(now)s,
    status = CASE WHEN %(again_at)s::timestamptz IS NULL THEN 'failed' ELSE status END
WHERE reference = %(reference)s AND status = 'queued'
RETURNING kind, payment_id, recipient, status
"""

# Once a payment, while it still waits for a card.
QUEUE_MISSED = """
INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
SELECT %(reference)s, %(kind)s, id, %(recipient)s, 'queued', %(now)s, %(now)s, %(now)s
FROM ONLY payments WHERE id = %(payment_id)s AND state IN ('created', 'declined')
ON CONFLICT (reference) DO NOTHING
RETURNING reference
"""

# Its next try has a call's id of its own: a late word about this one changes nothing.
CALL_ENDED = """
UPDATE ONLY messages SET error = %(why)s, updated_at = %(now)s, provider_id = NULL,
    due_at = %(now)s + make_interval(secs => (%(pauses_s)s::int[])[attempts]),
    status = CASE WHEN (%(pauses_s)s::int[])[attempts] IS NULL THEN 'failed' ELSE 'queued' END
WHERE provider_id = %(provider_id)s AND kind = 'outgoing_call' AND status IN ('queued', 'sent')
RETURNING kind, payment_id, recipient, status
"""

POSTPONED = """
UPDATE ONLY messages SET error = %(why)s, due_at = %(again_at)s, updated_at = %(now)s, attempts = attempts - 1
WHERE reference = %(reference)s AND status = 'queued' AND created_at > %(since)s
"""

RELEASE = """
UPDATE ONLY messages SET due_at = %(now)s, updated_at = %(now)s
WHERE reference = %(reference)s AND status = 'queued' AND due_at IS NULL AND attempts = 0
RETURNING reference
"""

# In one order, so that two statements never wait for each other.
RECORD = """
INSERT INTO messages (reference, kind, recipient, status, provider_id, created_at, updated_at, priority, route)
SELECT reference, kind, recipient, status, provider_id, now, now, priority, route
FROM unnest(%(reference)s::text[], %(kind)s::text[], %(recipient)s::text[], %(status)s::text[],
            %(provider_id)s::text[], %(now)s::timestamptz[], %(priority)s::smallint[], %(route)s::text[])
    AS recorded (reference, kind, recipient, status, provider_id, now, priority, route)
ORDER BY reference
ON CONFLICT (reference) DO UPDATE SET
    provider_id = COALESCE(excluded.provider_id, messages.provider_id),
    status = CASE messages.status WHEN 'queued' THEN excluded.status ELSE messages.status END,
    updated_at = excluded.updated_at
"""

REPORT = """
UPDATE ONLY messages SET status = %(status)s, error = COALESCE(%(error)s, error), due_at = NULL, updated_at = %(now)s
WHERE (reference = %(reference)s OR provider_id = %(provider_id)s)
  AND array_position(%(order)s::text[], status) < array_position(%(order)s::text[], %(status)s)
"""


FIRST, AFTERWARDS = 0, 1  # of the column `priority`
Row = tuple[str, str, str, str, str | None, datetime, int, str | None]


class PgMessages:
    """Implements core.repositories.Messages."""

    def __init__(self, database: Database, waker: Waker) -> None:
        self._database = database
        self._waker = waker
        self._record = database.batched(_record, "record")

    async def queue(self, payment: Payment, kind: MessageKind, now: datetime) -> None:
        reference = message_reference(payment.id, kind, payment.attempts)
        recipient = payment.email if kind is MessageKind.RECEIPT_MAIL else _number_of(payment)
        if recipient:
            values = {"payment_id": payment.id, "recipient": recipient, "now": now}
            await self._insert(QUEUE, {"reference": reference, "kind": kind, **values})

    async def queue_call(self, payment: Payment, now: datetime, since: datetime, calls: Calls) -> bool:
        if not _number_of(payment):
            return False
        row = await self._database.one(
            QUEUE_CALL,
            payment_id=payment.id,
            recipient=payment.payer_msisdn,
            kind=MessageKind.OUTGOING_CALL,
            now=now,
            since=since,
            hour=now - HOUR,
            payment_max=calls.payment_max,
            hour_max=calls.number_hour_max,
            request=request_id.get(),
        )
        return row is not None and bool(row["rings"])

    async def _insert(self, statement: str, values: dict[str, object]) -> bool:
        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                return await self._insert_in(connection, statement, values)

        return await self._database.run(work)

    async def _insert_in(self, connection: Connection, statement: str, values: dict[str, object]) -> bool:
        row = await (await connection.execute(statement, values)).fetchone()
        if row is not None:
            await self._waker.wake([Wake.deliver(row["reference"])], connection)
        return row is not None

    async def claim(self, reference: str, now: datetime, until: datetime) -> Message | None:
        row = await self._database.one(CLAIM, reference=reference, now=now, until=until)
        if row is None:
            return None
        kind = MessageKind(row["kind"])
        payment = None if row["id"] is None else payment_of(row)
        return Message(reference, kind, row["payment_id"], row["recipient"], row["tries"], row["route"], payment)

    async def due(self, now: datetime, limit: int) -> list[str]:
        return [row["reference"] for row in await self._database.all(DUE, now=now, limit=limit)]

    async def sent(self, reference: str, provider_id: str, now: datetime) -> None:
        await self._database.do(SENT, reference=reference, provider_id=provider_id, now=now)

    async def failed(self, reference: str, why: str, now: datetime, again_at: datetime | None) -> None:
        await self._given_up(FAILED, {"reference": reference, "why": why, "now": now, "again_at": again_at})

    async def call_ended(self, provider_id: str, why: str, now: datetime, pauses_s: Sequence[int]) -> bool:
        values = {"provider_id": provider_id, "why": why, "now": now, "pauses_s": list(pauses_s)}
        return await self._given_up(CALL_ENDED, values)

    async def _given_up(self, statement: str, values: dict[str, object]) -> bool:
        """Whether a row was changed; a call that is given up is told to its payer, once a payment."""

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                row = await (await connection.execute(statement, values)).fetchone()
                if row is not None and row["kind"] == MessageKind.OUTGOING_CALL and row["status"] == Delivery.FAILED:
                    await self._insert_in(
                        connection, QUEUE_MISSED, _missed(row["payment_id"], row["recipient"], values)
                    )
                return row is not None

        return await self._database.run(work)

    async def postponed(self, reference: str, why: str, now: datetime, again_at: datetime, since: datetime) -> bool:
        values = {"reference": reference, "why": why, "now": now, "again_at": again_at, "since": since}
        return await self._database.do(POSTPONED, **values) > 0

    async def release(self, reference: str, now: datetime) -> bool:
        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                cursor = await connection.execute(RELEASE, {"reference": reference, "now": now})
                if await cursor.fetchone() is None:
                    return False
                await self._waker.wake([Wake.deliver(reference, urgent=True)], connection)
                return True

        return await self._database.run(work)

    async def record(
        self,
        reference: str,
        kind: str,
        recipient: str,
        now: datetime,
        *,
        status: Delivery,
        provider_id: str | None = None,
        route: str | None = None,
    ) -> None:
        priority = FIRST if kind in ANSWERS else AFTERWARDS
        # plain strings: psycopg takes no array of several kinds of them
        await self._record.ask((reference, str(kind), recipient, str(status), provider_id, now, priority, route))

    async def report(
        self,
        status: Delivery,
        now: datetime,
        *,
        reference: str | None = None,
        provider_id: str | None = None,
        error: str | None = None,
    ) -> bool:
        order = [str(each) for each in Delivery]
        values = {"reference": reference, "provider_id": provider_id, "error": error, "now": now}
        return await self._database.do(REPORT, status=status, order=order, **values) > 0


async def _record(connection: Connection, rows: Sequence[Row]) -> Sequence[None]:
    columns = ("reference", "kind", "recipient", "status", "provider_id", "now", "priority", "route")
    values = dict(zip(columns, (list(column) for column in zip(*rows, strict=True)), strict=True))
    await connection.execute(RECORD, values)
    return (None,) * len(rows)


def _missed(payment_id: str, recipient: str, values: dict[str, object]) -> dict[str, object]:
    kind = MessageKind.CALL_MISSED_SMS
    reference = message_reference(payment_id, kind, 0)
    return {
        "kind": kind,
        "reference": reference,
        "payment_id": payment_id,
        "recipient": recipient,
        "now": values["now"],
    }


def _number_of(payment: Payment) -> str | None:
    return payment.payer_msisdn if reachable(payment.payer_msisdn) else None
