"""The real time, behind core's Clock port."""

from datetime import UTC, datetime

from core.zone import ZONE

__all__ = ["ZONE", "SystemClock"]


class SystemClock:
    """Implements core.ports.Clock by the machine's own time, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
