"""What the help desk reads and writes besides payments: stories, notes, messages sent once more."""

from collections.abc import Sequence
from datetime import date, datetime

from core.database.help_desk.lists import others_of
from core.database.pool import Connection, Database
from core.database.wake import Wake, Waker
from core.help_desk.lookup import Lookup
from core.help_desk.timeline import TimelineEntry
from core.help_desk.transcripts import Pseudonymiser
from core.payments.table import Payment
from core.repositories import MessageKind, copy_reference

NOTE = """
INSERT INTO desk_notes (payment_id, at, who, text) VALUES (%(payment_id)s, %(now)s, %(who)s, %(text)s)
"""

# A reference of its own, or gateways would drop it as a repeat. Counted in the statement: a double click sends once.
RESEND = """
INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
SELECT %(stem)s || (SELECT count(*) FROM messages m WHERE m.payment_id = p.id AND m.kind = %(kind)s),
       %(kind)s, p.id, who.recipient, 'queued', %(now)s, %(now)s, %(now)s
FROM payments p
CROSS JOIN LATERAL (
    SELECT CASE WHEN %(to)s <> '' THEN %(to)s
                WHEN %(kind)s LIKE '%%\\_mail' THEN p.email ELSE p.payer_msisdn END AS recipient
) who
WHERE p.id = %(payment_id)s AND (who.recipient LIKE '+%%' OR %(kind)s LIKE '%%\\_mail' AND who.recipient <> '')
  AND NOT EXISTS (SELECT FROM messages m WHERE m.payment_id = p.id AND m.kind = %(kind)s AND m.due_at IS NOT NULL)
  AND (SELECT count(*) FROM messages m WHERE m.payment_id = p.id AND m.kind = %(kind)s
       AND starts_with(m.reference, %(stem)s) AND m.created_at > %(since)s) < %(most)s
ON CONFLICT (reference) DO NOTHING
RETURNING reference
"""


LOOKED_FOR = """
INSERT INTO desk_lookups (at, who, subject) SELECT %(now)s, %(who)s, unnest(%(subjects)s::text[])
"""


class PgDesk:
    """Implements core.help_desk.service.HelpDeskRepository."""

    def __init__(self, database: Database, waker: Waker, blind: Pseudonymiser, late: Database | None = None) -> None:
        """`late`: where is searched, what is found may be seconds old; a payment's own page never is."""
        self._database = database
        self._search = Lookup(late or database)
        self._late = late or database
        self._blind = blind
        self._waker = waker
        self._lookup = Lookup(database)

    async def find(self, text: str, today: date | None = None) -> tuple[Payment, ...]:
        return await self._search.find(text, today)

    async def story(self, payment_id: str) -> tuple[TimelineEntry, ...]:
        return await self._lookup.story(payment_id)

    async def note(self, payment_id: str, who: str, text: str, now: datetime) -> None:
        await self._database.do(NOTE, payment_id=payment_id, who=who, text=text, now=now)

    async def looked_for(self, msisdns: Sequence[str], who: str, now: datetime) -> None:
        if msisdns:
            subjects = [self._blind.who(number) for number in msisdns]
            await self._database.do(LOOKED_FOR, subjects=subjects, who=who, now=now)

    async def others(self, payment_id: str) -> tuple[Payment, ...]:
        return await others_of(self._late, payment_id)

    async def resend(
        self, payment_id: str, kind: MessageKind, now: datetime, since: datetime, most: int, to: str = ""
    ) -> bool:
        stem = copy_reference(payment_id, kind, 1)[:-1]
        values = {
            "payment_id": payment_id,
            "stem": stem,
            "kind": str(kind),
            "now": now,
            "since": since,
            "most": most,
            "to": to,
        }

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                row = await (await connection.execute(RESEND, values)).fetchone()
                if row is not None:
                    await self._waker.wake([Wake.deliver(row["reference"])], connection)
                return row is not None

        return await self._database.run(work)
