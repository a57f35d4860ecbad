"""Thousands of attempts with faults, then judged: no double debit, nothing lost, ledgers equal, no attempt left open.

Customers come in groups; each pays a bill of one's own by the wallet, and after its last word by the wallet again or
by card; some bills are paid elsewhere meanwhile, some have a second payer. The worker is killed before and after what
it asks and what it commits.
"""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.billing.invoices import Invoice
from core.billing.posting import Poster
from core.cards import Card, Secret
from core.database.payments.repository import PgPayments
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.database.wallets.repository import PgWalletAttempts
from core.ids import Ids
from core.languages import LanguageCode
from core.payments.orders import StartOrder
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.table import Payment, PaymentState
from core.ports import (
    Approved,
    Authorisation,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    Order,
    Undoing,
    Undone,
    UnknownOutcome,
)
from core.subscribers.lines import ServiceType
from core.wallets.attempts import LEASE_S
from core.wallets.returns import WalletReturns
from core.wallets.service import WalletPayments
from core.wallets.tender import TenderAcquirers
from lab.chaos.customer import Customer, customer
from lab.chaos.sim_world import NoLimits
from lab.chaos.wallets.judging import judged
from lab.chaos.wallets.lying import DyingAttempts, Killed, LyingWallet
from lab.chaos.world import give_bills
from lab.clocks import StillClock

GROUP = 25
STEPS_S = (3, 3, 5, 10, 20, 30, 60, 60, 60, 60, 120, 120, 300, 900)  # of a group's time
SETTLING_S = (900, 3_600, 3_600, 43_200, 86_400, 86_400, 86_400, 86_400)
ROUNDS_MAX = 60  # of one step, until nothing more is due
CARD = Card(Secret("4000000000000010"), 12, 2030)
BEGINS = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)

PAID_ELSEWHERE = (
    "UPDATE invoices SET paid_at = now(), paid_by = 'counter' WHERE number = %(number)s AND paid_at IS NULL"
)


@dataclass
class PlainCards:
    """Implements core.ports.Acquirer, honestly: what cards do is told elsewhere (lab/chaos/lies.py)."""

    chance: random.Random
    charged: dict[str, int] = field(default_factory=dict)
    back: Counter[str] = field(default_factory=Counter)

    async def aclose(self) -> None:
        """Nothing is open."""

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        if self.chance.random() < 0.2:
            return Decline("51", DeclineKind.OTHER_CARD)
        self.charged[order.id] = order.amount_centimes
        return Approved("000001", order.id[-12:], order.amount_centimes)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        return UnknownOutcome("no question was asked")

    async def inquire(self, order_id: str) -> Inquiry:
        if order_id not in self.charged:
            return NoSuchOrder()
        gone = self.back[order_id] >= self.charged[order_id]
        return Undone() if gone else Approved("000001", order_id[-12:], self.charged[order_id])

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        return UnknownOutcome("nothing is held")

    async def void(self, order_id: str) -> Undoing:
        return await self.refund(order_id, self.charged[order_id] - self.back[order_id])

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        self.back[order_id] += amount_centimes
        return Undone()

    async def credited_centimes(self, order_id: str) -> int | None:
        return self.back[order_id]

    def kept_centimes(self) -> int:
        """What was charged and did not go back."""
        return sum(self.charged.values()) - sum(self.back.values())


@dataclass
class WalletStorm:
    """How it ended. `differences` is what went wrong."""

    attempts: int = 0
    killed: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


