"""Dialog records from the transcripts and payments in PostgreSQL, an hour of dialogs in memory at a time."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from core.database.pool import Database
from core.help_desk.dialog_records import LASTS_MAX, DialogPayment, DialogRecord
from core.help_desk.transcripts import Pseudonymiser
from core.ledger.days import bounds

AT_ONCE = timedelta(hours=1)

# As transcripts are read: a batch that was written twice counts once.
RECORDS = """
SELECT dialog, who AS number, channel, wire,
    COALESCE((array_agg(language ORDER BY at DESC) FILTER (WHERE language <> ''))[1], '') AS language,
    min(at) AS began_at, max(at) AS ended_at, count(*)::int AS turns,
    (array_agg(screen ORDER BY at DESC))[1] AS last_screen, (array_agg(outcome ORDER BY at DESC))[1] AS outcome
FROM (
    SELECT DISTINCT who, at, dialog, channel, wire, language, screen, came_from, outcome, keys, said, request
    FROM transcript_turns WHERE at >= %(looked_from)s AND at < %(looked_to)s
) turns
GROUP BY dialog, who, channel, wire
HAVING min(at) >= %(begins)s AND min(at) < %(ends)s
ORDER BY min(at), dialog
"""
PAYMENTS = """
SELECT payer_msisdn, reference, state, created_at, paid_at FROM payments
WHERE created_at >= %(looked_from)s AND created_at < %(looked_to)s AND payer_msisdn IS NOT NULL
"""


class PgDialogRecords:
    """Implements core.help_desk.dialog_records.DialogRecords."""

    def __init__(self, database: Database, blind: Pseudonymiser) -> None:
        self._database = database
        self._blind = blind

    async def of(self, day: date) -> AsyncIterator[DialogRecord]:
        begins, end = bounds(day)
        while begins < end:
            ends = min(begins + AT_ONCE, end)
            for record in await self._began(begins, ends):
                yield record
            begins = ends

    async def _began(self, begins: datetime, ends: datetime) -> list[DialogRecord]:
        looked = {"looked_from": begins - LASTS_MAX, "looked_to": ends + LASTS_MAX}
        rows = await self._database.all(RECORDS, begins=begins, ends=ends, **looked)
        if not rows:
            return []
        payments: dict[str, list[DialogPayment]] = {}
        for row in await self._database.all(PAYMENTS, **looked):
            payers = frozenset(self._blind.all_of(row.pop("payer_msisdn")))
            payment = DialogPayment(payers, **row)
            for payer in payers:
                payments.setdefault(payer, []).append(payment)
        records = [DialogRecord(**row) for row in rows]
        return [_paid(record, payments.get(record.number, [])) for record in records]


def _paid(record: DialogRecord, payments: list[DialogPayment]) -> DialogRecord:
    payment = record.paid_with(payments)
    if payment is None:
        return record
    return replace(record, payment_reference=payment.reference, payment_state=payment.state)
