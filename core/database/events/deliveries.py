"""What each endpoint was not told yet: planned behind its cursor, claimed in order within a payment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.database.archive.months import with_months
from core.database.events.endpoints import RESEAL, endpoint_of, resealed
from core.database.pool import Connection, Database
from core.events.catalogue import TYPES, EventType, PaymentFact
from core.events.endpoints import EventEndpoint
from core.events.relay import DueEvent
from core.messaging.receipts import receipt_number
from core.sealing import Sealer

PLAN_MAX = 500
ERROR_CHARS_MAX = 200

ACTIVE = "SELECT * FROM event_endpoints WHERE disabled_at IS NULL ORDER BY name"

LEASE = """
UPDATE event_endpoints SET leased_until = %(until)s
WHERE name = %(name)s AND disabled_at IS NULL AND (leased_until IS NULL OR leased_until <= %(now)s)
  AND (quiet_until IS NULL OR quiet_until <= %(now)s)
RETURNING *
"""

RELEASE = """
UPDATE event_endpoints SET leased_until = NULL, quiet_until = %(quiet)s, delivered = delivered + %(delivered)s,
    delivered_at = CASE WHEN %(delivered)s > 0 THEN %(now)s ELSE delivered_at END
WHERE name = %(name)s
"""

# Of an event that moved to its month the live tables have nothing (`row_id` is null): then both are asked.
BEHIND = """
SELECT l.number, e.id AS row_id, e.payment_id, e.event
FROM audit_links l LEFT JOIN ONLY payment_events e ON e.id = l.row_id
WHERE l.chain = 'payment_events' AND l.number > %(cursor)s ORDER BY l.number LIMIT %(limit)s
"""

# The cursor moves with what it passes, in one commit, and only from where it was seen.
MOVE = "UPDATE event_endpoints SET cursor = %(to)s WHERE name = %(name)s AND cursor = %(cursor)s"
PLAN = """
INSERT INTO event_deliveries (endpoint, sequence, row_id, payment_id, type, planned_at, due_at)
SELECT %(name)s, sequence, row_id, payment_id, type, %(now)s, %(now)s
FROM unnest(%(sequences)s::bigint[], %(rows)s::bigint[], %(payments)s::text[], %(types)s::text[])
     AS planned (sequence, row_id, payment_id, type)
ON CONFLICT DO NOTHING
"""

DUE = """
SELECT d.sequence, e.id AS row_id, d.type, d.attempts, e.at, e.state, COALESCE(e.detail, '') AS detail,
       p.id AS payment_id, p.reference, p.service, p.line_reference, p.payer_msisdn, p.channel, p.amount_centimes,
       p.currency, r.year, r.sequence AS receipt
FROM event_deliveries d
LEFT JOIN ONLY payment_events e ON e.id = d.row_id LEFT JOIN ONLY payments p ON p.id = d.payment_id
LEFT JOIN ONLY receipts r ON r.payment_id = d.payment_id
WHERE d.endpoint = %(name)s AND d.dead_at IS NULL AND d.due_at <= %(now)s
  AND NOT EXISTS (SELECT FROM event_deliveries b WHERE b.endpoint = d.endpoint AND b.payment_id = d.payment_id
                  AND b.sequence < d.sequence AND b.dead_at IS NULL)
ORDER BY d.sequence LIMIT %(limit)s
"""

TAKEN = "DELETE FROM event_deliveries WHERE endpoint = %(name)s AND sequence = %(sequence)s"
FAILED = """
UPDATE event_deliveries SET attempts = attempts + 1, error = %(why)s, due_at = %(again)s,
    dead_at = CASE WHEN %(again)s::timestamptz IS NULL THEN %(now)s END
