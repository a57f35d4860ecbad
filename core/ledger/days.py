"""Days of the books, in Morocco, and the chain that their hashes make. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core.hash_chain import Fields, canonical
from core.ledger.balances import Sums
from core.zone import ZONE

CLOSES_AT = time(0, 30)  # local, of the day after


def day_of(at: datetime) -> date:
    """The day a moment belongs to."""
    return at.astimezone(ZONE).date()


def bounds(day: date) -> tuple[datetime, datetime]:
    """The midnights at which a day begins and ends, in UTC; a day of a change of the clocks is longer or shorter."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def last_over(now: datetime) -> date:
    """The latest day that can be closed now: yesterday, from half past midnight on."""
    local = now.astimezone(ZONE)
    return local.date() - timedelta(days=1 if local.time() >= CLOSES_AT else 2)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


class RowsHash:
    """SHA-256 over a day's rows in the order of their ids, taken one by one."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.rows_count = 0

    def take(self, row: Fields) -> None:
        self._digest.update(canonical(row) + b"\n")
        self.rows_count += 1

    def digest(self) -> bytes:
        return self._digest.digest()


@dataclass(frozen=True, slots=True)
class Closing:
    """The content that a day's link in the chain covers."""

    number: int
    day: date
    rows_count: int
    rows_hash: bytes
    totals: Mapping[tuple[str, str], Sums]  # up to the day's end

    def fields(self) -> Fields:
        """The fields of a link, for core.hash_chain."""
        parts = [
            f"{account} {currency} {each.debits_centimes} {each.credits_centimes}"
            for (account, currency), each in sorted(self.totals.items())
        ]
        return {
            "day": self.day,
            "rows": self.rows_count,
            "rows_hash": self.rows_hash.hex(),
            "totals": "\n".join(parts),
        }
