"""What operators say of acquirers while we run, and how much is undecided at each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.acquirers.terms import AcquirerState
from core.database.pool import Database

STATES = "SELECT acquirer, state, since, said_by FROM acquirer_states"

SAY = """
INSERT INTO acquirer_states AS s (acquirer, state, since, said_by)
VALUES (%(acquirer)s, %(state)s, %(now)s, %(who)s)
ON CONFLICT (acquirer) DO UPDATE SET state = EXCLUDED.state, said_by = EXCLUDED.said_by,
    since = CASE s.state WHEN EXCLUDED.state THEN s.since ELSE EXCLUDED.since END
"""

UNDECIDED = """
SELECT acquirer, count(*) AS payments FROM ONLY payments
WHERE state IN ('sending', 'challenge', 'unknown', 'voiding', 'refunding', 'integrity_failure')
GROUP BY acquirer
"""


@dataclass(frozen=True, slots=True)
class SaidState:
    """An operator's word, which comes over the settings."""

    state: AcquirerState
    since: datetime
    said_by: str


class PgAcquirerStates:
    """The states that operators gave acquirers. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[str, SaidState]:
        rows = await self._database.all(STATES)
        return {row["acquirer"]: SaidState(AcquirerState(row["state"]), row["since"], row["said_by"]) for row in rows}

    async def say(self, acquirer: str, state: AcquirerState, who: str, now: datetime) -> None:
        """Sets a state from the next look of each process on; said again it keeps its day."""
        await self._database.do(SAY, acquirer=acquirer, state=state, who=who, now=now)

    async def undecided(self) -> Mapping[str, int]:
        """Payments of which more must become, by acquirer."""
        return {row["acquirer"]: row["payments"] for row in await self._database.all(UNDECIDED)}
