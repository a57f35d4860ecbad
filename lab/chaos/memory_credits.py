"""Credits under way in memory: what SQL guards is guarded here."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from core.refunds.credits import Credit
from lab.chaos.memory_refunds import Io


@dataclass
class CreditRows:
    """What outlives every process: payment id -> its one credit."""

    under_way: dict[str, Credit] = field(default_factory=dict)

    def ended(self, payment_id: str, key: str) -> None:
        found = self.under_way.get(payment_id)
        if found is not None and found.key == key:
            del self.under_way[payment_id]


@dataclass
class MemoryCredits:
    """Implements core.refunds.credits.Credits."""

    before: Io
    after: Io
    rows: CreditRows

    async def begin(
        self, payment_id: str, key: str, amount_centimes: int, before_centimes: int, now: datetime
    ) -> Credit | None:
        await self.before()
        credit = Credit(payment_id, key, amount_centimes, before_centimes, 0, answered=False, asked_at=now)
        found = self.rows.under_way.setdefault(payment_id, credit)
        await self.after()
        return found if found.key == key else None

    async def of(self, payment_id: str, key: str) -> Credit | None:
        await self.before()
        return self._of(payment_id, key)

    async def asking(self, credit: Credit, now: datetime) -> Credit | None:
        await self.before()
        found = self._of(credit.payment_id, credit.key)
        if found is None or found.asks != credit.asks:
            return None
        asked = replace(found, asks=found.asks + 1, answered=False, asked_at=now)
        self.rows.under_way[credit.payment_id] = asked
        await self.after()
        return asked

    async def answered(self, credit: Credit) -> None:
        await self.before()
        found = self._of(credit.payment_id, credit.key)
        if found is not None and found.asks == credit.asks:
            self.rows.under_way[credit.payment_id] = replace(found, answered=True)
        await self.after()

    async def end(self, payment_id: str, key: str) -> None:
        await self.before()
        self.rows.ended(payment_id, key)
        await self.after()

    def _of(self, payment_id: str, key: str) -> Credit | None:
        found = self.rows.under_way.get(payment_id)
        return found if found is not None and found.key == key else None
