"""A bank that takes every inquiry and answers none for half a minute, while two workers sweep: how long texts wait.

Payments keep becoming unknown, as many as sweeps and jobs of both workers have slots for; beside them payment codes are
asked for and other customers pay. A code or a receipt waits for no inquiry: 2 s at most, 99 of 100 times.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from core.acquirers.breaker import Breaker
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.cards import Card, Secret
from core.clock import SystemClock
from core.database.jobs import SLOTS, Work, build_jobs, run_worker
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.database.wake import Queue
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.schedule import Times, waiting_for
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.payments.table import Payment
from core.ports import Inquiry, OutgoingSms
from core.repositories import Delivery, MessageKind, Repositories
from lab.chaos.customer import APPROVED_CARD, customer, order_of
from lab.chaos.sim_world import NoLimits
from lab.chaos.till import Silent
from lab.chaos.world import give_bills
from lab.cmi.cards import lying_card
from lab.cmi.lies import Kind, Manner
from lab.cmi.stand import EmulatedCmi, emulated_cmi

WORKERS = 2
HANGS_S = 30.0
WAIT_MAX_S = 2.0
CODES_A_S, UNKNOWN_A_S, PAID_A_S = 5, 3, 1
SENT_MAX_S = 60.0  # after the last one was asked for
HANG_FIRST = 6  # payments whose inquiries hang before anybody asks for a code
LOOK_S = 0.1
PAYER, ROUTE = "+2127{:08d}", "lab"
CVV = Secret("000")


@dataclass
class TextsWaited:
    """When each text was asked for and how long it took, by what it was; `hanging_max`: inquiries at once."""

    asked: dict[str, float] = field(default_factory=dict)
    codes_s: list[float] = field(default_factory=list)
    receipts_s: list[float] = field(default_factory=list)
    hanging: int = 0
    hanging_max: int = 0

    async def send(self, sms: OutgoingSms) -> str:
        """Implements core.ports.Texter."""
        code = sms.route == ROUTE
        asked = self.asked.pop(sms.reference if code else sms.to_msisdn, None)
        if asked is not None:  # not the news that a payment is being checked
            (self.codes_s if code else self.receipts_s).append(time.monotonic() - asked)
        return sms.reference

    async def reply_of(self, reference: str) -> str | None:
        """Implements core.ports.Replies."""
        return "CODE 012345"

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = [f"{len(self.asked)} texts were never sent"] if self.asked else []
        if self.hanging_max < SLOTS[Queue.MONEY]:
            found.append(f"the bank never held more than {self.hanging_max} inquiries: nothing was tried")
        for name, waited in (("codes", self.codes_s), ("receipts", self.receipts_s)):
            if not waited:
                found.append(f"no {name} were sent")
            elif quantile(waited, 0.99) > WAIT_MAX_S:
                found.append(f"p99 of {name} is {quantile(waited, 0.99):.2f} s, {WAIT_MAX_S:.0f} s are allowed")
        return found

    def line(self) -> str:
        """For people."""
        told = (
            f"{len(waited)} {name} p50 {quantile(waited, 0.5):.2f} p99 {quantile(waited, 0.99):.2f} "
            f"most {max(waited, default=0):.2f} s"
            for name, waited in (("codes", self.codes_s), ("receipts", self.receipts_s))
        )
        return f"{', '.join(told)}; {self.hanging_max} inquiries hung at once"


def quantile(waited: list[float], share: float) -> float:
    """The smallest that so many are not above; 0 of none."""
    ranked = sorted(waited)
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1] if ranked else 0.0


async def texts_beside_a_hanging_bank(database_url: str, seconds: int) -> TextsWaited:
    """For so many seconds; the database is migrated and empty."""
    waited = TextsWaited()
    async with emulated_cmi(hang_max_s=HANGS_S) as cmi, AsyncExitStack() as stack:
        cmi.lie(Manner.SILENT_WITHOUT_CHARGING, times=1_000_000, on=frozenset({Kind.QUERY}))
        workers = [await stack.enter_async_context(_worker(database_url, cmi, waited)) for _ in range(WORKERS)]
        till, books, database = workers[0]
        told, unknown = (UNKNOWN_A_S + PAID_A_S) * seconds, lying_card(Manner.GARBAGE)
        await give_bills(database, [customer(number) for number in range(told + HANG_FIRST)])
        await asyncio.gather(*(_pays(till, told + number, unknown) for number in range(HANG_FIRST)))
        await _hang(waited)
        async with asyncio.TaskGroup() as customers:
            customers.create_task(_every(1 / CODES_A_S, seconds, lambda number: _asks(books, number, waited)))
            customers.create_task(_every(1 / UNKNOWN_A_S, seconds, lambda number: _pays(till, number, unknown)))
            first = UNKNOWN_A_S * seconds
            customers.create_task(
                _every(1 / PAID_A_S, seconds, lambda number: _pays(till, first + number, APPROVED_CARD, waited))
            )
        await _sent(waited)
    return waited


@asynccontextmanager
async def _worker(
    database_url: str, cmi: EmulatedCmi, waited: TextsWaited
) -> AsyncIterator[tuple[PaymentService, Repositories, Database]]:
    """A whole worker, with connections of its own."""
    clock, times = SystemClock(), waiting_for(Times(), HANGS_S)
    breaker = Breaker(lambda: 0.0, failures_max=1_000_000)  # it would spare the slots
    acquirer = WatchedCmi(cmi.account, timeout_s=HANGS_S, breaker=breaker)
    acquirer.waited = waited
    async with make_pool(database_url) as pool:
        database = Database(pool)
        books, billing, silent = books_on(database), EmbeddedBilling(database, clock), Silent()
        till = PaymentService(Ports(books, billing, only(acquirer), NoLimits(), clock), times=times)
        poster = Poster(books, billing, only(acquirer), clock, times)
        sender = OutboxSender(books, Gateways(waited, silent, silent, silent, waited), clock, times)
        app = build_jobs(
            Work(till.attendant, poster, sender, Sweep(books, till.attendant, poster, sender, clock, times))
        )
        async with app.open_async(pool):
            worker = asyncio.create_task(run_worker(app))
            try:
                yield till, books, database
            finally:
                worker.cancel()
                await asyncio.wait({worker})
                await acquirer.aclose()


class WatchedCmi(CmiAcquirer):
    """The acquirer's client, whose inquiries are counted while they hang."""

    waited: TextsWaited

    async def inquire(self, order_id: str) -> Inquiry:
        waited = self.waited
        waited.hanging += 1
        waited.hanging_max = max(waited.hanging_max, waited.hanging)
        try:
            return await super().inquire(order_id)
        finally:
            waited.hanging -= 1


