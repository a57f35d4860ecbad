"""A browser pays on a page that we open at the gateway: the way there and back, and the door of its webhooks."""

import asyncio
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from starlette.applications import Starlette

from channels.links import PayLinks, ReceiptLinks
from channels.receipt_view import Operator
from channels.web.hosted_page import endpoint as hosted
from channels.web.hosted_page.opening import opening_routes
from channels.web.pages import Pages
from core.acquirers.payment_intents import connect, connect_page
from core.acquirers.registry import AcquirerMember, AcquirerRegistry, ClosedAcquirer
from core.acquirers.terms import AcquirerTerms
from core.cards import Secret
from core.clock import SystemClock
from core.messaging.texts import load_texts
from core.payments.hosted_page import HostedPagePayments
from core.payments.hosted_page_port import PageWays
from core.payments.opened_page import OpenedPages
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from lab.chaos.customer import customer, order_of
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.payment_intents import cards, hooks
from lab.payment_intents.hooks import Manner
from lab.payment_intents.lies import Asked, Way
from lab.payment_intents.stand import DEMO_KEY, DEMO_SECRET, EmulatedGateway, emulated_gateway
from lab.servers.processes import free_port
from lab.servers.serving import serving

KEYS = ("a-secret-key-of-the-links",)
GATE, OTHER = "gate", "other"
OTHERS_SECRET = Secret("whsec_of-the-other")
BILLS = 40
HASTY_S = "2"


@dataclass
class OpenedShop:
    """The doors, served; two accounts at the gateway, the first of which takes everything."""

    url: str
    open_: OpenTill
    gate: EmulatedGateway
    links: PayLinks
    browser: aiohttp.ClientSession
    counted: Counter[tuple[str, str]]
    customers: Iterator[int] = field(default_factory=itertools.count)

    async def basket(self) -> Payment:
        number = next(self.customers)
        started = await self.open_.till.start(order_of(customer(number), f"+2126{number:08d}", f"web:{number}"))
        assert isinstance(started, Payment)
        return started

    async def read(self, payment: Payment) -> Payment:
        found = await self.open_.till.payment(payment.id)
        assert found is not None
        return found

    async def leave(self, payment: Payment) -> str:
        """Press "pay": where the form of the page in between goes."""
        async with self.browser.post(self.links.of(payment.id)) as left:
            assert left.status == 200
            action = re.search(r'<form[^>]*action="([^"]+)"', await left.text())
        assert action is not None
        assert action[1].startswith(f"{self.url}/acquirers/{GATE}/open/")
        return action[1]

    async def opened(self, way: str) -> tuple[int, str]:
        async with self.browser.post(way, allow_redirects=False) as sent:
            return sent.status, sent.headers.get("Location", "")

    async def arrive(self, payment: Payment) -> str:
        """From our link to the page where the card is typed: its address."""
        status, page = await self.opened(await self.leave(payment))
        assert (status, page.startswith(f"{self.gate.url}/c/pay/")) == (303, True), page
        return page

    async def card(self, page: str, number: str = cards.APPROVED) -> tuple[int, str]:
        """Typed there: the page again, or the way back."""
        form = {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2031",
                "card[cvc]": "000"}  # fmt: skip
        async with self.browser.post(page, data=form, allow_redirects=False) as typed:
            return typed.status, typed.headers.get("Location", "")

    async def back(self, way: str) -> str:
        async with self.browser.get(way) as shown:
            return await shown.text()

    async def swept(self) -> None:
        """What is due is done: what a page holds is taken."""
        while await self.open_.sweep.run():
            pass

    async def receipts(self, payment: Payment) -> int:
        row = await self.open_.database.one(
            "SELECT count(*) AS receipts FROM receipts WHERE payment_id = %(id)s", id=payment.id
        )
        assert row is not None
        return int(row["receipts"])


@pytest.fixture
def shop(running: OpenedShop) -> OpenedShop:
    """The shop, what its gateway knew forgotten."""
    gate = running.gate.gateway
    running.gate.reset()
    gate.hooks.url, gate.hooks.manner = f"{running.url}/acquirers/{GATE}/webhook", Manner.NEVER
    gate.hooks.answers.clear()
    running.counted.clear()
    return running