@dataclass
class Stage:
    """What a storm is made of."""

    clock: StillClock
    chance: random.Random
    wallet: LyingWallet
    cards: PlainCards
    database: Database
    till: PaymentService
    wallets: WalletPayments
    attempts: PgWalletAttempts
    poster: Poster
    books: Any
    result: WalletStorm = field(default_factory=WalletStorm)

    async def sweep(self) -> None:
        """Whatever is due, by a worker that dies now and then: another one finds what it left."""
        for _ in range(ROUNDS_MAX):
            now = self.clock.now()
            until = now + timedelta(seconds=LEASE_S)
            due = await self.attempts.claim_due(now, until, 100)
            for record in due:
                await self._mortal(self.wallets.attend_claimed(record))
            payments = await self.books.payments.claim_due(now, until, 100)
            for payment_id in payments:
                await self._mortal(self.till.attendant.attend_claimed(payment_id))
            posted = await self.books.postings.due(now, 100)
            for payment_id in posted:
                await self._mortal(self.poster.post(payment_id))
            if not (due or payments or posted):
                return

    async def _mortal(self, work: Any) -> None:
        try:
            await work
        except Killed:
            self.result.killed += 1

    def order(self, who: Customer, channel: str) -> StartOrder:
        bill = Invoice(who.invoice, date(2026, 10, 1), who.amount_centimes, date(2026, 11, 25))
        key = f"{channel}:{who.reference}"
        return StartOrder(key, channel, who.msisdn, LanguageCode.FR, None, ServiceType.MOBILE, who.reference, (bill,))

    async def pays(self, who: Customer, channel: str = "ussd") -> str | None:
        """The wallet is asked for the bill; the payment's id."""
        started = await self.till.start(self.order(who, channel))
        if not isinstance(started, Payment):
            return None
        with suppress(Killed):
            await self.wallets.start(started.id, "neqdi", who.msisdn)
        return started.id

    async def returns(self, payment_id: str, who: Customer) -> None:
        """Somebody whose wallet said no, or was never asked, tries once more."""
        payment = await self.till.payment(payment_id)
        if payment is None or payment.state not in {PaymentState.DECLINED, PaymentState.CREATED}:
            return
        if self.chance.random() < 0.5:
            with suppress(Killed):
                await self.wallets.start(payment_id, "neqdi", who.msisdn)
        else:
            await self.till.authorise(payment_id, CARD, Secret("000"), wait_s=5)


async def wallet_storm(database_url: str, attempts: int, seed: int = 1) -> WalletStorm:
    """At least so many attempts."""
    async with make_pool(database_url) as pool:
        stage = _stage(Database(pool), seed)
        number = 0
        while stage.result.attempts < attempts:
            group = [customer(number + n) for n in range(GROUP)]
            number += GROUP
            await give_bills(stage.database, group)
            await _a_groups_time(stage, group)
            stage.result.attempts = len(stage.wallet.asked)
        for seconds in SETTLING_S:
            stage.clock.forward(seconds)
            await stage.sweep()
        kept_centimes = stage.cards.kept_centimes()
        stage.result.ends, stage.result.differences = await judged(stage.database, stage.wallet, kept_centimes)
        return stage.result


def _stage(database: Database, seed: int) -> Stage:
    clock, chance, times = StillClock(BEGINS), random.Random(seed), Times()
    wallet, cards, books = LyingWallet(clock, chance), PlainCards(chance), books_on(database)
    attempts = PgWalletAttempts(database, PgPayments(database))
    mortal: Any = DyingAttempts(attempts, chance)
    billing = EmbeddedBilling(database, clock)
    named = {"neqdi": wallet}
    tender = TenderAcquirers(only(cards), mortal, WalletReturns(mortal, named, clock, Ids()))
    till = PaymentService(Ports(books, billing, tender, NoLimits(), clock), times=times)
    wallets = WalletPayments(till, mortal, named, clock, times)
    poster = Poster(books, billing, tender, clock, times)
    return Stage(clock, chance, wallet, cards, database, till, wallets, attempts, poster, books)


async def _a_groups_time(stage: Stage, group: list[Customer]) -> None:
    paying = {who.reference: await stage.pays(who) for who in group}
    for seconds in STEPS_S:
        stage.clock.forward(seconds)
        await stage.sweep()
        for who in group:
            payment_id, dice = paying[who.reference], stage.chance.random()
            if payment_id is not None and dice < 0.1:
                await stage.returns(payment_id, who)
            elif dice < 0.13:  # a second channel for the same bill
                await stage.pays(who, f"web{stage.clock.now():%H%M%S}")
            elif dice < 0.135:
                await stage.database.do(PAID_ELSEWHERE, number=who.invoice)
            elif dice < 0.2:
                await _called_back(stage, payment_id)


async def _called_back(stage: Stage, payment_id: str | None) -> None:
    """True or forged, twice or early: it makes us ask."""
    for record in await stage.attempts.of(payment_id or ""):
        body = b"" if stage.chance.random() < 0.5 else b"H-forged"
        with suppress(Killed):
            await stage.wallets.called_back("neqdi", record.attempt.reference, body)
