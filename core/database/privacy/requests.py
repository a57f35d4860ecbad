"""One person's rows: told, corrected, erased; erasing looks for open payments in its own transaction first."""

from datetime import datetime
from typing import Any

from core.database.help_desk.kept import keep_of_payer
from core.database.pool import Connection, Database
from core.help_desk.transcripts import Pseudonymiser
from core.languages import LanguageCode
from core.privacy.requests import StillOpen

# The payment code stays out: an export travels, and whoever has it can pay and see bills.
HELD = {
    "remembered": "SELECT language, updated_at FROM people WHERE msisdn = %(msisdn)s",
    "consents": "SELECT version, language, channel, given_at, service, line_reference, payment_id FROM consents "
    "WHERE msisdn = %(msisdn)s ORDER BY id",
    "lines": """
        SELECT service, reference, holder, email, language, updated_at FROM lines
        WHERE contact_msisdn = %(msisdn)s ORDER BY service, reference""",
    "bills": """
        SELECT i.service, i.line_reference, i.number, i.period, i.amount_centimes, i.due_date, i.paid_at
        FROM invoices i JOIN lines l ON l.service = i.service AND l.reference = i.line_reference
        WHERE l.contact_msisdn = %(msisdn)s ORDER BY i.service, i.line_reference, i.period, i.number""",
    "payments": """
        SELECT p.id, p.reference, p.state, p.service, p.line_reference, p.email, p.language, p.channel, p.bills,
               p.amount_centimes, p.currency, p.created_at, p.paid_at, p.auth_code, p.transaction_number,
               p.card_brand, p.card_last4, p.wallet, r.year AS receipt_year, r.sequence AS receipt_sequence
        FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
        WHERE p.payer_msisdn = %(msisdn)s ORDER BY p.created_at""",
    "events": """
        SELECT e.payment_id, e.at, e.event, e.state, e.detail FROM payment_events e
        JOIN payments p ON p.id = e.payment_id WHERE p.payer_msisdn = %(msisdn)s ORDER BY e.id""",
    "messages": """
        SELECT kind, payment_id, recipient, status, created_at, updated_at FROM messages
        WHERE recipient = %(msisdn)s OR payment_id IN (SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s)
        ORDER BY created_at""",
    "notes": """
        SELECT n.payment_id, n.at, n.text FROM desk_notes n
        JOIN payments p ON p.id = n.payment_id WHERE p.payer_msisdn = %(msisdn)s ORDER BY n.id""",
    "refund_requests": """
        SELECT u.payment_id, u.amount_centimes, u.reason, u.comment, u.state, u.proposed_at, u.decided_at
        FROM undo_requests u JOIN payments p ON p.id = u.payment_id
        WHERE p.payer_msisdn = %(msisdn)s ORDER BY u.id""",
    "refunds": """
        SELECT r.payment_id, r.invoice_number, r.amount_centimes, r.state, r.created_at
        FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.payer_msisdn = %(msisdn)s ORDER BY r.id""",
    "wallet_requests": """
        SELECT a.payment_id, a.provider, a.payer = %(msisdn)s AS at_this_number, a.amount_centimes, a.currency, a.state,
               a.sent_at, a.receipt, a.taken_centimes
        FROM wallet_attempts a JOIN payments p ON p.id = a.payment_id
        WHERE a.payer = %(msisdn)s OR p.payer_msisdn = %(msisdn)s ORDER BY a.sent_at""",
    "wallet_returns": """
        SELECT a.payment_id, a.provider, r.amount_centimes, r.state, r.asked_at, r.ended_at
        FROM wallet_reversals r JOIN wallet_attempts a ON a.reference = r.attempt
        JOIN payments p ON p.id = a.payment_id
        WHERE a.payer = %(msisdn)s OR p.payer_msisdn = %(msisdn)s ORDER BY r.asked_at""",
    "paid_elsewhere": """
        SELECT o.at, o.door, o.their_reference, o.service, o.line_reference, o.number, o.amount_centimes, o.currency,
               o.left_centimes, o.given_back_at
        FROM outside_payments o JOIN lines l ON l.service = o.service AND l.reference = o.line_reference
        WHERE l.contact_msisdn = %(msisdn)s ORDER BY o.at, o.id""",
    "transcripts": """
        SELECT DISTINCT at, dialog, channel, wire, language, screen, came_from, outcome, keys, said
        FROM transcript_turns WHERE who = ANY(%(who)s) ORDER BY at""",
    "kept_for_disputes": """
        SELECT e.payment_id, e.kept_at, e.agreed, e.turns FROM payment_evidence e
        JOIN payments p ON p.id = e.payment_id WHERE p.payer_msisdn = %(msisdn)s ORDER BY e.kept_at""",
    "searched_by_the_help_desk": "SELECT at FROM desk_lookups WHERE subject = ANY(%(who)s) ORDER BY id",
    "seen_by_the_help_desk": """
        SELECT a.at, a.role, a.action, a.payment_id FROM access_log a
        JOIN payments p ON p.id = a.payment_id WHERE p.payer_msisdn = %(msisdn)s ORDER BY a.id""",
}