@pytest.fixture(scope="module")
async def running(module_database_url: str) -> AsyncIterator[OpenedShop]:
    async with emulated_gateway() as gate:
        async for shop in _serving(module_database_url, gate):
            yield shop


async def _serving(database_url: str, gate: EmulatedGateway) -> AsyncIterator[OpenedShop]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    links, receipts, counted = PayLinks(KEYS, url), ReceiptLinks(KEYS, url), Counter[tuple[str, str]]()

    def options(secret: Secret) -> dict[str, Secret]:
        told = {"url": gate.url, "page_url": gate.url, "timeout_s": HASTY_S}
        return {name: Secret(text) for name, text in told.items()} | {"key": DEMO_KEY, "webhook_secrets": secret}

    def ways(named: str) -> PageWays:
        root = url + hosted.root_of(named)
        return PageWays(root + hosted.BACK, root + hosted.LEFT, root + hosted.CALLBACK, links.make, root + hosted.OPEN)

    client = connect(options(DEMO_SECRET))
    members = {
        GATE: AcquirerMember(AcquirerTerms(GATE, page=True), client),
        OTHER: AcquirerMember(AcquirerTerms(OTHER, page=True, weight=0), ClosedAcquirer()),
    }
    pages = {
        named: connect_page(options(secret), ways(named))
        for named, secret in ((GATE, DEMO_SECRET), (OTHER, OTHERS_SECRET))
    }
    async with open_till(database_url, AcquirerRegistry(members), SystemClock(), Times()) as open_:
        await give_bills(open_.database, [customer(number) for number in range(BILLS)])
        hosting, opened = HostedPagePayments(open_.till, pages), OpenedPages(open_.till, pages, SystemClock())
        shown = Pages(load_texts(), Operator("Khallas", "777"))

        def count(door: str, reason: str) -> None:
            counted[door, reason] += 1

        doors = [
            *hosted.routes(shown, open_.till, hosting, links, receipts, count),
            *opening_routes(shown, open_.till, opened, links, count),
            *shown.routes(),
        ]
        async with serving(Starlette(routes=doors), port), aiohttp.ClientSession() as browser:
            yield OpenedShop(url, open_, gate, links, browser, counted)
        await opened.aclose()
    await client.aclose()


def event(shop: OpenedShop, order_id: str, kind: str = "checkout.session.completed") -> bytes:
    return shop.gate.gateway.hooks.event(kind, {"metadata": {"order_id": order_id}})


async def test_a_browser_pays_there_and_is_shown_its_receipt(shop: OpenedShop) -> None:
    basket = await shop.basket()
    page = await shop.arrive(basket)
    status, way = await shop.card(page)
    assert (status, way) == (303, f"{shop.url}/acquirers/{GATE}/back/{shop.links.make(basket.id)}")
    assert "/receipts/" in await shop.back(way)
    paid = await shop.read(basket)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, GATE)
    assert shop.gate.books.captured_centimes(basket.id) == 0  # "paid" is committed first, then it is taken
    await shop.swept()
    assert shop.gate.books.captured_centimes(basket.id) == basket.amount_centimes
    assert await shop.receipts(basket) == 1


async def test_pressed_twice_it_is_one_page_and_after_paying_it_leads_back(shop: OpenedShop) -> None:
    basket = await shop.basket()
    way = await shop.leave(basket)
    pressed = await asyncio.gather(*(shop.opened(way) for _ in range(4)))
    assert len(set(pressed)) == 1
    assert len(shop.gate.books.sessions) == 1
    await shop.card(pressed[0][1])
    status, again = await shop.opened(way)
    assert (status, again) == (303, f"{shop.url}/acquirers/{GATE}/back/{shop.links.make(basket.id)}")
    await shop.back(again)
    status, again = await shop.opened(way)
    assert (status, again) == (303, shop.links.of(basket.id))  # nothing is to be paid any more


