"""A till over a real PostgreSQL, in a world that does as it is told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date

import pytest
from procrastinate import App

from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.billing.invoices import Invoice
from core.billing.posting import Poster
from core.database.jobs import Work, build_jobs
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.languages import LanguageCode
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.orders import StartOrder
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.payments.table import Payment, PaymentState
from core.repositories import Repositories
from core.subscribers.lines import ServiceType
from lab.clocks import StillClock
from tests.core.ledger.ledgers import unfollowed
from tests.support.bank import CARD, CVV, FakeBank
from tests.support.billing import MemoryLimits, MoodyBilling
from tests.support.gateways import FakeGateways, PlainTexts
from tests.support.queue import work_off
from tests.support.waiting import WAIT_MAX_S

PAYER = "+212600000001"
STRANGER = "+212600000009"
NO_PAUSES_S = (0.0, 0.0, 0.0)  # between tries to write an answer down
BILL = Invoice("0000171682062019", date(2019, 5, 1), 76920, date(2019, 6, 25))

LINES = """
INSERT INTO lines (service, reference, holder, contact_msisdn, email, payment_code, language, updated_at) VALUES
('mobile', '0600000001', 'Salma Demo', '+212600000001', 'salma@example.com', '012345', 'fr', now()),
('mobile', '0600000003', 'Imane Demo', '+212600000003', NULL, '300518', 'fr', now()),
('internet', '7710345', 'Imane Demo', '+212600000003', NULL, '905533', 'fr', now())
"""

INVOICES = """
INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at) VALUES
('mobile', '0600000001', '0000171682062019', '2019-05-01', 76920, '2019-06-25', now()),
('internet', '7710345', '0000400215092026', '2026-08-01', 29900, '2026-09-25', now()),
('internet', '7710345', '0000404418102026', '2026-09-01', 29900, '2026-10-25', now()),
('internet', '7710345', '0000409120112026', '2026-10-01', 31040, '2026-11-25', now())
"""


@dataclass
class Shop:
    """The till and everything around it."""

    till: PaymentService
    database: Database
    books: Repositories
    bank: FakeBank
    billing: MoodyBilling
    gateways: FakeGateways
    clock: StillClock
    sweep: Sweep
    poster: Poster
    sender: OutboxSender
    jobs: App
    times: Times
    by_hand: bool = False  # tables were changed by no event, or are away: the ledger cannot have followed

    def order(self, key: str = "ussd:1:7", payer: str = PAYER) -> StartOrder:
        """The guide's own bill."""
        return StartOrder(
            key, "ussd", payer, LanguageCode.FR, "salma@example.com", ServiceType.MOBILE, "0600000001", (BILL,)
        )

    async def internet_order(self, key: str = "ussd:2:7", payer: str = STRANGER) -> StartOrder:
        """All bills of the line that has three."""
        bills = await self.billing.unpaid(ServiceType.INTERNET, "7710345")
        return replace(
            self.order(key, payer), service=ServiceType.INTERNET, line_reference="7710345", invoices=bills, email=None
        )

    async def started(self, order: StartOrder | None = None) -> Payment:
        payment = await self.till.start(order or self.order())
        assert isinstance(payment, Payment), payment
        return payment

    async def paid(self, order: StartOrder | None = None) -> Payment:
        """Started and authorised; whatever the bank said."""
        payment = await self.started(order)
        outcome = await self.till.authorise(payment.id, CARD, CVV, wait_s=WAIT_MAX_S)
        assert isinstance(outcome, Payment), outcome
        return outcome

    async def state(self, payment: Payment) -> PaymentState:
        found = await self.till.payment(payment.id)
        assert found is not None
        return found.state

    async def story(self, payment: Payment) -> list[str]:
        rows = await self.database.all(
            "SELECT event, state FROM payment_events WHERE payment_id = %(id)s ORDER BY id", id=payment.id
        )
        return [f"{row['event']}>{row['state']}" for row in rows]

    async def active(self) -> list[str]:
        """The bills that are locked now."""
        rows = await self.database.all("SELECT invoice_number FROM payment_lines WHERE active ORDER BY invoice_number")
        return [row["invoice_number"] for row in rows]

    async def postings(self, payment: Payment) -> list[str]:
        return [str(line.state) for line in await self.books.postings.of(payment.id)]

    async def work(self) -> None:
        """Let a worker run the jobs that wait."""
        await work_off(self.jobs)


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    times = Times(record_pauses_s=NO_PAUSES_S)
    clock = StillClock()
    bank, gateways = FakeBank(clock), FakeGateways()
    async with make_pool(database_url) as pool:
        database = Database(pool)
        await database.do(LINES)
        await database.do(INVOICES)
        books = books_on(database)
        billing = MoodyBilling(EmbeddedBilling(database, clock))
        till = PaymentService(Ports(books, billing, only(bank), MemoryLimits(), clock), times=times)
        poster = Poster(books, billing, only(bank), clock, times)
        sender = OutboxSender(books, Gateways(gateways, gateways, gateways, PlainTexts()), clock, times)
        sweep = Sweep(books, till.attendant, poster, sender, clock, times)
        app = build_jobs(Work(till.attendant, poster, sender, sweep), periodic=False)
        shop = Shop(till, database, books, bank, billing, gateways, clock, sweep, poster, sender, app, times)
        async with app.open_async(pool):
            yield shop
        await till.drain(5)
        if not shop.by_hand:
            assert await unfollowed(database) == []  # a test that changes tables by hand says so: shop.by_hand
