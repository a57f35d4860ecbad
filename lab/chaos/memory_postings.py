"""Postings in memory, over the rows of lab/chaos/memory.py: what SQL guards is guarded here."""

from dataclasses import dataclass
from datetime import datetime

from core.repositories import LinePosting, MessageKind, PostingState
from lab.chaos.memory import Io, Row
from lab.chaos.memory_credits import CreditRows
from lab.chaos.memory_ledger import LedgerRows
from lab.chaos.memory_messages import MemoryMessages

UNDER_WAY = frozenset({PostingState.CREDITING, PostingState.STUCK})


@dataclass
class MemoryPostings:
    """Implements core.repositories.Postings, over the same rows."""

    before: Io
    after: Io
    rows: dict[str, Row]
    messages: MemoryMessages
    credits: CreditRows
    ledger: LedgerRows

    async def of(self, payment_id: str) -> list[LinePosting]:
        await self.before()
        row = self.rows[payment_id]
        lines = ((invoice, row.bills[invoice.number]) for invoice in row.payment.invoices)
        return [LinePosting(invoice, bill.posting, bill.attempts) for invoice, bill in lines if bill.posting]

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> list[LinePosting]:
        await self.before()
        row, claimed = self.rows[payment_id], []
        for invoice in row.payment.invoices:
            bill = row.bills[invoice.number]
            if bill.posting is not None and bill.due_at is not None and bill.due_at <= now:
                bill.due_at, bill.attempts = until, bill.attempts + 1
                claimed.append(LinePosting(invoice, bill.posting, bill.attempts))
        await self.after()
        return claimed

    async def due(self, now: datetime, limit: int) -> list[str]:
        await self.before()
        bills = ((key, bill) for key, row in self.rows.items() for bill in row.bills.values())
        return list(dict.fromkeys(key for key, bill in bills if bill.due_at is not None and bill.due_at <= now))[:limit]

    async def turn(
        self,
        payment_id: str,
        number: str,
        before: PostingState,
        after: PostingState,
        now: datetime,
        due_at: datetime | None,
    ) -> bool:
        await self.before()
        bill = self.rows[payment_id].bills[number]
        if bill.posting is not before:
            return False
        bill.posting, bill.due_at = after, due_at
        if after not in UNDER_WAY:
            self.credits.ended(payment_id, number)
        if before in UNDER_WAY and after is PostingState.CREDITED:
            self.messages.about(self.rows[payment_id].payment, MessageKind.REFUND_SMS, number, now)
        self.ledger.follow(payment_id, f"bill_{after}", now)
        await self.after()
        return True

    async def postpone(self, payment_id: str, number: str, state: PostingState, due_at: datetime | None) -> None:
        await self.before()
        bill = self.rows[payment_id].bills[number]
        if bill.posting is state:
            bill.due_at = due_at
        await self.after()
