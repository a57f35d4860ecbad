"""The doors' hours, copied from Redis into the books by whoever works jobs: a month's report outlives Redis.

An hour's hash only grows, so a copy may be made again and by several. What Redis loses within an hour before it was
copied is not counted.
"""

import logging
from contextlib import AbstractAsyncContextManager

from psycopg import Error

from core.database.help_desk.service_report import PgServiceReports
from core.help_desk.operations import HOURS, UsageDown
from core.ports import Clock
from core.repositories import DatabaseUnavailable
from khallas.telemetry.periodic import repeated
from khallas.telemetry.usage import HoursReader

log = logging.getLogger(__name__)

COPY_EVERY_S = 300.0
AGAIN_HOURS = 2  # the one that runs, and the one before: processes count into it for some seconds more


class ServiceHours:
    """Copies; the first time all that Redis still has."""

    def __init__(self, hours: HoursReader, reports: PgServiceReports, clock: Clock) -> None:
        self._hours = hours
        self._reports = reports
        self._clock = clock
        self._back = HOURS

    async def copy(self) -> None:
        """Copies once. Raises UsageDown, DatabaseUnavailable."""
        for hour, counts in await self._hours.read(self._clock.now(), self._back):
            if counts:
                await self._reports.keep(hour, counts)
        self._back = AGAIN_HOURS

    def running(self, every_s: float = COPY_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Copies for as long as the block lasts."""
        return repeated(self._tried, every_s, "service hours")

    async def _tried(self) -> None:
        try:
            await self.copy()
        except (UsageDown, DatabaseUnavailable, Error) as error:
            log.warning("the doors' hours could not be copied: %s", type(error).__name__)
