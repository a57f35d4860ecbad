"""The evidence of a dispute, from what the books keep of a payment."""

from core.chargebacks.evidence import Agreed, Evidence
from core.chargebacks.model import facts_kept
from core.database.help_desk.kept import kept_agreed
from core.database.payments.repository import PgPayments
from core.database.pool import Database
from core.database.settlement.chargebacks import PgChargebacks
from core.help_desk.lookup import Lookup
from core.help_desk.transcripts import TranscriptRepository
from core.payments.table import Payment

FACTS = "SELECT dispute_facts FROM payments WHERE id = %(id)s"

AGREED = """
SELECT version, channel, given_at FROM consents
WHERE payment_id = %(id)s OR (msisdn = %(msisdn)s AND given_at <= COALESCE(%(paid_at)s, now()))
ORDER BY (payment_id = %(id)s) IS TRUE DESC, id DESC LIMIT 1
"""


class PgEvidence:
    """Implements core.chargebacks.evidence.EvidenceBooks."""

    def __init__(self, database: Database, transcripts: TranscriptRepository) -> None:
        self._database = database
        self._transcripts = transcripts

    async def of(self, payment_id: str) -> Evidence | None:
        payment = await PgPayments(self._database).get(payment_id)
        if payment is None:
            return None
        row = await self._database.one(FACTS, id=payment_id)
        return Evidence(
            payment,
            facts_kept(row and row["dispute_facts"]),
            await kept_agreed(self._database, payment_id) or await self._agreed(payment),
            await Lookup(self._database).story(payment_id),
            await self._transcripts.of_payment(payment),
            await PgChargebacks(self._database).of_payment(payment_id),
        )

    async def _agreed(self, payment: Payment) -> Agreed | None:
        row = await self._database.one(AGREED, id=payment.id, msisdn=payment.payer_msisdn, paid_at=payment.paid_at)
        return Agreed(row["version"], row["channel"], row["given_at"]) if row else None
