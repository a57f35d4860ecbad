"""A till over a real database, without a door: for storms that would only wait for doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.acquirers.registry import AcquirerRegistry, only
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.payments.table import Payment
from core.ports import Acquirer, Clock, OutgoingSms
from core.refunds.model import RefundPart
from lab.chaos.sim_world import NoLimits

DRAIN_S = 10.0


class Silent:
    """Gateways that take everything, and say little."""

    async def send(self, sms: OutgoingSms) -> str:
        return sms.reference

    async def send_receipt(self, payment: Payment, address: str, copy: int = 0) -> str:
        return payment.id

    async def call(self, payment: Payment) -> str:
        return payment.id

    async def close(self) -> None:
        return

    def receipt_sms(self, payment: Payment) -> str:
        return payment.id

    undecided_sms = declined_sms = undone_sms = call_missed_sms = pay_link_sms = receipt_sms

    def refund_sms(self, payment: Payment, part: RefundPart, *, paid_elsewhere: bool) -> str:
        return payment.id


@dataclass(frozen=True, slots=True)
class OpenTill:
    """The till, what looks after it, and its database."""

    till: PaymentService
    sweep: Sweep
    database: Database


@asynccontextmanager
async def open_till(
    database_url: str, acquirer: Acquirer | AcquirerRegistry, clock: Clock, times: Times, *, connections_max: int = 10
) -> AsyncIterator[OpenTill]:
    """Within the block; what was sent is waited for at its end. `acquirer`: the only one, or all of them."""
    acquirers = acquirer if isinstance(acquirer, AcquirerRegistry) else only(acquirer)
    async with make_pool(database_url, connections_max=connections_max) as pool:
        database = Database(pool)
        books, billing, silent = books_on(database), EmbeddedBilling(database, clock), Silent()
        till = PaymentService(Ports(books, billing, acquirers, NoLimits(), clock), times=times)
        poster = Poster(books, billing, acquirers, clock, times)
        sender = OutboxSender(books, Gateways(silent, silent, silent, silent), clock, times)
        yield OpenTill(till, Sweep(books, till.attendant, poster, sender, clock, times), database)
        await till.drain(DRAIN_S)
