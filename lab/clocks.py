"""Clocks of tests and of chaos: one that stands until it is moved, and the real time moved on. Both implement
core.ports.Clock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class StillClock:
    """Stands until it is moved."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(slots=True)
class AdvancedClock:
    """The real time, and as much more as it was moved on."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
