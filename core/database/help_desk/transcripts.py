"""Transcripts in PostgreSQL: whole batches in one statement, read by whoever knows the number."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import DictRow

from core.database.help_desk.kept import kept_turns
from core.database.pool import Database
from core.help_desk.transcripts import DialogTranscript, Pseudonymiser, Shown, around
from core.payments.table import Payment

SHOWN_MAX = 1_000  # screens a look: a dialog has at most some dozens

# A batch that was sent twice, because its answer was lost, is read once.
OF = """
SELECT DISTINCT who, at, dialog, channel, wire, language, screen, came_from, outcome, keys, said, request
FROM transcript_turns
WHERE who = ANY(%(who)s) AND at >= %(since)s AND at < %(until)s
ORDER BY at DESC LIMIT %(limit)s
"""

# One round trip for a batch, where COPY in a transaction of its own takes five. Nobody waits for these rows, and
# payments' commits need not wait for their way to the disk: that is set for this statement alone.
WRITE = """
WITH unhurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO transcript_turns
    (who, at, dialog, channel, wire, language, screen, came_from, outcome, keys, said, request)
SELECT split_part(t, E'\\t', 1), split_part(t, E'\\t', 2)::timestamptz, split_part(t, E'\\t', 3),
    split_part(t, E'\\t', 4), split_part(t, E'\\t', 5), split_part(t, E'\\t', 6), split_part(t, E'\\t', 7),
    split_part(t, E'\\t', 8), split_part(t, E'\\t', 9), split_part(t, E'\\t', 10), split_part(t, E'\\t', 11),
    split_part(t, E'\\t', 12)
FROM unhurried, string_to_table(%(lines)s, E'\\n') AS t
"""


class PgTranscripts:
    """Implements core.help_desk.transcripts.TranscriptRepository, and takes what khallas/telemetry/transcripts.py
    collects.
    """

    def __init__(self, database: Database, blind: Pseudonymiser) -> None:
        self._database = database
        self._blind = blind

    async def of(self, msisdn: str, since: datetime, until: datetime) -> tuple[DialogTranscript, ...]:
        who = self._blind.all_of(msisdn)
        if not who:
            return ()
        rows = await self._database.all(OF, who=who, since=since, until=until, limit=SHOWN_MAX)
        return _dialogs(list(reversed(rows)))

    async def of_payment(self, payment: Payment) -> tuple[DialogTranscript, ...]:
        turns = await kept_turns(self._database, payment.id)
        if turns is not None:
            return _dialogs(turns)
        return await self.of(payment.payer_msisdn, *around(payment.created_at, payment.paid_at))

    async def write(self, lines: Sequence[str]) -> None:
        """A line a turn: WRITE's values in its order, parted by tabs. Raises DatabaseUnavailable."""
        await self._database.do(WRITE, lines="\n".join(lines))


def _dialogs(rows: Sequence[DictRow]) -> tuple[DialogTranscript, ...]:
    dialogs: dict[object, list[DictRow]] = {}
    for row in rows:
        dialogs.setdefault(row["dialog"], []).append(row)
    return tuple(_dialog(turns) for turns in dialogs.values())


def _dialog(rows: list[DictRow]) -> DialogTranscript:
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
    return DialogTranscript(last["channel"], last["wire"], last["language"], shown)