async def test_a_card_that_is_refused_there_leaves_the_page_open_for_another(shop: OpenedShop) -> None:
    basket = await shop.basket()
    page = await shop.arrive(basket)
    assert (await shop.card(page, cards.NO_MONEY))[0] == 402
    async with shop.browser.get(f"{shop.url}/acquirers/{GATE}/left/{shop.links.make(basket.id)}") as gave_up:
        assert shop.links.of(basket.id) in await gave_up.text()
    assert (await shop.read(basket)).state is PaymentState.SENDING
    assert await shop.arrive(basket) == page
    await shop.card(page)
    await shop.back(f"{shop.url}/acquirers/{GATE}/back/{shop.links.make(basket.id)}")
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


@pytest.mark.parametrize("lie", [Way.SILENT_AFTER, Way.ERROR_AFTER, Way.GARBAGE, Way.TORN])
async def test_an_answer_that_is_lost_opens_no_second_page(shop: OpenedShop, lie: Way) -> None:
    basket = await shop.basket()
    shop.gate.gateway.lies.add(lie, Asked.SESSION)
    assert await shop.arrive(basket)
    assert len(shop.gate.books.sessions) == 1


async def test_where_no_page_could_be_opened_the_next_press_is_a_try_of_its_own(shop: OpenedShop) -> None:
    basket = await shop.basket()
    shop.gate.gateway.lies.add(Way.ERROR_BEFORE, Asked.SESSION)  # and told again for this try's key
    assert (await shop.opened(await shop.leave(basket)))[0] == 503
    assert (await shop.read(basket)).state is PaymentState.DECLINED
    page = await shop.arrive(basket)
    await shop.card(page)
    await shop.back(f"{shop.url}/acquirers/{GATE}/back/{shop.links.make(basket.id)}")
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


async def test_nobody_is_sent_to_an_address_that_is_not_the_page_s(shop: OpenedShop) -> None:
    basket = await shop.basket()
    way = await shop.leave(basket)
    shop.gate.gateway.lies.add(Way.OTHER_PAGE, Asked.SESSION)
    assert await shop.opened(way) == (503, "")
    status, page = await shop.opened(way)  # the list tells the true one
    assert (status, page.startswith(f"{shop.gate.url}/c/pay/")) == (303, True)


async def test_a_way_there_that_is_forged_or_another_s_opens_nothing(shop: OpenedShop) -> None:
    basket = await shop.basket()
    way = await shop.leave(basket)
    mark = shop.links.make(basket.id)
    for path, status in (
        (way[:-1] + ("A" if way[-1] != "A" else "B"), 404),
        (f"{shop.url}/acquirers/{OTHER}/open/{mark}", 303),  # back to the basket
        (f"{shop.url}/acquirers/nobody/open/{mark}", 303),
        (f"{shop.url}/cmi/open/{mark}", 303),
    ):
        assert (await shop.opened(path))[0] == status, path
    fresh = await shop.basket()  # not on its way there
    assert await shop.opened(f"{shop.url}/acquirers/{GATE}/open/{shop.links.make(fresh.id)}") == (
        303,
        shop.links.of(fresh.id),
    )
    assert shop.gate.books.sessions == {}


# --- the webhooks -----------------------------------------------------------------------------------------------------


async def paid_there(shop: OpenedShop) -> Payment:
    """Paid on the page; the browser never comes back."""
    basket = await shop.basket()
    await shop.card(await shop.arrive(basket))
    assert (await shop.read(basket)).state is PaymentState.SENDING
    return basket


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_webhook_alone_brings_the_receipt_and_repeats_change_nothing(shop: OpenedShop, backwards: bool) -> None:
    gate = shop.gate.gateway
    gate.hooks.manner = Manner.HELD
    basket = await paid_there(shop)
    assert await gate.hooks.flush(backwards=backwards, times=2) >= 3
    assert set(gate.hooks.answers) == {200}
    paid = await shop.read(basket)
    assert paid.state is PaymentState.CAPTURED
    await shop.swept()
    assert await gate.hooks.flush(times=2) >= 1  # the capture's own
    await gate.hooks.deliver(event(shop, basket.id))  # days later
    assert set(gate.hooks.answers) == {200}
    await shop.swept()
    now = await shop.read(basket)
    assert (now.state, now.receipt_number) == (PaymentState.CAPTURED, paid.receipt_number)
    assert (shop.gate.books.captures(basket.id), await shop.receipts(basket)) == (1, 1)


