"""Transfers in PostgreSQL. Those of a payment's events write themselves, in the event's own commit (the trigger
`payment_events_ledger`); what settlement, chargebacks and corrections add comes through here.
"""

from collections.abc import Sequence
from typing import Any

from core.database.pool import Connection
from core.ledger.transfers import Transfer

TRANSFERS_MAX = 5_000  # in one statement

# The same transfer again is nothing; another one under the same id is somebody's mistake, and named.
POST = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::text[], %(ats)s::timestamptz[], %(debits)s::text[], %(credits)s::text[],
        %(amounts)s::bigint[], %(currencies)s::text[], %(payments)s::text[], %(bills)s::text[], %(events)s::text[],
        %(notes)s::text[])
        AS g (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event, note)
), written AS (
    INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event, note)
    SELECT id, at, debit, credit, amount_centimes, currency, payment_id, bill, event, note FROM given
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM written) AS written,
       ARRAY(SELECT g.id FROM given g JOIN ledger_transfers t ON t.id = g.id
             WHERE (t.debit, t.credit, t.amount_centimes, t.currency, t.payment_id)
                   IS DISTINCT FROM (g.debit, g.credit, g.amount_centimes, g.currency, g.payment_id)
             ORDER BY g.id LIMIT 5) AS others
"""


class TransferConflict(Exception):
    """The caller's fault: an id came again with another amount or other accounts. Do not retry; nothing was written."""


async def post_within(connection: Connection, transfers: Sequence[Transfer]) -> int:
    """Posts in the caller's transaction, so that the row they are about and they are one commit; returns how many are
    new.

    Safe to repeat. A transfer dated into a closed day is dated today, with a note. Raises TransferConflict: the
    caller's transaction must end then.
    """
    new = 0
    for first in range(0, len(transfers), TRANSFERS_MAX):
        some = transfers[first : first + TRANSFERS_MAX]
        row = await (await connection.execute(POST, _columns(some))).fetchone()
        assert row is not None
        if row["others"]:
            raise TransferConflict(f"posted before, and otherwise: {', '.join(row['others'])}")
        new += row["written"]
    return new


def _columns(transfers: Sequence[Transfer]) -> dict[str, list[Any]]:
    return {
        "ids": [each.id for each in transfers],
        "ats": [each.at for each in transfers],
        "debits": [each.debit for each in transfers],
        "credits": [each.credit for each in transfers],
        "amounts": [each.amount_centimes for each in transfers],
        "currencies": [each.currency for each in transfers],
        "payments": [each.payment_id for each in transfers],
        "bills": [each.bill for each in transfers],
        "events": [each.event for each in transfers],
        "notes": [each.note for each in transfers],
    }
