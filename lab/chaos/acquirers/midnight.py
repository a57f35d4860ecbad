"""The account moves to another acquirer at midnight, under load and with replies lost: new payments go to the new one,
and yesterday's inquiries, callbacks, pages and refunds to the one that was asked. The clock is moved by hand.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette

from channels.links import PayLinks, ReceiptLinks
from channels.receipt_view import Operator
from channels.web.hosted_page import endpoint as hosted
from channels.web.pages import Pages
from core.acquirers.breaker import Breaker
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_page import CmiPage
from core.acquirers.hosted import HostedShop
from core.acquirers.registry import AcquirerMember, AcquirerRegistry
from core.acquirers.terms import FIRST, AcquirerState, AcquirerTerms
from core.cards import Card, Secret
from core.messaging.texts import load_texts
from core.payments.hosted_page import HostedPagePayments
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from lab.browser import BrowserPage, ScreenlessBrowser
from lab.chaos.customer import customer, order_of
from lab.chaos.judging import differences, misplaced
from lab.chaos.lies import CVV, LOOKS_S, sweep
from lab.chaos.sim_bank import SECOND
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.clocks import StillClock
from lab.cmi.emulator import Credentials
from lab.cmi.lies import Manner
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi, emulated_cmi
from lab.servers.processes import free_port
from lab.servers.serving import serving

OLD, NEW = FIRST, SECOND
NEW_ACCOUNT = Credentials("600000002", "naps-api", Secret("naps-password"), Secret("naps-store-key"))
KEYS = ("a-secret-key-of-the-links",)
TOGETHER = 8
TIMEOUT_S = 2.0  # of both clients; what lands late lands after it
LATE_S = 3.0
HALF_S = 900.0  # the load goes on for so long on both sides of midnight
NEAR_S = 240.0  # pages are opened so long before, and their cards typed so long after
PAGES = 4
PRESSES_MAX = 3  # from our link to the bank's page
LIES = (Manner.SILENT_AFTER_CHARGING, Manner.LATE_LANDING, Manner.SERVER_ERROR_AFTER_CHARGING, Manner.GARBAGE)
LIED_TO = 0.4
GIVEN_BACK = 3  # of yesterday's payments one in so many

FIRST_SENT = """
SELECT DISTINCT ON (payment_id) payment_id, detail AS acquirer, at FROM payment_events
WHERE event = 'send' ORDER BY payment_id, id
"""


@dataclass
class Swap:
    """What happened, and what must not be. `sent`: whom first tries went to, before and after."""

    sent: Counter[str] = field(default_factory=Counter)
    given_back: int = 0  # of yesterday's, after midnight
    by_page: int = 0  # opened before midnight, paid after it
    faults: list[str] = field(default_factory=list)


@dataclass
class _Night:
    open_: OpenTill
    banks: Mapping[str, EmulatedCmi]
    clock: StillClock
    midnight: datetime
    chance: random.Random
    step_s: float

    async def load(self, numbers: range) -> None:
        """These customers pay, so many at once; nobody's clock moves while they do."""
        for first in range(numbers.start, numbers.stop, TOGETHER):
            some = range(first, min(first + TOGETHER, numbers.stop))
            await asyncio.gather(*(self._pays(number) for number in some))
            self.clock.forward(self.step_s * len(some))
            await sweep(self.open_)

    async def _pays(self, number: int) -> None:
        who = customer(number)
        started = await self.open_.till.start(order_of(who, who.msisdn, f"night:{number}"))
        assert isinstance(started, Payment)
        if self.chance.random() < LIED_TO:
            manner = self.chance.choice(LIES)
            for bank in self.banks.values():
                bank.lie(manner, started.id, seconds=LATE_S)
        await self.open_.till.authorise(started.id, Card(Secret(who.card), 12, 2031), CVV, wait_s=5)


