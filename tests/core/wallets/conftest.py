"""The till with a wallet beside its card acquirer, over a real PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.database.jobs import Work, build_jobs
from core.database.payments.repository import PgPayments
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.database.wallets.repository import PgWalletAttempts
from core.ids import Ids
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.payments.table import Payment
from core.wallets.attempts import WalletRecord
from core.wallets.returns import WalletReturns
from core.wallets.service import WalletPayments
from core.wallets.tender import TenderAcquirers
from lab.clocks import StillClock
from tests.core.ledger.ledgers import unfollowed
from tests.support.bank import FakeBank
from tests.support.billing import MemoryLimits, MoodyBilling
from tests.support.gateways import FakeGateways, PlainTexts
from tests.support.shop import INVOICES, LINES, NO_PAUSES_S, Shop
from tests.support.wallet import FakeWallet

NEQDI, OTHER = "neqdi", "floussi"


@dataclass
class WalletShop(Shop):
    """A shop whose customers have wallets."""

    wallets: WalletPayments = None  # type: ignore[assignment]  # a dataclass' fields after defaults
    neqdi: FakeWallet = None  # type: ignore[assignment]
    floussi: FakeWallet = None  # type: ignore[assignment]
    attempts: PgWalletAttempts = None  # type: ignore[assignment]

    async def asked(self, payment: Payment | None = None, provider: str = NEQDI) -> WalletRecord:
        """A payment whose wallet has been asked, and has taken the request."""
        payment = payment or await self.started()
        outcome = await self.wallets.start(payment.id, provider, payment.payer_msisdn)
        assert isinstance(outcome, Payment), outcome
        return await self.left(payment)

    async def left(self, payment: Payment) -> WalletRecord:
        """The dialog is over, and the worker has sent what waits."""
        self.clock.forward(3)
        await self.round()
        return await self.record(payment)

    async def record(self, payment: Payment) -> WalletRecord:
        """The latest attempt."""
        return (await self.attempts.of(payment.id))[0]

    async def round(self, seconds: float = 0) -> None:
        """A sweep, after a while."""
        self.clock.forward(seconds)
        await self.sweep.money_round()

    async def seen(self, payment: Payment) -> Payment:
        found = await self.till.payment(payment.id)
        assert found is not None
        return found

    async def seen_of(self, record: WalletRecord) -> Payment:
        """The payment of an attempt."""
        found = await self.till.payment(record.attempt.payment_id)
        assert found is not None
        return found

    async def again(self, record: WalletRecord) -> WalletRecord:
        found = await self.attempts.get(record.attempt.reference)
        assert found is not None
        return found

    async def messages(self, payment: Payment) -> list[str]:
        rows = await self.database.all(
            "SELECT kind FROM messages WHERE payment_id = %(id)s ORDER BY created_at, kind", id=payment.id
        )
        return [row["kind"] for row in rows]


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[WalletShop]:
    times, clock = Times(record_pauses_s=NO_PAUSES_S), StillClock()
    bank, gateways, neqdi, floussi = FakeBank(clock), FakeGateways(), FakeWallet(clock), FakeWallet(clock)
    async with make_pool(database_url) as pool:
        database = Database(pool)
        await database.do(LINES)
        await database.do(INVOICES)
        books = books_on(database)
        attempts = PgWalletAttempts(database, PgPayments(database))
        named = {NEQDI: neqdi, OTHER: floussi}
        tender = TenderAcquirers(only(bank), attempts, WalletReturns(attempts, named, clock, Ids()))
        billing = MoodyBilling(EmbeddedBilling(database, clock))
        till = PaymentService(Ports(books, billing, tender, MemoryLimits(), clock), times=times)
        wallets = WalletPayments(till, attempts, named, clock, times)
        poster = Poster(books, billing, tender, clock, times)
        sender = OutboxSender(books, Gateways(gateways, gateways, gateways, PlainTexts()), clock, times)
        sweep = Sweep(books, till.attendant, poster, sender, clock, times, wallets)
        app = build_jobs(Work(till.attendant, poster, sender, sweep, wallets=wallets), periodic=False)
        parts = (till, database, books, bank, billing, gateways, clock, sweep, poster, sender, app, times)
        shop = WalletShop(*parts, wallets=wallets, neqdi=neqdi, floussi=floussi, attempts=attempts)
        async with app.open_async(pool):
            yield shop
        await till.drain(5)
        if not shop.by_hand:
            assert await unfollowed(database) == []
