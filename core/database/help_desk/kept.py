"""What a payer was shown and had accepted, taken out of the transcripts and kept with the payment for disputes.

Transcripts are found by a number's digests and leave after a month; what is kept here is found by the payment, whoever
forgets the payer and whichever key is taken away, and leaves when no dispute can come any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from core.chargebacks.evidence import Agreed
from core.database.pool import Connection, Database
from core.help_desk.transcripts import AFTER_S, BEFORE_S, Pseudonymiser

SHOWN_MAX = 1_000  # screens of one payment
UNENDED_S = 86_400  # a payment that is unknown for so long is kept without waiting for its end

DUE = """
SELECT id, payer_msisdn FROM payments p
WHERE (paid_at >= %(since)s AND paid_at < %(over)s
       OR state = 'unknown' AND due_at IS NOT NULL AND created_at >= %(since)s AND created_at < %(unended)s)
  AND NOT EXISTS (SELECT FROM payment_evidence e WHERE e.payment_id = p.id)
ORDER BY created_at LIMIT %(limit)s
"""

OF_PAYER = "SELECT id, payer_msisdn FROM payments WHERE payer_msisdn = %(msisdn)s AND paid_at IS NOT NULL"

# A screen that was written twice, because an answer was lost, is kept once.
KEEP = """
WITH named AS (
    SELECT id, array_agg(digest) AS digests
    FROM unnest(%(ids)s::text[], %(digests)s::text[]) AS each (id, digest) GROUP BY id
)
INSERT INTO payment_evidence (payment_id, kept_at, agreed, turns)
SELECT p.id, %(now)s,
    (SELECT jsonb_build_object('version', c.version, 'channel', c.channel, 'at', c.given_at) FROM consents c
     WHERE c.payment_id = p.id OR c.msisdn = p.payer_msisdn AND c.given_at <= COALESCE(p.paid_at, p.created_at)
     ORDER BY (c.payment_id = p.id) IS TRUE DESC, c.id DESC LIMIT 1),
    COALESCE((SELECT jsonb_agg(to_jsonb(t) ORDER BY t.at) FROM (
        SELECT DISTINCT at, dense_rank() OVER (ORDER BY dialog) AS dialog, channel, wire, language, screen, came_from,
            outcome, keys, said, request
        FROM transcript_turns
        WHERE who = ANY(named.digests) AND at >= p.created_at - make_interval(secs => %(before_s)s)
          AND at < COALESCE(p.paid_at, p.created_at) + make_interval(secs => %(after_s)s)
        ORDER BY at DESC LIMIT %(most)s) t), '[]')
FROM named JOIN payments p ON p.id = named.id
ON CONFLICT (payment_id) DO NOTHING
"""

DROP = """
DELETE FROM payment_evidence WHERE payment_id IN (
    SELECT payment_id FROM payment_evidence WHERE kept_at < %(before)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""

TURNS = "SELECT turns FROM payment_evidence WHERE payment_id = %(id)s"

AGREED = """
SELECT agreed ->> 'version' AS version, agreed ->> 'channel' AS channel, (agreed ->> 'at')::timestamptz AS given_at
FROM payment_evidence WHERE payment_id = %(id)s AND agreed IS NOT NULL
"""


class PgKeptEvidence:
    """Implements core.privacy.retention.EvidenceRetention. Raises DatabaseUnavailable."""

    def __init__(self, database: Database, blind: Pseudonymiser) -> None:
        self._database = database
        self._blind = blind

    async def keep(self, since: datetime, now: datetime, limit: int) -> int:
        over, unended = now - timedelta(seconds=AFTER_S), now - timedelta(seconds=UNENDED_S)
        due = await self._database.all(DUE, since=since, over=over, unended=unended, limit=limit)
        values = _values(due, self._blind, now)
        return await self._database.do(KEEP, **values) if due else 0

    async def drop(self, before: datetime, limit: int) -> int:
        return await self._database.do(DROP, before=before, limit=limit)


async def keep_of_payer(connection: Connection, blind: Pseudonymiser, msisdn: str, now: datetime) -> None:
    """Keeps what was paid from this number, before its transcripts are erased."""
    rows = await (await connection.execute(OF_PAYER, {"msisdn": msisdn})).fetchall()
    await connection.execute(KEEP, _values(rows, blind, now))


async def kept_turns(database: Database, payment_id: str) -> Sequence[DictRow] | None:
    """The kept turns as `transcript_turns` has them; None while nothing is kept of this payment."""
    row = await database.one(TURNS, id=payment_id)
    if row is None:
        return None
    return [turn | {"at": datetime.fromisoformat(turn["at"])} for turn in row["turns"]]


async def kept_agreed(database: Database, payment_id: str) -> Agreed | None:
    """The terms that were kept with the payment."""
    row = await database.one(AGREED, id=payment_id)
    return Agreed(row["version"], row["channel"], row["given_at"]) if row else None


def _values(rows: Sequence[DictRow], blind: Pseudonymiser, now: datetime) -> dict[str, object]:
    pairs = [(row["id"], digest) for row in rows for digest in blind.all_of(row["payer_msisdn"]) or [""]]
    return {
        "ids": [payment_id for payment_id, _ in pairs],
        "digests": [digest for _, digest in pairs],
        "now": now,
        "before_s": BEFORE_S,
        "after_s": AFTER_S,
        "most": SHOWN_MAX,
    }
