"""Statements of the daily retention job: each takes the oldest rows first, skipping what another worker holds."""

from datetime import datetime

from core.database.pool import Database

# A wallet that may still be paid, or holds money that is to go back, keeps its payment's payer.
_NO_WALLET_OPEN = """NOT EXISTS (
          SELECT FROM wallet_attempts a WHERE a.payment_id = payments.id
            AND a.state IN ('waiting', 'asking', 'asked', 'unknown', 'surplus'))"""

# An empty payer owns nothing and is sent nothing: the same as a caller without a number. The fingerprint is a digest
# of the payer's number, which is short enough to be guessed from it; a key may hold a gateway's name for the caller.
FORGET_UNPAID = """
UPDATE payments SET payer_msisdn = '', email = NULL, fingerprint = '', idempotency_key = 'forgotten:' || id
WHERE id IN (
    SELECT id FROM payments
    WHERE state IN ('expired', 'declined') AND due_at IS NULL AND created_at < %(before)s AND fingerprint <> ''
      AND <NO_WALLET_OPEN>
    ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
""".replace("<NO_WALLET_OPEN>", _NO_WALLET_OPEN)

FORGET_PAID = """
WITH forgotten AS (
    UPDATE payments SET payer_msisdn = '', email = NULL, fingerprint = '', idempotency_key = 'forgotten:' || id
    WHERE id IN (
        SELECT id FROM payments
        WHERE state IN ('captured', 'voided', 'refunded') AND due_at IS NULL AND created_at < %(before)s
          AND fingerprint <> '' AND <NO_WALLET_OPEN>
        ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING id
), ended AS (
    UPDATE receipts SET revoked_at = COALESCE(revoked_at, now()) WHERE payment_id IN (SELECT id FROM forgotten)
)
SELECT count(*) AS touched FROM forgotten
""".replace("<NO_WALLET_OPEN>", _NO_WALLET_OPEN)

FORGET_MESSAGES = """
WITH old AS (
    SELECT reference, payment_id FROM messages
    WHERE created_at < %(before)s AND due_at IS NULL AND recipient <> ''
    ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), emptied AS (
    UPDATE messages m SET recipient = '', provider_id = NULL
    FROM old WHERE m.reference = old.reference AND old.payment_id IS NOT NULL
), dropped AS (
    DELETE FROM messages m USING old WHERE m.reference = old.reference AND old.payment_id IS NULL
)
SELECT count(*) AS touched FROM old
"""

FORGET_PEOPLE = """
DELETE FROM people WHERE msisdn IN (
    SELECT msisdn FROM people p
    WHERE updated_at < %(before)s
      AND NOT EXISTS (SELECT FROM payments WHERE payer_msisdn = p.msisdn AND created_at >= %(before)s)
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""

# by a function with its owner's rights: the role that serves may not delete there (core/database/roles.py)
DROP_ACCESSES = "SELECT khallas_drop_accesses(%(before)s, %(limit)s) AS touched"

DROP_LOOKUPS = """
DELETE FROM desk_lookups WHERE id IN (
    SELECT id FROM desk_lookups WHERE at < %(before)s ORDER BY at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""


# Some ten thousand a commit: there are far more of them than of anything else, and nothing hangs on them.
TRANSCRIPTS_TIMES = 10
DROP_TRANSCRIPTS = """
DELETE FROM transcript_turns WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM transcript_turns WHERE at < %(before)s LIMIT %(limit)s))
"""


class PgRetention:
    """Implements core.privacy.retention.RetentionRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_unpaid(self, before: datetime, limit: int) -> int:
        return await self._database.do(FORGET_UNPAID, before=before, limit=limit)

    async def forget_paid(self, before: datetime, limit: int) -> int:
        row = await self._database.one(FORGET_PAID, before=before, limit=limit)
        return 0 if row is None else int(row["touched"])

    async def forget_messages(self, before: datetime, limit: int) -> int:
        row = await self._database.one(FORGET_MESSAGES, before=before, limit=limit)
        return 0 if row is None else int(row["touched"])

    async def forget_people(self, before: datetime, limit: int) -> int:
        return await self._database.do(FORGET_PEOPLE, before=before, limit=limit)

    async def drop_accesses(self, before: datetime, limit: int) -> int:
        await self._database.do(DROP_LOOKUPS, before=before, limit=limit)
        row = await self._database.one(DROP_ACCESSES, before=before, limit=limit)
        return 0 if row is None else int(row["touched"])

    async def drop_transcripts(self, before: datetime, limit: int) -> int:
        """`limit` counts TRANSCRIPTS_TIMES as many rows."""
        return await self._database.do(DROP_TRANSCRIPTS, before=before, limit=limit * TRANSCRIPTS_TIMES)