async def test_one_that_comes_before_the_answer_is_followed_too(shop: OpenedShop) -> None:
    shop.gate.gateway.hooks.manner = Manner.BEFORE
    basket = await shop.basket()
    page = await shop.arrive(basket)
    await shop.card(page, cards.NO_MONEY)
    assert (await shop.read(basket)).state is PaymentState.SENDING
    await shop.card(page)
    assert set(shop.gate.gateway.hooks.answers) == {200}
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


async def test_a_webhook_is_believed_in_nothing_but_whom_to_ask_about(shop: OpenedShop) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    paid = json.loads(event(shop, basket.id, "payment_intent.succeeded"))
    paid["data"]["object"] |= {"status": "succeeded", "amount_received": basket.amount_centimes}
    assert await shop.gate.gateway.hooks.deliver(json.dumps(paid).encode()) == 200
    assert (await shop.read(basket)).state is PaymentState.SENDING


def signatures(body: bytes) -> dict[str, str]:
    at = int(time.time())
    right = hooks.signature(DEMO_SECRET, body, at)
    return {
        "none": "",
        "others": hooks.header([OTHERS_SECRET], body, at),
        "old": hooks.header([DEMO_SECRET], body, at - 301),
        "of tomorrow": hooks.header([DEMO_SECRET], body, at + 86_400),
        "of another body": hooks.header([DEMO_SECRET], body + b" ", at),
        "of another time": f"t={at + 1},v1={right}",
        "of a test": f"t={at},v0={right}",
    }


async def test_what_is_forged_old_or_signed_with_another_s_key_asks_nobody(shop: OpenedShop) -> None:
    basket = await paid_there(shop)
    body = event(shop, basket.id)
    shop.gate.gateway.seen.clear()
    for what, sign in signatures(body).items():
        assert await shop.gate.gateway.hooks.deliver(body, sign) == 400, what
    assert shop.gate.gateway.seen == []
    assert shop.counted["cmi-page", "forbidden"] == len(signatures(body))
    assert (await shop.read(basket)).state is PaymentState.SENDING


async def test_one_about_another_acquirer_s_order_is_refused(shop: OpenedShop) -> None:
    basket = await paid_there(shop)
    gate = shop.gate.gateway.hooks
    gate.url, gate.secrets = f"{shop.url}/acquirers/{OTHER}/webhook", [OTHERS_SECRET]
    shop.gate.gateway.seen.clear()
    try:
        assert await gate.deliver(event(shop, basket.id)) == 400
    finally:
        gate.secrets = [DEMO_SECRET]
    assert shop.gate.gateway.seen == []
    assert (await shop.read(basket)).state is PaymentState.SENDING


@pytest.mark.parametrize("order_id", ["", "another-shop-s", "01KAZB3S5V0000000000000001", "\u0000" * 26, "x" * 400])
async def test_one_about_nothing_of_ours_is_taken_and_forgotten(shop: OpenedShop, order_id: str) -> None:
    assert await shop.gate.gateway.hooks.deliver(event(shop, order_id)) == 200
    assert shop.counted == {}


async def test_who_has_no_such_door_says_so_and_what_is_too_long_is_not_read(shop: OpenedShop) -> None:
    for path in ("/acquirers/nobody/webhook", "/cmi/webhook"):
        async with shop.browser.post(shop.url + path, data=b"{}") as answer:
            assert answer.status == 404
    async with shop.browser.post(shop.gate.gateway.hooks.url, data=b"x" * 70_000) as answer:
        assert answer.status == 400


async def test_a_card_under_way_by_telephone_is_left_to_whoever_sent_it(shop: OpenedShop) -> None:
    basket = await shop.basket()
    await shop.open_.database.do(
        "UPDATE payments SET state = 'sending', attempts = 1, sent_at = now(), acquirer = %(named)s WHERE id = %(id)s",
        named=GATE,
        id=basket.id,
    )
    shop.gate.gateway.seen.clear()
    assert await shop.gate.gateway.hooks.deliver(event(shop, basket.id)) == 200
    assert shop.gate.gateway.seen == []
