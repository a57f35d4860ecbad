"""The outbox and the people in memory, for lab/chaos/memory.py."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.languages import LanguageCode
from core.payments.consent import Consent
from core.payments.table import Payment
from core.repositories import Calls, Delivery, Message, MessageKind, message_reference
from core.subscribers.lines import reachable

Io = Callable[[], Awaitable[None]]


@dataclass
class Entry:
    """One message."""

    message: Message
    due_at: datetime | None
    attempts: int = 0
    status: Delivery = Delivery.QUEUED
    queued_at: datetime | None = None


@dataclass
class MemoryMessages:
    """Implements core.repositories.Messages."""

    before: Io
    after: Io
    entries: dict[str, Entry] = field(default_factory=dict)

    def put(self, payment: Payment, kinds: tuple[MessageKind, ...], now: datetime, number: int | None = None) -> None:
        """Once a reference, nothing for who cannot be reached: part of the commit that calls it."""
        for kind in kinds:
            recipient = payment.email if kind is MessageKind.RECEIPT_MAIL else payment.payer_msisdn
            reference = message_reference(payment.id, kind, payment.attempts if number is None else number)
            if recipient and (kind is MessageKind.RECEIPT_MAIL or reachable(recipient)):
                entry = Entry(Message(reference, kind, payment.id, recipient, 0), now, queued_at=now)
                self.entries.setdefault(reference, entry)

    def about(self, payment: Payment, kind: MessageKind, key: str, now: datetime) -> None:
        """One that is filed under a bill or a refund."""
        reference = f"{payment.id}-{kind}-{key}"
        if reachable(payment.payer_msisdn):
            message = Message(reference, kind, payment.id, payment.payer_msisdn, 0)
            self.entries.setdefault(reference, Entry(message, now, queued_at=now))

    async def queue(self, payment: Payment, kind: MessageKind, now: datetime) -> None:
        await self.before()
        self.put(payment, (kind,), now)
        await self.after()

    async def queue_call(self, payment: Payment, now: datetime, since: datetime, calls: Calls) -> bool:
        await self.before()
        rung = [e for e in self.entries.values() if e.message.payment_id == payment.id]
        rung = [e for e in rung if e.message.kind is MessageKind.OUTGOING_CALL]
        if any(e.due_at or (e.queued_at or now) > since for e in rung):
            return True
        if len(rung) >= calls.payment_max:
            return False
        self.put(payment, (MessageKind.OUTGOING_CALL,), now, len(rung))
        await self.after()
        return True

    async def claim(self, reference: str, now: datetime, until: datetime) -> Message | None:
        await self.before()
        entry = self.entries[reference]
        if entry.due_at is None or entry.due_at > now:
            return None
        entry.due_at, entry.attempts = until, entry.attempts + 1
        await self.after()
        known = entry.message
        return Message(known.reference, known.kind, known.payment_id, known.recipient, entry.attempts)

    async def due(self, now: datetime, limit: int) -> list[str]:
        await self.before()
        return [key for key, entry in self.entries.items() if entry.due_at is not None and entry.due_at <= now][:limit]

    async def sent(self, reference: str, provider_id: str, now: datetime) -> None:
        await self.before()
        entry = self.entries[reference]
        entry.due_at, entry.status = None, Delivery.SENT
        await self.after()

    async def failed(self, reference: str, why: str, now: datetime, again_at: datetime | None) -> None:
        await self.before()
        entry = self.entries[reference]
        entry.due_at = again_at
        entry.status = Delivery.FAILED if again_at is None else entry.status
        await self.after()

    async def call_ended(self, provider_id: str, why: str, now: datetime, pauses_s: Sequence[int]) -> bool:
        raise NotImplementedError("reports come from gateways")

    async def postponed(self, reference: str, why: str, now: datetime, again_at: datetime, since: datetime) -> bool:
        await self.before()
        self.entries[reference].due_at = again_at
        return True

    async def release(self, reference: str, now: datetime) -> bool:
        raise NotImplementedError("answers are the channels'")

    async def record(
        self,
        reference: str,
        kind: str,
        recipient: str,
        now: datetime,
        *,
        status: Delivery,
        provider_id: str | None = None,
        route: str | None = None,
    ) -> None:
        raise NotImplementedError("answers are the channels'")

    async def report(
        self,
        status: Delivery,
        now: datetime,
        *,
        reference: str | None = None,
        provider_id: str | None = None,
        error: str | None = None,
    ) -> bool:
        raise NotImplementedError("reports come from gateways")


class NoPeople:
    """Implements core.repositories.People: nobody is remembered."""

    async def remembered(self, msisdn: str) -> tuple[LanguageCode | None, str | None]:
        return None, None

    async def remember_language(self, msisdn: str, language: LanguageCode, now: datetime) -> None:
        return None

    async def consent(self, consent: Consent) -> None:
        return None
