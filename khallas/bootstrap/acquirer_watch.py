"""What operators say of acquirers, heard by every process that runs, and whether its own circuits are open: looked at
at its start and every LOOK_EVERY_S."""

import logging
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from psycopg import Error

from core.acquirers.registry import AcquirerRegistry
from core.database.pool import Database
from core.database.settlement.acquirer_states import PgAcquirerStates
from core.repositories import DatabaseUnavailable
from khallas.telemetry.periodic import repeated

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0


class Circuits(Protocol):
    """Where it is told whether an acquirer's circuit is open."""

    def circuit(self, acquirer: str, *, shut: bool) -> None: ...


class AcquirerWatch:
    """Looks, and tells the registry and whoever counts."""

    def __init__(self, database: Database, registry: AcquirerRegistry, circuits: Circuits) -> None:
        self._states = PgAcquirerStates(database)
        self._registry = registry
        self._circuits = circuits

    async def look(self) -> None:
        """Once; without a database what was said last stays."""
        for each in self._registry.terms():
            self._circuits.circuit(each.id, shut=self._registry.shut(each.id))
        try:
            states = await self._states.all()
        except (DatabaseUnavailable, Error) as error:
            log.warning("what operators say of acquirers could not be read: %s", type(error).__name__)
            return
        self._registry.say({acquirer: each.state for acquirer, each in states.items()})

    def watched(self, every_s: float = LOOK_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Watches for as long as the block lasts."""
        return repeated(self.look, every_s, "acquirers")
