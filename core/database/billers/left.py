"""Money that was paid elsewhere and found no bill, in PostgreSQL: listed until a person says that it is given back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.database.pool import Database

LEFT = """
SELECT id, at, door, key, their_reference, service, line_reference, left_centimes, currency
FROM outside_payments WHERE left_centimes > 0 AND given_back_at IS NULL ORDER BY at, id LIMIT %(limit)s
"""
GIVEN_BACK = """
UPDATE outside_payments SET given_back_at = %(now)s, given_back_by = %(who)s, evidence = %(evidence)s
WHERE id = %(id)s AND left_centimes > 0 AND given_back_at IS NULL
"""


class PgOutsideLeft:
    """The payments of which something is left. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """Returns the sums that nobody gave back yet, the oldest first."""
        return await self._database.all(LEFT, limit=limit)

    async def given_back(self, payment_id: str, who: str, evidence: str, now: datetime) -> bool:
        """Writes down who gave it back and what proves it; False where nothing of that payment waits."""
        return await self._database.do(GIVEN_BACK, id=payment_id, who=who, evidence=evidence, now=now) > 0
