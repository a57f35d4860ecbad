"""The chains' statements: rows are linked in batches under a lock of their own, whoever commits them in what order."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from core.database.pool import Connection, Database
from core.hash_chain import GENESIS, ChainLink, linked
from core.help_desk.audit import Chain, Linked

AUDIT_LOCK = 1_117_778
BATCH_MAX = 2_000
LATE_IDS_MAX = 10_000  # how far behind the newest linked row one that committed late may be

COLUMNS = MappingProxyType(
    {
        Chain.ACCESS_LOG: ("id", "at", "who", "role", "address", "action", "payment_id", "detail"),
        Chain.PAYMENT_EVENTS: ("id", "payment_id", "at", "event", "state", "detail", "request"),
    }
)

LAST = "SELECT number, hash FROM audit_links WHERE chain = %(chain)s ORDER BY number DESC LIMIT 1"

TO_LINK = """
SELECT {columns} FROM {table} t
WHERE id > COALESCE((SELECT max(row_id) FROM audit_links WHERE chain = %(chain)s), 0) - %(late)s
  AND NOT EXISTS (SELECT FROM audit_links l WHERE l.chain = %(chain)s AND l.row_id = t.id)
ORDER BY id LIMIT %(limit)s
"""

WRITE = """
INSERT INTO audit_links (chain, number, row_id, row_at, linked_at, hash)
SELECT %(chain)s, number, row_id, row_at, %(now)s, hash
FROM unnest(%(numbers)s::bigint[], %(ids)s::bigint[], %(ats)s::timestamptz[], %(hashes)s::bytea[])
     AS made (number, row_id, row_at, hash)
"""

SPAN = """
SELECT min(number) AS low, max(number) AS high FROM audit_links
WHERE chain = %(chain)s AND row_at >= COALESCE(%(first)s::timestamptz, '-infinity')
  AND row_at < COALESCE(%(until)s::timestamptz, 'infinity')
"""

READ = """
SELECT l.number, l.hash, l.row_at, {columns} FROM audit_links l LEFT JOIN {table} t ON t.id = l.row_id
WHERE l.chain = %(chain)s AND l.number > %(after)s AND l.number <= %(high)s ORDER BY l.number LIMIT %(limit)s
"""

UNLINKED = """
SELECT id FROM {table} t
WHERE at >= COALESCE(%(first)s::timestamptz, '-infinity') AND at < %(until)s
  AND NOT EXISTS (SELECT FROM audit_links l WHERE l.chain = %(chain)s AND l.row_id = t.id)
ORDER BY id LIMIT 1
"""


class PgAudit:
    """Implements core.help_desk.audit.AuditBooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def link(self, chain: Chain, now: datetime) -> int:
        async def work(connection: Connection) -> int:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%(key)s)", {"key": AUDIT_LOCK})
                return await _link(connection, chain, now)

        return await self._database.run(work, "audit link")

    async def links(
        self, chain: Chain, first: datetime | None, until: datetime | None
    ) -> AsyncIterator[Sequence[Linked]]:
        span = await self._database.one(SPAN, chain=chain, first=first, until=until)
        if span is None or span["low"] is None:
            return
        after: int = span["low"] - 1
        statement = _of(READ, chain, "t")
        while True:  # each round goes on behind the last one; `high` ends it
            rows = await self._database.all(statement, chain=chain, after=after, high=span["high"], limit=BATCH_MAX)
            if not rows:
                return
            after = rows[-1]["number"]
            yield [_linked(chain, row) for row in rows]

    async def before(self, chain: Chain, number: int) -> bytes:
        row = await self._database.one(
            "SELECT hash FROM audit_links WHERE chain = %(chain)s AND number = %(number)s",
            chain=chain,
            number=number - 1,
        )
        return GENESIS if row is None else bytes(row["hash"])

    async def unlinked(self, chain: Chain, first: datetime | None, until: datetime) -> int | None:
        row = await self._database.one(_of(UNLINKED, chain), chain=chain, first=first, until=until)
        return None if row is None else int(row["id"])


async def _link(connection: Connection, chain: Chain, now: datetime) -> int:
    values: dict[str, Any] = {"chain": chain, "late": LATE_IDS_MAX, "limit": BATCH_MAX}
    rows = await (await connection.execute(_of(TO_LINK, chain), values)).fetchall()
    last = await (await connection.execute(LAST, values)).fetchone()
    before, number = (bytes(last["hash"]), last["number"]) if last else (GENESIS, 0)
    made: list[ChainLink] = []
    for row in rows:
        made.append(linked(before, number + 1, row))
        before, number = made[-1].hash, made[-1].number
    if made:
        written = {
            "now": now,
            "numbers": [link.number for link in made],
            "ids": [row["id"] for row in rows],
            "ats": [row["at"] for row in rows],
            "hashes": [link.hash for link in made],
        }
        await connection.execute(WRITE, values | written)
    return len(made)


def _of(statement: str, chain: Chain, alias: str = "") -> str:
    """A statement of that table. Names are ours, never input."""
    prefix = f"{alias}." if alias else ""
    return statement.format(table=chain.value, columns=", ".join(prefix + name for name in COLUMNS[chain]))


def _linked(chain: Chain, row: dict[str, Any]) -> Linked:
    fields = {name: row[name] for name in COLUMNS[chain]}
    return Linked(
        ChainLink(row["number"], bytes(row["hash"])), row["row_at"], fields if row["id"] is not None else None
    )
