"""Findings of reconciliation as rows; the table itself refuses to be closed by the person who asked for it."""

from datetime import datetime

from psycopg.rows import DictRow

from core.database.pool import Database
from core.settlement.findings import FindingQueue, SettlementFinding
from core.settlement.rows import RowKind

GET = """
SELECT * FROM reconciliation_findings WHERE id = %(id)s AND closed_at IS NULL AND resolved_at IS NULL
"""

OPEN = """
SELECT * FROM reconciliation_findings WHERE closed_at IS NULL AND resolved_at IS NULL
ORDER BY closing_at IS NULL, found_at, id LIMIT %(limit)s
"""

TAKE = """
UPDATE reconciliation_findings SET owner = %(who)s
WHERE id = %(id)s AND closed_at IS NULL AND resolved_at IS NULL
"""

PROPOSE = """
UPDATE reconciliation_findings SET owner = COALESCE(owner, %(who)s), closing_reason = %(reason)s,
    closing_by = %(who)s, closing_at = %(now)s
WHERE id = %(id)s AND closed_at IS NULL AND resolved_at IS NULL
"""

CLOSE = """
UPDATE reconciliation_findings SET closed_by = %(who)s, closed_at = %(now)s
WHERE id = %(id)s AND closed_at IS NULL AND resolved_at IS NULL AND closing_by <> %(who)s
"""

KEEP = """
UPDATE reconciliation_findings SET closing_reason = NULL, closing_by = NULL, closing_at = NULL
WHERE id = %(id)s AND closed_at IS NULL AND resolved_at IS NULL AND closing_by IS NOT NULL
"""


class PgFindings:
    """Implements core.settlement.findings.FindingBooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, finding_id: int) -> SettlementFinding | None:
        row = await self._database.one(GET, id=finding_id)
        return None if row is None else finding_of(row)

    async def open(self, limit: int) -> tuple[SettlementFinding, ...]:
        return tuple(finding_of(row) for row in await self._database.all(OPEN, limit=limit))

    async def take(self, finding_id: int, who: str) -> bool:
        return await self._database.do(TAKE, id=finding_id, who=who) == 1

    async def propose(self, finding_id: int, who: str, reason: str, now: datetime) -> bool:
        return await self._database.do(PROPOSE, id=finding_id, who=who, reason=reason, now=now) == 1

    async def close(self, finding_id: int, who: str, now: datetime) -> bool:
        return await self._database.do(CLOSE, id=finding_id, who=who, now=now) == 1

    async def keep(self, finding_id: int, who: str) -> bool:
        return await self._database.do(KEEP, id=finding_id) == 1


def finding_of(row: DictRow) -> SettlementFinding:
    """A row as the finding it is."""
    return SettlementFinding(
        FindingQueue(row["queue"]),
        row["order_id"],
        None if row["kind"] is None else RowKind(row["kind"]),
        row["transaction_number"] or None,
        row["ours_centimes"],
        row["theirs_centimes"],
        row["why"],
        row["line_no"],
        row["id"],
        row["found_at"],
        row["owner"],
        row["closing_reason"],
        row["closing_by"],
    )
