"""A billing system that is down or refuses when told, and tries at codes that are counted in memory."""

from core.billing.invoices import Invoice
from core.payments.table import Payment
from core.ports import BillingDown, BillingSystem, Posting, Tries
from core.refunds.model import Reversal
from core.subscribers.lines import ServiceType, SubscribedLine


class MemoryLimits:
    """Three wrong codes per caller and target, as ports.CodeLimits."""

    def __init__(self) -> None:
        self.wrong: dict[tuple[str, str], int] = {}

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        return Tries.OPEN if self.wrong.get((caller, target), 0) < 3 else Tries.LOCKED

    async def failed(self, channel: str, caller: str, target: str) -> None:
        self.wrong[caller, target] = self.wrong.get((caller, target), 0) + 1


class MoodyBilling:
    """A billing system in front of the embedded one: down, or refusing, when told."""

    def __init__(self, inner: BillingSystem) -> None:
        self._inner = inner
        self.down = False
        self.refuses: set[str] = set()
        self.refuses_reversals = False
        self.reversals: list[tuple[str, int]] = []

    def _up(self) -> BillingSystem:
        if self.down:
            raise BillingDown
        return self._inner

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None:
        return await self._up().line(service, reference)

    async def lines_of(self, msisdn: str) -> tuple[SubscribedLine, ...]:
        return await self._up().lines_of(msisdn)

    async def codes_of(self, msisdn: str) -> tuple[tuple[SubscribedLine, str], ...]:
        return await self._up().codes_of(msisdn)

    async def code_matches(self, service: ServiceType, reference: str, code: str) -> bool:
        return await self._up().code_matches(service, reference, code)

    async def proven(self, service: ServiceType, reference: str, code: str) -> SubscribedLine | None:
        return await self._up().proven(service, reference, code)

    async def code_of(self, service: ServiceType, reference: str) -> str | None:
        return await self._up().code_of(service, reference)

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]:
        return await self._up().unpaid(service, reference)

    async def post(self, payment: Payment, invoice: Invoice) -> Posting:
        inner = self._up()
        return Posting.REFUSED if invoice.number in self.refuses else await inner.post(payment, invoice)

    async def reverse(self, reversal: Reversal) -> Posting:
        inner = self._up()
        self.reversals.append((reversal.number, reversal.amount_centimes))
        return Posting.REFUSED if self.refuses_reversals else await inner.reverse(reversal)