async def midnight_swap(database_url: str, payments: int, *, drained: bool = False, seed: int = 1) -> Swap:
    """So many payments around the moment. `drained`: by an operator's word instead of the contracts' days."""
    clock, swap = StillClock(datetime.now(UTC)), Swap()
    midnight = clock.now() + timedelta(seconds=HALF_S)
    async with AsyncExitStack() as stack:
        accounts = {OLD: DEMO_CREDENTIALS, NEW: NEW_ACCOUNT}
        banks = {
            named: await stack.enter_async_context(emulated_cmi(now=clock.now, hang_max_s=5.0, credentials=account))
            for named, account in accounts.items()
        }
        registry = _registry(banks, midnight, drained=drained)
        stack.push_async_callback(registry.aclose)
        open_ = await stack.enter_async_context(open_till(database_url, registry, clock, Times()))
        links = await stack.enter_async_context(_doors(open_, banks))
        browser = await stack.enter_async_context(ScreenlessBrowser(links.of("0" * 26)))
        await give_bills(open_.database, [customer(number) for number in range(payments + PAGES)])
        night = _Night(open_, banks, clock, midnight, random.Random(seed), 2 * HALF_S / payments)
        near = round(payments * (HALF_S - NEAR_S) / (2 * HALF_S))
        await night.load(range(near))
        pages = [await _leaves(night, browser, links, payments + number) for number in range(PAGES)]
        await night.load(range(near, payments // 2))
        clock.time = midnight
        if drained:
            registry.say({OLD: AcquirerState.DRAINING})
        banks[OLD].ledger.settle(clock.now())  # the bank's day ends: what goes back from here on is a credit
        await _gives_back(night, swap)
        await night.load(range(payments // 2, payments - near))
        for number, (_, page) in enumerate(pages, payments):
            await _types(browser, page, customer(number).card)
        await night.load(range(payments - near, payments))
        await _calm(night)
        await _judge(night, swap)
        for order_id, _ in pages:
            paid = await open_.till.payment(order_id)
            swap.by_page += paid is not None and paid.state is PaymentState.CAPTURED and paid.acquirer == OLD
    return swap


def _registry(banks: Mapping[str, EmulatedCmi], midnight: datetime, *, drained: bool) -> AcquirerRegistry:
    until = None if drained else midnight
    terms = {
        OLD: AcquirerTerms(OLD, page=True, valid_until=until),
        NEW: AcquirerTerms(NEW, page=True, valid_from=midnight),
    }

    def client(bank: EmulatedCmi) -> CmiAcquirer:
        patient = Breaker(lambda: 0.0, failures_max=1_000_000)  # it would spare us the lies
        return CmiAcquirer(bank.account, timeout_s=TIMEOUT_S, breaker=patient)

    return AcquirerRegistry({named: AcquirerMember(terms[named], client(bank)) for named, bank in banks.items()})


@asynccontextmanager
async def _doors(open_: OpenTill, banks: Mapping[str, EmulatedCmi]) -> AsyncIterator[PayLinks]:
    """The doors of both pages, served."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    links, receipts = PayLinks(KEYS, url), ReceiptLinks(KEYS, url)

    def page(named: str, bank: EmulatedCmi) -> CmiPage:
        root, own = url + hosted.root_of(named), bank.gateway.credentials
        back, left, callback = root + hosted.BACK, root + hosted.LEFT, root + hosted.CALLBACK
        shop = HostedShop(own.client_id, own.store_key, back, back, left, callback)
        return CmiPage(shop, f"{bank.url}/fim/est3Dgate", links.make)

    hosting = HostedPagePayments(open_.till, {named: page(named, bank) for named, bank in banks.items()})
    pages = Pages(load_texts(), Operator("Khallas", "777"))
    routes = [*hosted.routes(pages, open_.till, hosting, links, receipts), *pages.routes()]
    async with serving(Starlette(routes=routes), port):
        yield links


async def _leaves(night: _Night, browser: ScreenlessBrowser, links: PayLinks, number: int) -> tuple[str, BrowserPage]:
    """A browser on the bank's page; the card is not typed yet."""
    who = customer(number)
    started = await night.open_.till.start(order_of(who, who.msisdn, f"page:{number}"))
    assert isinstance(started, Payment)
    page = await browser.get(links.of(started.id))
    for _ in range(PRESSES_MAX):
        if any(name == "pan" for name, _ in page.form().fields):
            break
        page = await browser.send(page)
    return started.id, page


async def _types(browser: ScreenlessBrowser, page: BrowserPage, card: str) -> None:
    """The card; the bank's server calls back, and the browser is sent back."""
    way_back = await browser.send(page, {"pan": card, "expires": "12/31", "cvv": "000"})
    await browser.send(way_back)


async def _gives_back(night: _Night, swap: Swap) -> None:
    """Yesterday's payments: one in so many is to go back."""
    rows = await night.open_.database.all(
        "SELECT id FROM payments WHERE state = 'captured' AND acquirer = %(old)s ORDER BY id", old=OLD
    )
    for row in rows[::GIVEN_BACK]:
        await night.open_.till.undo(row["id"], "moved")
        swap.given_back += 1


async def _calm(night: _Night) -> None:
    for bank in night.banks.values():
        bank.gateway.lies.clear()
        await bank.gateway.hurry()
    for seconds in LOOKS_S:
        night.clock.forward(seconds)
        await sweep(night.open_)


async def _judge(night: _Night, swap: Swap) -> None:
    database = night.open_.database
    ledgers = {named: bank.ledger for named, bank in night.banks.items()}
    swap.faults += await differences(database, *ledgers.values())
    swap.faults += await misplaced(database, ledgers)
    for row in await database.all(FIRST_SENT):
        after = row["at"] >= night.midnight
        swap.sent[f"{row['acquirer']} {'after' if after else 'before'}"] += 1
        if (row["acquirer"] == NEW) != after:
            swap.faults.append(f"{row['payment_id']} first went to {row['acquirer']} at {row['at']}")
    back = await database.one(
        "SELECT count(*) AS back FROM payments WHERE acquirer = %(old)s AND state IN ('voided', 'refunded')", old=OLD
    )
    if back is None or back["back"] < swap.given_back:
        swap.faults.append(f"{swap.given_back} of yesterday's were to go back, {back and back['back']} did")
