"""Refunds in memory, for lab/chaos/memory.py: what SQL guards is guarded here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from core.payments.table import Payment
from core.refunds.model import Refund, RefundState
from core.repositories import MessageKind, PostingState

Io = Callable[[], Awaitable[None]]
TOLD_WITHIN = timedelta(seconds=60)  # as core/database/payments/repository.py


class Bill(Protocol):
    """One line of a payment, as lab/chaos/memory.py keeps it."""

    active: bool
    posting: PostingState | None
    attempts: int
    returned_centimes: int


@dataclass
class Entry:
    """One row."""

    refund: Refund
    due_at: datetime | None


@dataclass
class RefundRows:
    """What outlives every process."""

    entries: list[Entry] = field(default_factory=list)

    def ask(self, payment: Payment, number: str, amount_centimes: int, now: datetime) -> None:
        """A part that the help desk gives back; the caller has reserved it."""
        self._add(payment, number, amount_centimes, RefundState.ASKED, now, whole=False)

    def went_back(self, payment: Payment, bills: dict[str, Bill], now: datetime) -> None:
        """The whole is back: billing is told what it was told before."""
        for invoice in payment.invoices:
            bill = bills[invoice.number]
            rest = invoice.amount_centimes - bill.returned_centimes
            maybe = bill.posting is PostingState.PENDING and bill.attempts > 0
            if rest > 0 and (maybe or bill.posting is PostingState.POSTED):
                due_at = now + TOLD_WITHIN if maybe else now
                self._add(payment, invoice.number, rest, RefundState.CREDITED, due_at, whole=True)

    def _add(
        self, payment: Payment, number: str, amount: int, state: RefundState, due_at: datetime, *, whole: bool
    ) -> None:
        refund = Refund(len(self.entries) + 1, payment.id, number, amount, state, 0, whole)
        self.entries.append(Entry(refund, due_at))

    def of(self, payment_id: str) -> list[Refund]:
        return [entry.refund for entry in self.entries if entry.refund.payment_id == payment_id]


@dataclass
class MemoryRefunds:
    """Implements core.refunds.model.Refunds."""

    before: Io
    after: Io
    rows: RefundRows
    bill_of: Callable[[Refund], Bill]
    tell: Callable[[Refund, MessageKind, datetime], None]
    end: Callable[[str, str], None]  # a payment's credit
    follow: Callable[[str, str, datetime], None]  # the ledger: a payment's event

    async def get(self, refund_id: int) -> Refund | None:
        await self.before()
        return self.rows.entries[refund_id - 1].refund if refund_id <= len(self.rows.entries) else None

    async def of(self, payment_id: str) -> tuple[Refund, ...]:
        await self.before()
        return tuple(self.rows.of(payment_id))

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> list[Refund]:
        await self.before()
        due = [each for each in self._due(now) if each.refund.payment_id == payment_id]
        for entry in due:
            entry.due_at = until
            entry.refund = replace(entry.refund, attempts=entry.refund.attempts + 1)
        await self.after()
        return [entry.refund for entry in due]

    async def due(self, now: datetime, limit: int) -> list[str]:
        await self.before()
        return list(dict.fromkeys(entry.refund.payment_id for entry in self._due(now)))[:limit]

    async def begin(self, refund: Refund, before_centimes: int, now: datetime, until: datetime) -> bool:
        await self.before()
        entry = self.rows.entries[refund.id - 1]
        others = (each.state is RefundState.CREDITING for each in self.rows.of(refund.payment_id))
        if entry.refund.state is not RefundState.ASKED or any(others):
            return False
        entry.refund = replace(entry.refund, state=RefundState.CREDITING, before_centimes=before_centimes)
        entry.due_at = until
        self.follow(refund.payment_id, "part_crediting", now)
        await self.after()
        return True

    async def turn(
        self, refund: Refund, after: RefundState, now: datetime, due_at: datetime | None, *, closed: bool = False
    ) -> bool:
        await self.before()
        entry, bill = self.rows.entries[refund.id - 1], self.bill_of(refund)
        if entry.refund.state is not refund.state:
            return False
        entry.refund, entry.due_at = replace(entry.refund, state=after), due_at
        if after not in {RefundState.CREDITING, RefundState.STUCK}:
            self.end(refund.payment_id, refund.key)
        if after is RefundState.REFUSED:
            bill.returned_centimes -= refund.amount_centimes
        elif after is RefundState.TOLD:
            bill.active = False
        elif after is RefundState.CREDITED:
            self.tell(refund, MessageKind.REFUND_SMS, now)
        self.follow(refund.payment_id, f"part_{after}", now)
        await self.after()
        return True

    async def postpone(self, refund: Refund, due_at: datetime) -> None:
        await self.before()
        entry = self.rows.entries[refund.id - 1]
        if entry.refund.state is refund.state:
            entry.due_at = due_at
        await self.after()

    def _due(self, now: datetime) -> list[Entry]:
        return [entry for entry in self.rows.entries if entry.due_at is not None and entry.due_at <= now]
