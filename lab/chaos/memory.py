"""The till's books in memory, with the rules of core/database: what SQL guards is guarded here.

Rule of this file: every method gives the world a chance to fail it before it writes, and after; what it writes, it
writes at once, as one commit does.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.messaging.receipts import receipt_number
from core.payments.table import (
    ACTIVE,
    KEEPS_LOCKS,
    IllegalMove,
    Payment,
    PaymentEvent,
    PaymentState,
    after,
    sources,
    target,
)
from core.repositories import BillsTaken, Change, KeyTaken, NewPayment, PostingState, ReferenceTaken
from core.subscribers.lines import ServiceType
from lab.chaos.memory_ledger import LedgerRows
from lab.chaos.memory_messages import MemoryMessages
from lab.chaos.memory_refunds import RefundRows

ENDED = frozenset({PaymentEvent.VOIDED, PaymentEvent.REFUNDED})
OPEN = frozenset({PaymentState.CREATED, PaymentState.SENDING, PaymentState.CHALLENGE, PaymentState.UNKNOWN})

Io = Callable[[], Awaitable[None]]  # time passes; raises DatabaseUnavailable when the database is away


@dataclass
class Bill:
    """One line of a payment: its lock, and how far billing was told."""

    active: bool = True
    posting: PostingState | None = None
    attempts: int = 0
    due_at: datetime | None = None
    returned_centimes: int = 0


@dataclass
class Row:
    """One payment and what belongs to it."""

    payment: Payment
    key: str
    fingerprint: str
    due_at: datetime | None
    bills: dict[str, Bill]
    story: list[tuple[PaymentState, PaymentEvent, PaymentState]] = field(default_factory=list)


@dataclass
class MemoryPayments:
    """Implements core.repositories.Payments."""

    before: Io
    after: Io
    messages: MemoryMessages
    refunds: RefundRows
    ledger: LedgerRows
    rows: dict[str, Row] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)  # payment ids, in the order of their numbers
    year: int = 2026

    async def get(self, payment_id: str) -> Payment | None:
        await self.before()
        row = self.rows.get(payment_id)
        return row.payment if row else None

    async def by_key(self, idempotency_key: str) -> tuple[Payment, str] | None:
        await self.before()
        found = (row for row in self.rows.values() if row.key == idempotency_key)
        return next(((row.payment, row.fingerprint) for row in found), None)

    async def by_reference(self, reference: str, now: datetime) -> Payment | None:
        await self.before()
        found = (row.payment for row in self.rows.values() if row.payment.reference == reference)
        return next((payment for payment in found if payment.state in OPEN), None)

    async def by_token(self, token: str) -> Payment | None:
        await self.before()
        return next((row.payment for row in self.rows.values() if row.payment.receipt_token == token), None)

    async def open_of(self, msisdn: str, now: datetime) -> Payment | None:
        await self.before()
        found = [row.payment for row in self.rows.values() if row.payment.payer_msisdn == msisdn]
        return next((payment for payment in reversed(found) if payment.state in OPEN), None)

    async def has_paid(self, msisdn: str, service: ServiceType, reference: str) -> bool:
        await self.before()
        line = (msisdn, service, reference, PaymentState.CAPTURED)
        paid = (row.payment for row in self.rows.values())
        return any((each.payer_msisdn, each.service, each.line_reference, each.state) == line for each in paid)

    async def add(self, draft: NewPayment) -> None:
        await self.before()
        payment = draft.payment
        if any(row.key == draft.idempotency_key for row in self.rows.values()):
            raise KeyTaken
        if any(row.payment.reference == payment.reference and row.payment.state in OPEN for row in self.rows.values()):
            raise ReferenceTaken
        numbers = [invoice.number for invoice in payment.invoices]
        self._end(payment.service, payment.line_reference, numbers, payment.created_at)
        self._free_or_raise(payment)
        bills = {number: Bill() for number in numbers}
        self.rows[payment.id] = Row(payment, draft.idempotency_key, draft.fingerprint, payment.expires_at, bills)
        await self.after()

    async def release(
        self, service: ServiceType, reference: str, numbers: Sequence[str], payer_msisdn: str, now: datetime
    ) -> int:
        await self.before()
        ended = self._end(service, reference, numbers, now)
        if ended:
            await self.after()
        return ended

    def _end(self, service: ServiceType, reference: str, numbers: Sequence[str], now: datetime) -> int:
        gone = [
            row
            for row in self._holders(service, reference)
            if any(bill.active and number in numbers for number, bill in row.bills.items())
        ]
        if any(row.payment.state is not PaymentState.CREATED for row in gone):
            return 0
        for row in gone:
            self._write(row, Change(PaymentEvent.EXPIRE), now)
            self.ledger.follow(row.payment.id, PaymentEvent.EXPIRE, now)
        return len(gone)

    async def held(self, service: ServiceType, reference: str) -> dict[str, PaymentState]:
        await self.before()
        return {
            number: row.payment.state
            for row in self._holders(service, reference)
            for number, bill in row.bills.items()
            if bill.active and row.payment.state is not PaymentState.CREATED
        }

    async def move(self, payment_id: str, change: Change, now: datetime) -> Payment:
        await self.before()
        payment = self._write(self._guarded(payment_id, change), change, now)
        self.ledger.follow(payment_id, change.event, now)
        await self.after()
        return payment

    async def resend(self, payment_id: str, refused: Change, send: Change, now: datetime) -> Payment:
        await self.before()
        row = self._guarded(payment_id, refused)
        before, bills = row.payment, {number: replace(bill) for number, bill in row.bills.items()}
        self._write(row, refused, now)
        try:
            payment = self._write(self._guarded(payment_id, send), send, now)
        except (BillsTaken, IllegalMove):
            row.payment, row.bills = before, bills
            raise
        self.ledger.follow(payment_id, send.event, now)
        await self.after()
        return payment

    async def free(self, payment_id: str, attempt: int) -> Payment | None:
        await self.before()
        row = self.rows[payment_id]
        if row.payment.state is not PaymentState.DECLINED or row.payment.attempts != attempt:
            return None
        row.payment = replace(row.payment, acquirer_free=True)
        await self.after()
        return row.payment

    async def capture(self, payment_id: str, change: Change, now: datetime, token: str) -> Payment:
        await self.before()
        row = self._guarded(payment_id, change)
        payment = self._write(row, change, now)
        self.receipts.append(payment_id)
        for bill in row.bills.values():
            bill.posting, bill.due_at = PostingState.PENDING, now
        number = receipt_number(self.year, len(self.receipts))
        approved = payment.approved_centimes or payment.amount_centimes
        row.payment = replace(
            payment, receipt_number=number, receipt_token=token, paid_at=now, approved_centimes=approved
        )
        self.ledger.follow(payment_id, change.event, now)
        await self.after()
        return row.payment

    async def look_again(self, payment_id: str, state: PaymentState, due_at: datetime | None) -> None:
        await self.before()
        row = self.rows[payment_id]
        if row.payment.state is state:
            row.due_at = due_at
        await self.after()

    async def wait_until(self, payment_id: str, until: datetime, now: datetime) -> Payment | None:
        await self.before()
        row = self.rows[payment_id]
        waits = row.payment.state in {PaymentState.CREATED, PaymentState.DECLINED} and row.payment.expires_at > now
        if waits:
            row.payment = replace(row.payment, expires_at=max(row.payment.expires_at, until))
        await self.after()
        return row.payment if waits else None

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> bool:
        await self.before()
        row = self.rows[payment_id]
        if row.due_at is None or row.due_at > now:
            return False
        row.due_at = until
        await self.after()
        return True

    async def hanging(self, limit: int) -> list[str]:
        await self.before()
        return [key for key, row in self.rows.items() if row.payment.state is PaymentState.SENDING][:limit]

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[str]:
        await self.before()
        due = [key for key, row in self.rows.items() if row.due_at is not None and row.due_at <= now][:limit]
        for key in due:
            self.rows[key].due_at = until
        await self.after()
        return due

    def _holders(self, service: ServiceType, reference: str) -> list[Row]:
        line = (service, reference)
        return [row for row in self.rows.values() if (row.payment.service, row.payment.line_reference) == line]

    def _free_or_raise(self, payment: Payment) -> None:
        """The partial unique index on active lines."""
        numbers = {invoice.number for invoice in payment.invoices}
        for row in self._holders(payment.service, payment.line_reference):
            others = row.payment.id != payment.id
            if others and any(bill.active and number in numbers for number, bill in row.bills.items()):
                raise BillsTaken

    def _guarded(self, payment_id: str, change: Change) -> Row:
        row = self.rows.get(payment_id)
        if row is None:
            raise LookupError("no such payment")
        allowed = sources(change.event) & (change.only or sources(change.event))
        attempt = row.payment.attempts if change.attempt is None else change.attempt
        asked = change.asked or row.payment.acquirer
        if row.payment.state not in allowed or row.payment.attempts != attempt or row.payment.acquirer != asked:
            raise IllegalMove(row.payment.state, change.event)
        tied = row.payment.state is not PaymentState.CREATED and not row.payment.acquirer_free
        if change.acquirer not in {None, row.payment.acquirer} and tied:
            raise IllegalMove(row.payment.state, change.event)
        return row

    def _write(self, row: Row, change: Change, now: datetime) -> Payment:
        payment, state = row.payment, target(change.event)
        if change.event not in KEEPS_LOCKS:
            holds = state in ACTIVE and not change.lets_go
            if holds:
                self._free_or_raise(payment)
            for bill in row.bills.values():
                bill.active = holds
        row.story.append((payment.state, change.event, state))
        row.due_at = change.due_at
        sends = change.event is PaymentEvent.SEND
        row.payment = replace(
            payment,
            state=state,
            attempts=payment.attempts + sends,
            sent_at=now if sends else payment.sent_at,
            page_until=change.page_until,
            by_hand=change.by_hand,
            declines=payment.declines + change.counts_as_decline,
            decline_kind=change.decline_kind or payment.decline_kind,
            challenge=change.challenge,
            auth_code=change.auth_code or payment.auth_code,
            transaction_number=change.transaction_number or payment.transaction_number,
            approved_centimes=change.approved_centimes or payment.approved_centimes,
            expires_at=max(payment.expires_at, change.extend_to or payment.expires_at),
            acquirer=change.acquirer or payment.acquirer,
            acquirer_free=change.frees,
        )
        self.messages.put(row.payment, change.messages, now)
        if change.event in ENDED:
            for bill in row.bills.values():
                if bill.posting is PostingState.REFUSED:
                    bill.posting, bill.due_at = PostingState.CREDITED, None
            self.refunds.went_back(row.payment, {**row.bills}, now)
        return row.payment


def illegal_steps(row: Row) -> list[tuple[PaymentState, PaymentEvent, PaymentState]]:
    """Steps of a payment's story that the table does not know."""
    wrong = []
    for before, event, state in row.story:
        try:
            legal = after(before, event) is state
        except IllegalMove:
            legal = False
        if not legal:
            wrong.append((before, event, state))
    return wrong
