"""Transcripts in PostgreSQL: whole batches by COPY, read by whoever knows the number (core/transcripts.py)."""

from datetime import datetime

from psycopg.rows import DictRow

from core.database.pool import Connection, Database
from core.transcripts import Blind, Dialog, Shown

SHOWN_MAX = 1_000  # screens a look: a dialog has at most some dozens

# A batch that was sent twice, because its answer was lost, is read once.
OF = """
SELECT DISTINCT who, at, dialog, channel, wire, language, screen, came_from, outcome, keys, said, request
FROM transcript_turns
WHERE who = ANY(%(who)s) AND at >= %(since)s AND at < %(until)s
ORDER BY at DESC LIMIT %(limit)s
"""

COPY = """
COPY transcript_turns (who, at, dialog, channel, wire, language, screen, came_from, outcome, keys, said, request)
FROM STDIN
"""


class PgTranscripts:
    """Implements transcripts.Transcripts, and takes what channels/observe/transcripts.py collects."""

    def __init__(self, database: Database, blind: Blind) -> None:
        self._database = database
        self._blind = blind

    async def of(self, msisdn: str, since: datetime, until: datetime) -> tuple[Dialog, ...]:
        who = self._blind.all_of(msisdn)
        if not who:
            return ()
        rows = await self._database.all(OF, who=who, since=since, until=until, limit=SHOWN_MAX)
        dialogs: dict[str, list[DictRow]] = {}
        for row in reversed(rows):
            dialogs.setdefault(row["dialog"], []).append(row)
        return tuple(_dialog(turns) for turns in dialogs.values())

    async def write(self, batch: bytes) -> None:
        """Rows in COPY's text format, in the order of COPY's columns. Raises BooksDown."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                # nobody waits for these rows, and payments' commits need not wait for their way to the disk
                await connection.execute("SET LOCAL synchronous_commit TO off")
                async with connection.cursor().copy(COPY) as copy:
                    await copy.write(batch)

        await self._database.run(work, "COPY")


def _dialog(rows: list[DictRow]) -> Dialog:
    last = rows[-1]
    shown = tuple(
        Shown(
            row["at"],
            row["screen"],
            row["came_from"],
            row["outcome"],
            row["keys"],
            row["said"],
            row["request"],
        )
        for row in rows
    )
    return Dialog(last["channel"], last["wire"], last["language"], shown)
