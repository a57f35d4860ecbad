"""A till over a real database that cards, a wallet and a biller pay at, each by its own wire.

Rule of this file: the bank's, the network's and the biller's own books are read directly, never through the till.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette

from channels.wallets.endpoint import routes
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.registry import only
from core.billers.outside import OutsideOrder, OutsideTaken
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.cards import Secret
from core.database.billers.outside import PgOutsidePayments
from core.database.payments.repository import PgPayments
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.database.wallets.repository import PgWalletAttempts
from core.ids import Ids
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.wallets.gsma import connect
from core.wallets.port import WalletTerms
from core.wallets.returns import WalletReturns
from core.wallets.service import WalletPayments
from core.wallets.tender import TenderAcquirers
from lab.chaos.sim_world import NoLimits
from lab.chaos.till import Silent
from lab.clocks import AdvancedClock
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.servers.serving import serving
from lab.wallets.lies import WalletLies
from lab.wallets.stand import GSMA, WalletStand, wallet_stand

CURRENCY = "MAD"
CONNECTIONS_MAX = 24
CONNECTION_WAITS_MAX_S = 60.0  # a busy machine is no fault of what is judged
CMI_TIMEOUT_S = 2.0
DRAIN_S = 10.0
OUTSIDE = """
SELECT o.key, o.amount_centimes, o.left_centimes, b.number, b.amount_centimes AS share
FROM outside_payments o LEFT JOIN bill_payments b ON b.payment_id = o.id
"""


@dataclass
class Biller:
    """Whoever sells our bills elsewhere, and its own book: what it took of its customers and told us in vain or not."""

    door: PgOutsidePayments
    clock: AdvancedClock
    ids: Ids = field(default_factory=Ids)
    kept: dict[str, int] = field(default_factory=dict)  # key -> centimes; what was refused went back at once
    refused: set[str] = field(default_factory=set)

    async def pays(self, order: OutsideOrder) -> str:
        now = self.clock.now()
        answer = await self.door.take(order, self.ids.payment(now), now)
        if isinstance(answer, OutsideTaken):
            self.kept[order.key] = order.amount_centimes
            return "left" if answer.left_centimes else "taken"
        self.refused.add(order.key)
        return str(answer)


@dataclass(frozen=True, slots=True)
class Counters:
    """Where the three pay."""

    clock: AdvancedClock
    database: Database
    cmi: EmulatedCmi
    stand: WalletStand
    till: PaymentService
    wallets: WalletPayments
    biller: Biller
    sweeps: tuple[Sweep, ...]  # a worker's each


@asynccontextmanager
async def open_counters(database_url: str, times: Times, lies: WalletLies, workers: int) -> AsyncIterator[Counters]:
    """Within the block. The database is migrated already."""
    clock = AdvancedClock()
    async with AsyncExitStack() as stack:
        cmi = await stack.enter_async_context(emulated_cmi(hang_max_s=5.0))
        stand = await stack.enter_async_context(wallet_stand(now=clock.now, lies=lies))
        pool = await stack.enter_async_context(make_pool(database_url, connections_max=CONNECTIONS_MAX))
        pool.timeout = CONNECTION_WAITS_MAX_S
        database = Database(pool)
        doors = Starlette()
        base = await stack.enter_async_context(serving(doors))
        cards = CmiAcquirer(cmi.account, timeout_s=CMI_TIMEOUT_S)
        stack.push_async_callback(cards.aclose)
        options = {name: Secret(value) for name, value in stand.options(GSMA).items() if name != "wire"}
        named = {GSMA: connect(options, WalletTerms("Neqdi", CURRENCY), f"{base}/wallets/{GSMA}")}
        books, billing, silent = books_on(database), EmbeddedBilling(database, clock), Silent()
        attempts = PgWalletAttempts(database, PgPayments(database))
        tender = TenderAcquirers(only(cards), attempts, WalletReturns(attempts, named, clock, Ids()))
        till = PaymentService(Ports(books, billing, tender, NoLimits(), clock), times=times)
        wallets = WalletPayments(till, attempts, named, clock, times)
        stack.push_async_callback(wallets.aclose)
        doors.router.routes += routes(wallets.called_back, lambda *_: None, public_url=base)
        sender = OutboxSender(books, Gateways(silent, silent, silent, silent), clock, times)
        poster = Poster(books, billing, tender, clock, times)
        sweeps = tuple(Sweep(books, till.attendant, poster, sender, clock, times, wallets) for _ in range(workers))
        biller = Biller(PgOutsidePayments(database, CURRENCY), clock)
        yield Counters(clock, database, cmi, stand, till, wallets, biller, sweeps)
        await till.drain(DRAIN_S)
