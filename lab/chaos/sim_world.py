"""The simulated world around the till: billing, gateways, processes that die and a database that goes away.

Rule of this file: one `random.Random` decides everything, so that a seed is a story.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.acquirers.terms import FIRST, AcquirerState
from core.billing.invoices import Invoice
from core.billing.posting import Poster
from core.ids import Ids
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.payments.table import Payment
from core.ports import BillingDown, DeliveryFailed, OutgoingSms, Posting, Tries
from core.refunds.model import Refund, RefundPart, Reversal
from core.repositories import DatabaseUnavailable, MessageKind, Repositories
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.chaos.memory import MemoryPayments, Row
from lab.chaos.memory_credits import CreditRows, MemoryCredits
from lab.chaos.memory_ledger import LedgerRows
from lab.chaos.memory_messages import Entry, MemoryMessages, NoPeople
from lab.chaos.memory_postings import MemoryPostings
from lab.chaos.memory_refunds import MemoryRefunds, RefundRows
from lab.chaos.sim_bank import UNREACHED, Account, SentAway, SimBank, registry_of

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SERVICE, LINE = ServiceType.MOBILE, "0600000001"
BILLS = tuple(
    Invoice(f"{number:016d}", date(2026, number, 1), 10_000 * number, date(2026, number, 25)) for number in (1, 2, 3)
)
STOPPED_MAX_S = 1_500.0


class SimClock:
    """Virtual time as core reads it."""

    def now(self) -> datetime:
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())


class Dice(random.Random):
    """Also core's source of names."""

    def below(self, bound: int) -> int:
        return self.randrange(bound)


@dataclass
class SimBilling:
    """Implements core.ports.BillingSystem for one line; a bill may be paid elsewhere."""

    chance: random.Random
    calm: bool = False
    paid_by: dict[str, str] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)  # references
    owed_again: set[tuple[str, str]] = field(default_factory=set)  # of whom, which bill

    def _up(self) -> None:
        if not self.calm and self.chance.random() < 0.05:
            raise BillingDown

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None:
        return None

    async def lines_of(self, msisdn: str) -> tuple[SubscribedLine, ...]:
        return ()

    async def codes_of(self, msisdn: str) -> tuple[tuple[SubscribedLine, str], ...]:
        return ()

    async def code_matches(self, service: ServiceType, reference: str, code: str) -> bool:
        return False

    async def proven(self, service: ServiceType, reference: str, code: str) -> SubscribedLine | None:
        return None

    async def code_of(self, service: ServiceType, reference: str) -> str | None:
        return None

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]:
        self._up()
        return tuple(bill for bill in BILLS if bill.number not in self.paid_by)

    async def post(self, payment: Payment, invoice: Invoice) -> Posting:
        self._up()
        return Posting.POSTED if self.paid_by.setdefault(invoice.number, payment.id) == payment.id else Posting.REFUSED

    async def reverse(self, reversal: Reversal) -> Posting:
        self._up()
        payer = reversal.payment.id
        paid = self.paid_by.get(reversal.number) == payer or (payer, reversal.number) in self.owed_again
        if reversal.reference not in self.reversed and paid:
            self.reversed.add(reversal.reference)
            self.owed_again.add((payer, reversal.number))
            self.paid_by.pop(reversal.number, None)
        return Posting.POSTED


@dataclass
class SimGateways:
    """Texter, mailer, caller and words in one."""

    chance: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    calm: bool = False

    async def send(self, sms: OutgoingSms) -> str:
        if not self.calm and self.chance.random() < 0.1:
            raise DeliveryFailed("busy", retryable=True)
        self.sent[sms.reference] += 1
        return sms.reference

    async def send_receipt(self, payment: Payment, address: str, copy: int = 0) -> str:
        return payment.id

    async def call(self, payment: Payment) -> str:
        return payment.id

    async def close(self) -> None:
        return

    def receipt_sms(self, payment: Payment) -> str:
        return f"receipt {payment.receipt_number}"

    def undecided_sms(self, payment: Payment) -> str:
        return "undecided"

    def declined_sms(self, payment: Payment) -> str:
        return "declined"

    def call_missed_sms(self, payment: Payment) -> str:
        return "call missed"

    def pay_link_sms(self, payment: Payment) -> str:
        return "pay link"

    def undone_sms(self, payment: Payment) -> str:
        return "undone"

    def refund_sms(self, payment: Payment, part: RefundPart, *, paid_elsewhere: bool) -> str:
        return f"refund {part.amount_centimes}"


class NoLimits:
    """Codes are not what this is about."""

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        return Tries.OPEN

    async def failed(self, channel: str, caller: str, target: str) -> None:
        return None


