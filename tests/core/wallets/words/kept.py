"""Attempts that are written nowhere: every call is kept with all it was told, and answered as the test says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.payments.refusal import Refusal
from core.payments.table import Payment
from core.wallets.attempts import AttemptState, AttemptUpdate, WalletRecord, WalletReversal, WalletTaking
from core.wallets.port import WalletPaid

Call = tuple[Any, ...]


@dataclass
class KeptAttempts:
    """Implements core.wallets.attempts.WalletAttempts; `calls` in their order."""

    calls: list[Call] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)  # of the next updates
    claimed: list[WalletRecord] = field(default_factory=list)
    records: list[WalletRecord] = field(default_factory=list)
    prompted: int = 0
    moved_on: bool = False  # somebody else was faster
    landed: AttemptState | None = AttemptState.PAID
    reversal: WalletReversal | None = None
    takings: list[WalletTaking | None] = field(default_factory=list)
    preferred: str | None = None

    def _kept(self, *call: object) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.calls.append(call)

    async def begin(self, record: WalletRecord, send: Any, now: datetime, due_at: datetime) -> Payment:
        self._kept("begin", record, send, now, due_at)
        return record  # type: ignore[return-value]  # whoever began it gets it

    async def leave(self, payment_id: str, due_at: datetime) -> None:
        self._kept("leave", payment_id, due_at)

    async def get(self, reference: str) -> WalletRecord | None:
        return next((each for each in self.records if each.attempt.reference == reference), None)

    async def of(self, payment_id: str) -> list[WalletRecord]:
        return self.records

    async def provider_of(self, payer_msisdn: str) -> str | None:
        self._kept("provider_of", payer_msisdn)
        return self.preferred

    async def prompts(self, payer_msisdn: str, since: datetime) -> int:
        self._kept("prompts", payer_msisdn, since)
        return self.prompted

    async def claim(self, reference: str, now: datetime, until: datetime) -> WalletRecord | None:
        self._kept("claim", reference, now, until)
        return self.claimed[0] if self.claimed else None

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[WalletRecord]:
        self._kept("claim_due", now, until, limit)
        return self.claimed

    async def asking(self, record: WalletRecord, now: datetime, due_at: datetime) -> bool:
        self._kept("asking", now, due_at)
        return not self.moved_on

    async def update(self, record: WalletRecord, update: AttemptUpdate) -> bool:
        self._kept("update", update)
        return True

    async def end(self, record: WalletRecord, update: AttemptUpdate, change: Any, now: datetime) -> bool:
        self._kept("end", update, change, now)
        return not self.moved_on

    async def land(self, record: WalletRecord, paid: WalletPaid, now: datetime, token: str) -> AttemptState | None:
        self._kept("land", paid, now)
        return self.landed

    async def to_people(self, record: WalletRecord, why: str, now: datetime) -> None:
        self._kept("to_people", why, now)

    async def learn(self, provider: str, reference: str, handle: str | None, now: datetime) -> bool:
        self._kept("learn", provider, reference, handle, now)
        return True

    async def reversing(
        self, record: WalletRecord, amount_centimes: int, fresh: str, now: datetime
    ) -> WalletReversal | None:
        self._kept("reversing", amount_centimes, now)
        return self.reversal

    async def reversed_(self, reversal: WalletReversal, *, done: bool, detail: str, now: datetime) -> None:
        self._kept("reversed", reversal.reference, done, detail, now)

    async def paid_by(self, payment_id: str) -> WalletTaking | None:
        return self.takings.pop(0) if len(self.takings) > 1 else next(iter(self.takings), None)


@dataclass
class OneTill:
    """In the place of the payments' service: lets one payment be sent."""

    payment: Payment

    async def send_otherwise(
        self,
        payment_id: str,
        commit: Callable[[Payment], Awaitable[Payment | Refusal]],
        *,
        known: Payment | None = None,
    ) -> Payment | Refusal:
        return await commit(self.payment)
