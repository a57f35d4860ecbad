"""Credits under way, one per payment: a row that is there as long as nobody knows a credit's end."""

from datetime import datetime

from psycopg.rows import DictRow

from core.database.pool import Database
from core.refunds.credits import Credit

BEGIN = """
INSERT INTO credits_under_way (payment_id, key, amount_centimes, before_centimes, asked_at)
VALUES (%(payment_id)s, %(key)s, %(amount)s, %(before)s, %(now)s)
ON CONFLICT DO NOTHING
"""

OF = "SELECT * FROM credits_under_way WHERE payment_id = %(payment_id)s AND key = %(key)s"

ASKING = """
UPDATE credits_under_way SET asks = asks + 1, answered = false, asked_at = %(now)s
WHERE payment_id = %(payment_id)s AND key = %(key)s AND asks = %(asks)s
RETURNING *
"""

ANSWERED = """
UPDATE credits_under_way SET answered = true
WHERE payment_id = %(payment_id)s AND key = %(key)s AND asks = %(asks)s
"""

END = "DELETE FROM credits_under_way WHERE payment_id = %(payment_id)s AND key = %(key)s"


class PgCredits:
    """Implements core.refunds.credits.Credits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, payment_id: str, key: str, amount_centimes: int, before_centimes: int, now: datetime
    ) -> Credit | None:
        values = {"payment_id": payment_id, "key": key, "amount": amount_centimes, "before": before_centimes}
        await self._database.do(BEGIN, **values, now=now)
        return await self.of(payment_id, key)

    async def of(self, payment_id: str, key: str) -> Credit | None:
        return _maybe(await self._database.one(OF, payment_id=payment_id, key=key))

    async def asking(self, credit: Credit, now: datetime) -> Credit | None:
        values = {"payment_id": credit.payment_id, "key": credit.key, "asks": credit.asks}
        return _maybe(await self._database.one(ASKING, **values, now=now))

    async def answered(self, credit: Credit) -> None:
        values = {"payment_id": credit.payment_id, "key": credit.key, "asks": credit.asks}
        await self._database.do(ANSWERED, **values)

    async def end(self, payment_id: str, key: str) -> None:
        await self._database.do(END, payment_id=payment_id, key=key)


def _maybe(row: DictRow | None) -> Credit | None:
    if row is None:
        return None
    return Credit(
        row["payment_id"],
        row["key"],
        row["amount_centimes"],
        row["before_centimes"],
        row["asks"],
        row["answered"],
        row["asked_at"],
    )
