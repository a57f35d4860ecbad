"""The help desk's log. The table's own triggers refuse changes; retention alone deletes (core/privacy/retention.py)."""

from core.database.pool import Database
from core.help_desk.access_log import DETAIL_CHARS_MAX, Access, Action

WRITE = """
INSERT INTO access_log (at, who, role, address, action, payment_id, detail)
VALUES (%(at)s, %(who)s, %(role)s, %(address)s, %(action)s, %(payment_id)s, %(detail)s)
"""

OF_PAYMENT = """
SELECT at, who, role, address, action, payment_id, detail FROM access_log
WHERE payment_id = %(payment_id)s ORDER BY id DESC LIMIT %(limit)s
"""


class PgAccessLog:
    """Implements access.AccessLog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, access: Access) -> None:
        await self._database.do(
            WRITE,
            at=access.at,
            who=access.who,
            role=access.role,
            address=access.address,
            action=access.action,
            payment_id=access.payment_id,
            detail=None if access.detail is None else access.detail[:DETAIL_CHARS_MAX],
        )

    async def of_payment(self, payment_id: str, limit: int) -> tuple[Access, ...]:
        rows = await self._database.all(OF_PAYMENT, payment_id=payment_id, limit=limit)
        return tuple(
            Access(
                row["at"],
                row["who"],
                row["role"],
                Action(row["action"]),
                row["payment_id"],
                row["detail"],
                row["address"],
            )
            for row in rows
        )