WHERE endpoint = %(name)s AND sequence = %(sequence)s AND dead_at IS NULL
"""
SWITCH_OFF = "UPDATE event_endpoints SET disabled_at = %(now)s, disabled_why = %(why)s WHERE name = %(name)s"


class PgEventBooks:
    """Implements core.events.relay.EventBooks."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def active(self) -> Sequence[EventEndpoint]:
        return [endpoint_of(row, self._sealer) for row in await self._database.all(ACTIVE)]

    async def lease(self, name: str, now: datetime, until: datetime) -> EventEndpoint | None:
        row = await self._database.one(LEASE, name=name, now=now, until=until)
        if row is None:
            return None
        if (fresh := resealed(row, self._sealer)) is not None:
            await self._database.do(RESEAL, name=name, sealed=row["sealed_secrets"], fresh=fresh)
        return endpoint_of(row, self._sealer)

    async def release(self, name: str, now: datetime, delivered: int, quiet_until: datetime | None) -> None:
        await self._database.do(RELEASE, name=name, now=now, delivered=delivered, quiet=quiet_until)

    async def plan(self, endpoint: EventEndpoint, now: datetime) -> int:
        async def work(connection: Connection) -> int:
            async with connection.transaction():
                return await _planned(connection, endpoint, now)

        return await self._database.run(work, "events plan")

    async def due(self, name: str, now: datetime, limit: int) -> Sequence[DueEvent]:
        rows = await self._database.all(DUE, name=name, now=now, limit=limit)
        if any(row["row_id"] is None for row in rows):
            rows = await self._database.all(with_months(DUE), name=name, now=now, limit=limit)
        return [_due(row) for row in rows if row["row_id"] is not None]

    async def taken(self, name: str, sequence: int) -> None:
        await self._database.do(TAKEN, name=name, sequence=sequence)

    async def failed(self, name: str, sequence: int, why: str, again_at: datetime | None, now: datetime) -> None:
        await self._database.do(
            FAILED, name=name, sequence=sequence, why=why[:ERROR_CHARS_MAX], again=again_at, now=now
        )

    async def switch_off(self, name: str, why: str, now: datetime) -> None:
        await self._database.do(SWITCH_OFF, name=name, why=why[:ERROR_CHARS_MAX], now=now)


async def _planned(connection: Connection, endpoint: EventEndpoint, now: datetime) -> int:
    position: dict[str, Any] = {"name": endpoint.name, "cursor": endpoint.cursor, "limit": PLAN_MAX}
    rows = await (await connection.execute(BEHIND, position)).fetchall()
    if any(row["row_id"] is None for row in rows):
        rows = await (await connection.execute(with_months(BEHIND), position)).fetchall()
    if not rows:
        return 0
    moved = await connection.execute(MOVE, position | {"to": rows[-1]["number"]})
    if not moved.rowcount:
        return 0
    wanted = [(row, TYPES[row["event"]]) for row in rows if row["event"] in TYPES]
    planned = [(row, kind) for row, kind in wanted if endpoint.wants(kind)]
    if planned:
        values = {
            "now": now,
            "sequences": [row["number"] for row, _ in planned],
            "rows": [row["row_id"] for row, _ in planned],
            "payments": [row["payment_id"] for row, _ in planned],
            "types": [str(kind) for _, kind in planned],
        }
        await connection.execute(PLAN, position | values)
    return len(rows)


def _due(row: Mapping[str, Any]) -> DueEvent:
    fact = PaymentFact(
        row_id=row["row_id"],
        sequence=row["sequence"],
        at=row["at"],
        type=EventType(row["type"]),
        state=row["state"],
        detail=row["detail"],
        payment_id=row["payment_id"],
        reference=row["reference"],
        service=row["service"],
        line_reference=row["line_reference"],
        payer_msisdn=row["payer_msisdn"],
        channel=row["channel"],
        amount_centimes=row["amount_centimes"],
        currency=row["currency"],
        receipt_number=None if row["receipt"] is None else receipt_number(row["year"], row["receipt"]),
    )
    return DueEvent(fact, row["attempts"])
