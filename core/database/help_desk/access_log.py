"""The help desk's log. The table's own triggers refuse changes; retention alone deletes (core/privacy/retention.py)."""

from collections.abc import AsyncIterator
from dataclasses import asdict

from core.database.pool import Database
from core.help_desk.access_log import DETAIL_CHARS_MAX, Access, Action, LogFilter, LogLine

WRITE = """
INSERT INTO access_log (at, who, role, address, action, payment_id, detail)
VALUES (%(at)s, %(who)s, %(role)s, %(address)s, %(action)s, %(payment_id)s, %(detail)s)
"""

READ = """
SELECT id, at, who, role, action, COALESCE(payment_id, '') AS payment_id, COALESCE(detail, '') AS detail, address
FROM access_log
WHERE at >= %(begins)s AND at < %(ends)s AND (%(who)s = '' OR who = %(who)s)
  AND (%(action)s = '' OR action = %(action)s) AND (%(payment_id)s = '' OR payment_id = %(payment_id)s)
"""
PAGE = READ + "ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s"
ALL = READ + "ORDER BY id"
PAGE_ROWS = 1_000
READ_MAX_MS = 120_000

OF_PAYMENT = """
SELECT at, who, role, address, action, payment_id, detail FROM access_log
WHERE payment_id = %(payment_id)s ORDER BY id DESC LIMIT %(limit)s
"""


class PgAccessLog:
    """Implements core.help_desk.access_log.AccessLog and core.help_desk.access_log.AccessLogReader."""

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

    async def page(self, wanted: LogFilter, limit: int, offset: int) -> tuple[LogLine, ...]:
        rows = await self._database.all(PAGE, **asdict(wanted), limit=limit, offset=offset)
        return tuple(LogLine(**row) for row in rows)

    async def lines(self, wanted: LogFilter) -> AsyncIterator[LogLine]:
        async with (
            self._database.pool.connection() as connection,
            connection.transaction(),
            connection.cursor("access_log") as cursor,
        ):
            await connection.execute(f"SET LOCAL statement_timeout = {READ_MAX_MS}")
            cursor.itersize = PAGE_ROWS
            await cursor.execute(ALL, asdict(wanted))
            async for row in cursor:
                yield LogLine(**row)
