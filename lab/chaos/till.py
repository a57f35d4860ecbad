"""A till over a real database, without a door: for storms that would only wait for doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.billing.embedded import EmbeddedBilling
from core.billpay import Till, World
from core.database.books import books_on
from core.database.pool import Database, make_pool
from core.outbox import Gateways, Sender
from core.payment import Payment
from core.ports import Acquirer, Clock, Sms
from core.posting import Poster
from core.refunds import Part
from core.sweeps import Sweep
from core.timing import Times
from lab.chaos.sim_world import NoLimits

DRAIN_S = 10.0


class Silent:
    """Gateways that take everything, and say little."""

    async def send(self, sms: Sms) -> str:
        return sms.reference

    async def send_receipt(self, payment: Payment, address: str, copy: int = 0) -> str:
        return payment.id

    async def call(self, payment: Payment) -> str:
        return payment.id

    def receipt_sms(self, payment: Payment) -> str:
        return payment.id

    undecided_sms = declined_sms = undone_sms = receipt_sms

    def refund_sms(self, payment: Payment, part: Part, *, paid_elsewhere: bool) -> str:
        return payment.id


@dataclass(frozen=True, slots=True)
class OpenTill:
    """The till, what looks after it, and its database."""

    till: Till
    sweep: Sweep
    database: Database


@asynccontextmanager
async def open_till(
    database_url: str, acquirer: Acquirer, clock: Clock, times: Times, *, connections_max: int = 10
) -> AsyncIterator[OpenTill]:
    """Within the block; what was sent is waited for at its end."""
    async with make_pool(database_url, connections_max=connections_max) as pool:
        database = Database(pool)
        books, billing, silent = books_on(database), EmbeddedBilling(database, clock), Silent()
        till = Till(World(books, billing, acquirer, NoLimits(), clock), times=times)
        poster = Poster(books, billing, acquirer, clock, times)
        sender = Sender(books, Gateways(silent, silent, silent, silent), clock, times)
        yield OpenTill(till, Sweep(books, till.attendant, poster, sender, clock, times), database)
        await till.drain(DRAIN_S)
