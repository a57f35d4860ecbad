"""What operators say of acquirers, heard by every process that runs: at its start and every LOOK_EVERY_S."""

import logging
from contextlib import AbstractAsyncContextManager

from psycopg import Error

from core.acquirers.registry import AcquirerRegistry
from core.database.pool import Database
from core.database.settlement.acquirer_states import PgAcquirerStates
from core.repositories import DatabaseUnavailable
from khallas.telemetry.periodic import repeated

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0


class AcquirerWatch:
    """Looks, and tells the registry."""

    def __init__(self, database: Database, registry: AcquirerRegistry) -> None:
        self._states = PgAcquirerStates(database)
        self._registry = registry

    async def look(self) -> None:
        """Once; without a database what was said last stays."""
        try:
            states = await self._states.all()
        except (DatabaseUnavailable, Error) as error:
            log.warning("what operators say of acquirers could not be read: %s", type(error).__name__)
            return
        self._registry.say({acquirer: each.state for acquirer, each in states.items()})

    def watched(self, every_s: float = LOOK_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Watches for as long as the block lasts."""
        return repeated(self.look, every_s, "acquirers")