CORRECT_EMAIL = {
    "payments": "UPDATE payments SET email = %(email)s WHERE payer_msisdn = %(msisdn)s AND email IS NOT NULL",
    "lines": "UPDATE lines SET email = %(email)s, updated_at = %(now)s WHERE contact_msisdn = %(msisdn)s",
    "messages": """
        UPDATE messages SET recipient = %(email)s, updated_at = %(now)s
        WHERE due_at IS NOT NULL AND kind LIKE '%%\\_mail'
          AND payment_id IN (SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s)""",
}

CORRECT_LANGUAGE = {
    "remembered": """
        INSERT INTO people (msisdn, language, updated_at) VALUES (%(msisdn)s, %(language)s, %(now)s)
        ON CONFLICT (msisdn) DO UPDATE SET language = excluded.language, updated_at = excluded.updated_at""",
    "payments": "UPDATE payments SET language = %(language)s WHERE payer_msisdn = %(msisdn)s",
    "lines": "UPDATE lines SET language = %(language)s, updated_at = %(now)s WHERE contact_msisdn = %(msisdn)s",
}

# Also what waits for somebody to look at it again (a declined order is asked about for a day), and what billing or the
# acquirer may still give rise to: the payer is to be told of it.
OPEN = """
SELECT reference FROM payments p WHERE payer_msisdn = %(msisdn)s
  AND (state IN ('created', 'sending', 'challenge', 'unknown', 'voiding', 'refunding', 'integrity_failure')
       OR due_at IS NOT NULL OR by_hand IS NOT NULL
       OR EXISTS (SELECT FROM payment_lines l WHERE l.payment_id = p.id
                  AND (l.posting_due_at IS NOT NULL OR l.posting = 'stuck'))
       OR EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id
                  AND (r.due_at IS NOT NULL OR r.state IN ('asked', 'crediting', 'stuck'))))
ORDER BY created_at FOR UPDATE
"""
# A wallet that may still be paid, or has money to give back: of the person's payments, and at the person's number.
OPEN_WALLETS = """
SELECT p.reference FROM wallet_attempts a JOIN payments p ON p.id = a.payment_id
WHERE (a.payer = %(msisdn)s OR p.payer_msisdn = %(msisdn)s)
  AND (a.due_at IS NOT NULL OR a.state IN ('waiting', 'asking', 'asked', 'unknown', 'surplus')
       OR EXISTS (SELECT FROM wallet_reversals r WHERE r.attempt = a.reference AND r.state = 'asking'))
ORDER BY a.sent_at FOR UPDATE OF a
"""