@dataclass
class SimWorld:
    """What outlives every process."""

    chance: Dice
    clock: SimClock = field(default_factory=SimClock)
    rows: dict[str, Row] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    refunds: RefundRows = field(default_factory=RefundRows)
    credits: CreditRows = field(default_factory=CreditRows)
    calm: bool = False
    ledger: LedgerRows = field(init=False)
    acquirers: tuple[str, ...] = (FIRST,)
    said: dict[str, AcquirerState] = field(default_factory=dict)  # an operator's word
    sent: SentAway = field(default_factory=SentAway)
    banks: dict[str, SimBank] = field(init=False)
    billing: SimBilling = field(init=False)
    gateways: SimGateways = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = LedgerRows(self.rows, self.refunds)
        self.banks = {named: SimBank(self.chance, self.clock) for named in self.acquirers}
        if len(self.banks) > 1:
            for bank in self.banks.values():
                bank.unreached = UNREACHED
        self.billing = SimBilling(self.chance)
        self.gateways = SimGateways(self.chance)

    def calm_down(self) -> None:
        """From here on everything works."""
        self.calm = self.billing.calm = self.gateways.calm = True
        self.said.clear()
        for bank in self.banks.values():
            bank.calm = True

    def accounts(self) -> Iterator[tuple[str, str, Account]]:
        """Each order that a bank knows, with that bank."""
        for named, bank in self.banks.items():
            for order_id, account in bank.accounts.items():
                yield named, order_id, account

    def kept_centimes(self) -> Counter[str]:
        """What customers have paid for each order and not got back, at whatever bank."""
        kept: Counter[str] = Counter()
        for _, order_id, account in self.accounts():
            kept[order_id] += account.kept_centimes
        return kept


class Process:
    """One server with its worker. When it has died, whatever it awaited never comes back."""

    def __init__(self, world: SimWorld, times: Times) -> None:
        self.alive = True
        self.ledger = world.ledger
        self._world = world
        messages = MemoryMessages(self._before, self._after, world.entries)
        payments = MemoryPayments(
            self._before, self._after, messages, world.refunds, world.ledger, world.rows, world.receipts
        )
        postings = MemoryPostings(self._before, self._after, world.rows, messages, world.credits, world.ledger)

        def tell(refund: Refund, kind: MessageKind, now: datetime) -> None:
            messages.about(world.rows[refund.payment_id].payment, kind, f"r{refund.id}", now)

        refunds = MemoryRefunds(
            self._before,
            self._after,
            world.refunds,
            lambda refund: world.rows[refund.payment_id].bills[refund.number],
            tell,
            world.credits.ended,
            world.ledger.follow,
        )
        under_way = MemoryCredits(self._before, self._after, world.credits)
        books = Repositories(payments, postings, messages, NoPeople(), refunds, under_way)
        self.acquirers = registry_of(world.banks, self._asking, world.sent)
        self.acquirers.say(world.said)
        self.till = PaymentService(
            Ports(books, world.billing, self.acquirers, NoLimits(), world.clock), times=times, ids=Ids(world.chance)
        )
        gateways = Gateways(world.gateways, world.gateways, world.gateways, world.gateways)
        poster = Poster(books, world.billing, self.acquirers, world.clock, times)
        sender = OutboxSender(books, gateways, world.clock, times)
        self.sweep = Sweep(books, self.till.attendant, poster, sender, world.clock, times)

    async def _before(self) -> None:
        await self._lives()
        chance = self._world.chance
        if not self._world.calm:
            await asyncio.sleep(chance.uniform(0.001, 0.05))
            await self._lives()
            if chance.random() < 0.01:
                raise DatabaseUnavailable("the database was away")

    async def _after(self) -> None:
        """Committed; the process may die, the answer may be lost, or everything may stand still for a while."""
        chance = self._world.chance
        if self._world.calm:
            return
        fate = chance.random()
        if fate < 0.005:
            self.alive = False
        elif fate < 0.010:
            raise DatabaseUnavailable("committed, and the connection was lost")
        elif fate < 0.013:
            await asyncio.sleep(chance.uniform(0, STOPPED_MAX_S))
        await self._lives()

    def _asking(self, ask: Any) -> Any:
        async def asked(*arguments: Any) -> Any:
            await self._lives()
            if not self._world.calm and self._world.chance.random() < 0.01:
                self.alive = False
            await self._lives()
            answer = await ask(*arguments)
            if not self._world.calm and self._world.chance.random() < 0.02:
                self.alive = False
            await self._lives()
            return answer

        return asked

    async def _lives(self) -> None:
        if not self.alive:
            await asyncio.get_running_loop().create_future()
