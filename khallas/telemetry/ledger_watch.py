"""The ledger's equations, looked at by whoever works jobs: at its start and every LOOK_EVERY_S.

One look reads the payments' tables once; a failing equation is a metric that pages, and named in the log.
"""

import logging
from contextlib import AbstractAsyncContextManager

from psycopg import Error

from core.database.ledger.reading import LedgerReader
from core.database.pool import Database
from core.ledger.balances import BalanceSheet, fails
from core.ports import Clock
from core.repositories import DatabaseUnavailable
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.periodic import repeated

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3_600.0


class LedgerWatch:
    """Looks, and tells the metrics."""

    def __init__(self, database: Database, clock: Clock, metrics: PaymentMetrics) -> None:
        self._reader = LedgerReader(database)
        self._clock = clock
        self._metrics = metrics

    async def look(self) -> BalanceSheet:
        """Looks once. Raises DatabaseUnavailable."""
        sheet = await self._reader.sheet(self._clock.now())
        for equation in sheet.equations:
            if not equation.holds:
                sides = f"{equation.left_centimes} and {equation.right_centimes} centimes"
                log.error("ledger: %s does not hold: %s: %s", equation.name, equation.says, sides)
        for difference in sheet.differences:
            log.error("ledger: payment %s: %d centimes differ", difference.payment_id, difference.centimes)
        self._metrics.books(fails(sheet.equations), len(sheet.doubts))
        return sheet

    def watched(self, every_s: float = LOOK_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Watches the ledger's equations for as long as the block lasts."""
        return repeated(self._tried, every_s, "ledger")

    async def _tried(self) -> None:
        try:
            await self.look()
        except (DatabaseUnavailable, Error) as error:
            log.warning("the ledger could not be looked at: %s", type(error).__name__)
