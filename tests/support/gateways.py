"""Texter, mailer and caller that remember what was sent, and texts that say their kind alone."""

from collections import deque
from dataclasses import dataclass, field

from core.payments.table import Payment
from core.ports import DeliveryFailed, OutgoingSms
from core.refunds.model import RefundPart


@dataclass
class FakeGateways:
    """Texter, mailer and caller in one; `failures` are raised first."""

    sms: list[OutgoingSms] = field(default_factory=list)
    mails: list[tuple[str, str]] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failures: deque[Exception] = field(default_factory=deque)

    def _maybe_fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()

    async def send(self, sms: OutgoingSms) -> str:
        self._maybe_fail()
        self.sms.append(sms)
        return f"SM{len(self.sms)}"

    async def send_receipt(self, payment: Payment, address: str, copy: int = 0) -> str:
        self._maybe_fail()
        self.mails.append((payment.id, address))
        self.copies.append(copy)
        return f"<{payment.id}@khallas>"

    async def call(self, payment: Payment) -> str:
        self._maybe_fail()
        self.calls.append(payment.id)
        return f"CA{len(self.calls)}"

    async def close(self) -> None:
        return


class PlainTexts:
    """The kind of text and what it is about."""

    def receipt_sms(self, payment: Payment) -> str:
        return f"receipt {payment.auth_code}"

    def undecided_sms(self, payment: Payment) -> str:
        return f"undecided {payment.reference}"

    def declined_sms(self, payment: Payment) -> str:
        return f"declined {payment.reference}"

    def call_missed_sms(self, payment: Payment) -> str:
        return f"missed {payment.reference}"

    def pay_link_sms(self, payment: Payment) -> str:
        return f"link {payment.reference}"

    def undone_sms(self, payment: Payment) -> str:
        return f"undone {payment.reference}"

    def refund_sms(self, payment: Payment, part: RefundPart, *, paid_elsewhere: bool) -> str:
        return f"{'elsewhere' if paid_elsewhere else 'part'} {part.number} {part.amount_centimes}"


def fails(*, retryable: bool) -> DeliveryFailed:
    """What a gateway says when it takes nothing."""
    return DeliveryFailed("busy" if retryable else "no such number", retryable=retryable)