# In this order: the messages of the person's payments are found by the payer that the last statement takes away.
ERASE = {
    "receipt_links": """
        UPDATE receipts SET revoked_at = %(now)s
        WHERE revoked_at IS NULL AND payment_id IN (SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s)""",
    "answers": "DELETE FROM messages WHERE payment_id IS NULL AND recipient = %(msisdn)s",
    "messages": """
        UPDATE messages SET recipient = '', provider_id = NULL, due_at = NULL, updated_at = %(now)s,
            status = CASE status WHEN 'queued' THEN 'failed' ELSE status END
        WHERE recipient = %(msisdn)s OR payment_id IN (SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s)""",
    "transcripts": "DELETE FROM transcript_turns WHERE who = ANY(%(who)s)",
    "searches": "DELETE FROM desk_lookups WHERE subject = ANY(%(who)s)",
    "remembered": "DELETE FROM people WHERE msisdn = %(msisdn)s",
    # also of payments that somebody else had this number pay; of one's own the last statement takes them, by a trigger
    "wallet_payers": "UPDATE payments SET wallet_payer = NULL WHERE wallet_payer = %(msisdn)s",
    "wallet_requests": """
        UPDATE wallet_attempts SET payer = ''
        WHERE payer <> '' AND (payer = %(msisdn)s
              OR payment_id IN (SELECT id FROM payments WHERE payer_msisdn = %(msisdn)s))""",
    "paid_elsewhere": """
        UPDATE outside_payments o SET their_reference = '' FROM lines l
        WHERE l.service = o.service AND l.reference = o.line_reference AND l.contact_msisdn = %(msisdn)s
          AND o.their_reference NOT IN ('', o.key) AND (o.left_centimes = 0 OR o.given_back_at IS NOT NULL)""",
    "payments": """
        UPDATE payments SET payer_msisdn = '', email = NULL, fingerprint = '', idempotency_key = 'forgotten:' || id
        WHERE payer_msisdn = %(msisdn)s""",
}


class PgPrivacy:
    """Implements core.privacy.requests.PrivacyRepository."""

    def __init__(self, database: Database, blind: Pseudonymiser) -> None:
        self._database = database
        self._blind = blind

    async def held(self, msisdn: str) -> dict[str, Any]:
        values = {"msisdn": msisdn, "who": self._blind.all_of(msisdn)}

        async def work(connection: Connection) -> dict[str, Any]:
            async with connection.transaction():  # one moment's picture
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                return {name: await (await connection.execute(sql, values)).fetchall() for name, sql in HELD.items()}

        return await self._database.run(work)

    async def correct(
        self, msisdn: str, email: str | None, language: LanguageCode | None, now: datetime
    ) -> dict[str, int]:
        values = {"msisdn": msisdn, "email": email, "language": language, "now": now}
        groups = ([CORRECT_EMAIL] if email else []) + ([CORRECT_LANGUAGE] if language else [])

        async def work(connection: Connection) -> dict[str, int]:
            done: dict[str, int] = {}
            async with connection.transaction():
                for group in groups:
                    for name, sql in group.items():
                        touched = (await connection.execute(sql, values)).rowcount
                        done[name] = max(done.get(name, 0), touched)
            return done

        return await self._database.run(work)

    async def erase(self, msisdn: str, now: datetime) -> dict[str, int]:
        values = {"msisdn": msisdn, "who": self._blind.all_of(msisdn), "now": now}

        async def work(connection: Connection) -> dict[str, int]:
            async with connection.transaction():
                # one moment's picture: a payment begun meanwhile keeps its payer, one that moved meanwhile is looked at
                # again
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                rows = await (await connection.execute(OPEN, values)).fetchall()
                rows += await (await connection.execute(OPEN_WALLETS, values)).fetchall()
                if rows:
                    raise StillOpen(tuple(dict.fromkeys(row["reference"] for row in rows)))
                await keep_of_payer(connection, self._blind, msisdn, now)  # a dispute may still come
                return {name: (await connection.execute(sql, values)).rowcount for name, sql in ERASE.items()}

        return await self._database.run(work)