async def _every(pause_s: float, seconds: int, once: Callable[[int], Coroutine[None, None, None]]) -> None:
    """At its own pace, whatever the last one takes."""
    began, count = time.monotonic(), round(seconds / pause_s)
    async with asyncio.TaskGroup() as each:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number * pause_s - time.monotonic()))
            each.create_task(once(number))


async def _asks(books: Repositories, number: int, waited: TextsWaited) -> None:
    """A customer whose text asks for the payment code."""
    reference, now = f"code-{number}", SystemClock().now()
    await books.messages.record(
        reference, MessageKind.CODE_SMS, PAYER.format(number), now, status=Delivery.QUEUED, route=ROUTE
    )
    waited.asked[reference] = time.monotonic()
    await books.messages.release(reference, now)


async def _pays(till: PaymentService, number: int, card: str, waited: TextsWaited | None = None) -> None:
    payer = PAYER.format(number)
    started = await till.start(order_of(customer(number), payer, f"hangs:{number}"))
    assert isinstance(started, Payment)
    if waited is not None:
        waited.asked[payer] = time.monotonic()  # the bank's answer and the commit are part of it
    await till.authorise(started.id, Card(Secret(card), 12, 2030), CVV, wait_s=HANGS_S)


async def _hang(waited: TextsWaited) -> None:
    """Until the inquiries of the first payments hang: a busy machine takes its time to come to them."""
    for _ in range(int(SENT_MAX_S / LOOK_S)):
        if waited.hanging >= HANG_FIRST // 2:
            return
        await asyncio.sleep(LOOK_S)


async def _sent(waited: TextsWaited) -> None:
    for _ in range(int(SENT_MAX_S / LOOK_S)):
        if not waited.asked:
            return
        await asyncio.sleep(LOOK_S)
