"""The real time, behind core's Clock port."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Africa/Casablanca")


class SystemClock:
    """Now, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
