"""The relay's cursor, held by one process at a time, and the facts behind it in the order of the chain of hashes."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.rows import tuple_row

from core.database.archive.months import with_months
from core.database.pool import Connection, Database
from core.events.catalogue import TYPES, PaymentFact
from core.events.stream import StreamLag, StreamPage
from core.messaging.receipts import receipt_number

NAME = "kafka"

# Behind what is linked so far, or behind nothing: whole history. The first relay that ever starts makes the row.
BEGIN = """
INSERT INTO event_streams (name, cursor, began_at)
SELECT %(name)s, CASE WHEN %(whole)s THEN 0
                 ELSE (SELECT COALESCE(max(number), 0) FROM audit_links WHERE chain = 'payment_events') END, now()
ON CONFLICT DO NOTHING
"""
# By the database's own clock: relays on several machines agree about it.
HOLD = """
UPDATE event_streams SET holder = %(holder)s, leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE name = %(name)s AND (holder = %(holder)s OR leased_until IS NULL OR leased_until <= clock_timestamp())
RETURNING cursor
"""
MOVE = """
UPDATE event_streams SET cursor = %(to)s, delivered = delivered + %(events)s, moved_at = clock_timestamp(),
    leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE name = %(name)s AND cursor = %(cursor)s AND holder = %(holder)s
"""
RELEASE = "UPDATE event_streams SET holder = NULL, leased_until = NULL WHERE name = %(name)s AND holder = %(holder)s"
FORGET = "DELETE FROM event_streams WHERE name = %(name)s"

# Never-ending work asks narrow questions: what befell, and once a payment what never changes of it. Of what moved to
# its month the live tables have nothing (its id is null): then both are asked.
BEHIND = """
SELECT l.number, e.id, e.payment_id, e.at, e.event, e.state, COALESCE(e.detail, '')
FROM audit_links l LEFT JOIN ONLY payment_events e ON e.id = l.row_id
WHERE l.chain = 'payment_events' AND l.number > %(cursor)s ORDER BY l.number LIMIT %(limit)s
"""
PAYMENTS = """
SELECT p.id, p.reference, p.service, p.line_reference, p.payer_msisdn, p.channel, p.amount_centimes, p.currency,
       r.year, r.sequence
FROM ONLY payments p LEFT JOIN ONLY receipts r ON r.payment_id = p.id WHERE p.id = ANY(%(ids)s)
"""
LAG = """
SELECT (SELECT max(number) FROM audit_links WHERE chain = 'payment_events') - %(cursor)s AS events,
       (SELECT row_at FROM audit_links WHERE chain = 'payment_events' AND number > %(cursor)s
        ORDER BY number LIMIT 1) AS since
"""
STANDS = """
SELECT s.cursor, s.holder, s.leased_until > clock_timestamp() AS held, s.delivered, s.moved_at,
       COALESCE((SELECT max(number) FROM audit_links WHERE chain = 'payment_events'), 0) - s.cursor AS events,
       (SELECT row_at FROM audit_links WHERE chain = 'payment_events' AND number > s.cursor
        ORDER BY number LIMIT 1) AS since
FROM event_streams s WHERE s.name = %(name)s
"""


class PgStreamBooks:
    """Implements core.events.stream.StreamBooks."""

    def __init__(self, database: Database, name: str = NAME) -> None:
        self._database = database
        self._name = name

    async def begin(self, *, whole: bool = False) -> None:
        """Makes the cursor where there is none; an old one stays where it stands."""
        await self._database.do(BEGIN, name=self._name, whole=whole)

    async def forget(self) -> bool:
        """Takes the cursor away: nothing waits for a relay any more."""
        return await self._database.do(FORGET, name=self._name) > 0

    async def stands(self) -> Mapping[str, Any] | None:
        """The cursor's row with what waits behind it; None where no relay ever began."""
        return await self._database.one(STANDS, name=self._name)

    async def hold(self, holder: str, lease_s: float) -> int | None:
        row = await self._database.one(HOLD, name=self._name, holder=holder, lease_s=lease_s)
        return None if row is None else int(row["cursor"])

    async def behind(self, cursor: int, limit: int) -> StreamPage | None:
        async def work(connection: Connection) -> StreamPage | None:
            return await _page(connection, cursor, limit)

        return await self._database.run(work, "events behind")

    async def move(self, holder: str, page: StreamPage, cursor: int, lease_s: float) -> bool:
        values = {"to": page.to, "events": len(page.facts), "cursor": cursor, "holder": holder, "lease_s": lease_s}
        return await self._database.do(MOVE, name=self._name, **values) > 0

    async def lag(self, cursor: int) -> StreamLag:
        row = await self._database.one(LAG, cursor=cursor)
        return StreamLag(row["events"] or 0, row["since"]) if row else StreamLag(0, None)

    async def release(self, holder: str) -> None:
        await self._database.do(RELEASE, name=self._name, holder=holder)


async def _page(connection: Connection, cursor: int, limit: int) -> StreamPage | None:
    async with connection.cursor(row_factory=tuple_row, binary=True) as reading:
        position = {"cursor": cursor, "limit": limit}
        rows = await (await reading.execute(BEHIND, position)).fetchall()
        if any(row[1] is None for row in rows):
            rows = await (await reading.execute(with_months(BEHIND), position)).fetchall()
        if not rows:
            return None
        told = [row for row in rows if row[4] in TYPES]
        ids = list({row[2] for row in told})
        payments = await (await reading.execute(PAYMENTS, {"ids": ids})).fetchall() if ids else []
        if len(payments) < len(ids):
            payments = await (await reading.execute(with_months(PAYMENTS), {"ids": ids})).fetchall()
    return StreamPage(rows[-1][0], len(rows), _facts(told, {row[0]: _lasting(row) for row in payments}))


def _lasting(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of a row of PAYMENTS what each of the payment's facts ends with."""
    *payment, year, sequence = row
    return (*payment, None if sequence is None else receipt_number(year, sequence))


def _facts(rows: Sequence[tuple[Any, ...]], payments: Mapping[str, tuple[Any, ...]]) -> list[PaymentFact]:
    return [
        PaymentFact(row_id, number, at, TYPES[event], state, detail, *payments[payment_id])
        for number, row_id, payment_id, at, event, state, detail in rows
    ]
