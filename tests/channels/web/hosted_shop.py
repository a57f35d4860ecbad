"""A shop with the doors of the hosted page, served; the emulated CMI calls back."""

import html
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest
import yarl
from starlette.applications import Starlette

from channels.links import PayLinks, ReceiptLinks
from channels.receipt_view import Operator
from channels.web.hosted_page import endpoint as hosted
from channels.web.pages import Pages
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_page import CmiPage
from core.acquirers.hosted import HostedShop, ver3_hash
from core.clock import SystemClock
from core.messaging.texts import load_texts
from core.money import decimal_text
from core.payments.hosted_page import HostedPagePayments
from core.payments.schedule import Times
from core.payments.table import Payment
from core.ports import LimitsDown
from lab.chaos.customer import customer, order_of
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.clocks import NOON
from lab.cmi.hosted import FORM
from lab.cmi.posts import body_of
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi, emulated_cmi
from lab.servers.processes import free_port
from lab.servers.serving import serving

APPROVED, NO_MONEY = "4000000000000010", "4000009900005102"
KEYS = ("a-secret-key-of-the-links",)
BILLS = 260
CALLBACKS = 5_000
TOGETHER = 8


@dataclass
class FewVisits:
    """Implements core.ports.IntentLimits: as many visits, then none; without counters nobody may."""

    left: int = BILLS * TOGETHER
    away: bool = False

    async def allow(self, payment: Payment) -> bool:
        if self.away:
            raise LimitsDown("away")
        self.left -= 1
        return self.left >= 0


@dataclass
class Shop:
    """The doors of the hosted page, served."""

    url: str
    open_: OpenTill
    cmi: EmulatedCmi
    page: CmiPage
    hosting: HostedPagePayments
    links: PayLinks
    browser: aiohttp.ClientSession
    counted: Counter[tuple[str, str]]
    visits: FewVisits

    async def basket(self, number: int = 1) -> Payment:
        order = order_of(customer(number), f"+2126{number:08d}", f"web:{number}")
        started = await self.open_.till.start(order)
        assert isinstance(started, Payment)
        return started

    async def read(self, payment: Payment) -> Payment:
        found = await self.open_.till.payment(payment.id)
        assert found is not None
        return found

    async def arrive(self, payment: Payment) -> str:
        """From our link to the page where the card is typed: its address."""
        link = self.links.of(payment.id)
        async with self.browser.get(link) as shown:
            assert shown.status == 200
            text = await shown.text()
            assert decimal_text(payment.amount_centimes).replace(".", ",") in text
            assert re.search(r"<(input|select|textarea)", text) is None  # no page of ours collects anything
        async with self.browser.post(link) as left:
            assert left.status == 200
            return await self.submit(await left.text())

    async def submit(self, page: str) -> str:
        """The form of a page, as a browser posts it; what comes back."""
        action = re.search(r'<form[^>]*action="([^"]+)"', page)
        assert action is not None, page
        pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
        fields = {html.unescape(name): html.unescape(value) for name, value in pairs}
        charset = re.search(r'accept-charset="([^"]+)"', page)
        body = body_of(fields, charset[1] if charset else "UTF-8")
        url = html.unescape(action[1])
        if 'method="get"' in page:
            ask = self.browser.get(yarl.URL(f"{url}?{body.decode()}", encoded=True))
        else:
            ask = self.browser.post(url, data=body, headers={"Content-Type": FORM})
        async with ask as answer:
            assert answer.status < 300 or "/receipts/" in str(answer.url)  # which is served elsewhere
            return await answer.text()

    async def post(self, url: str, fields: dict[str, str]) -> str:
        async with self.browser.post(url, data=fields) as answer:
            return await answer.text()

    async def card(self, page: str, pan: str) -> str:
        """A card typed there; what comes back: the page again, or the way back."""
        action = re.search(r'action="(/fim/est3Dgate/[^"]+)"', page)
        assert action is not None, page
        return await self.post(self.cmi.url + action[1], {"pan": pan, "expires": "12/30", "cvv": "000"})

    def said(self, payment: Payment, **changes: str) -> dict[str, str]:
        """What the acquirer's server would call back."""
        fields = {
            "oid": payment.id,
            "clientid": self.page.shop.client_id,
            "amount": decimal_text(payment.amount_centimes),
            "currency": "504",
            "Response": "Approved",
            "ProcReturnCode": "00",
            "mdStatus": "1",
            "AuthCode": "123456",
            "TransId": "100001001587",
            **changes,
        }
        return {**fields, "HASH": ver3_hash(fields, self.page.shop.store_key)}

    def declined(self, payment: Payment) -> dict[str, str]:
        return self.said(payment, Response="Declined", ProcReturnCode="51", AuthCode="")


async def serving_a_shop(database_url: str) -> AsyncIterator[Shop]:
    """The body of a fixture, for whoever has another `shop`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with emulated_cmi() as cmi:
        acquirer = CmiAcquirer(cmi.account, timeout_s=2.0)
        back, callback, left = url + hosted.BACK_PATH, url + hosted.CALLBACK_PATH, url + hosted.LEFT_PATH
        store = HostedShop(DEMO_CREDENTIALS.client_id, DEMO_CREDENTIALS.store_key, back, back, left, callback)
        links, receipts, counted = PayLinks(KEYS, url), ReceiptLinks(KEYS, url), Counter[tuple[str, str]]()
        page = CmiPage(store, f"{cmi.url}/fim/est3Dgate", links.make)
        async with open_till(database_url, acquirer, SystemClock(), Times()) as open_:
            await give_bills(open_.database, [customer(number) for number in range(BILLS)])
            visits = FewVisits()
            hosting = HostedPagePayments(open_.till, {"cmi": page}, visits=visits)
            pages = Pages(load_texts(), Operator("Khallas", "777"))

            def count(door: str, reason: str) -> None:
                counted[door, reason] += 1

            doors = [*hosted.routes(pages, open_.till, hosting, links, receipts, count), *pages.routes()]
            async with serving(Starlette(routes=doors), port), aiohttp.ClientSession() as browser:
                yield Shop(url, open_, cmi, page, hosting, links, browser, counted, visits)
        await acquirer.aclose()


shop = pytest.fixture(name="shop")(serving_a_shop)


async def told(shop: Shop, payment: Payment) -> list[object]:
    """All that the books say of a payment, without its names and times."""
    state = await shop.read(payment)
    nameless = replace(state, id="", reference="", line_reference="", payer_msisdn="", invoices=(), amount_centimes=0,
        receipt_number=None, receipt_token=None, approved_centimes=0, created_at=NOON,
        expires_at=NOON, sent_at=None, page_until=None, paid_at=None)  # fmt: skip
    rows = await shop.open_.database.all(
        "SELECT event AS what, state AS how FROM payment_events WHERE payment_id = %(id)s "
        "UNION ALL SELECT kind, status FROM messages WHERE payment_id = %(id)s "
        "UNION ALL SELECT 'receipt', count(*)::text FROM receipts WHERE payment_id = %(id)s",
        id=payment.id,
    )
    return [nameless, sorted((row["what"], row["how"]) for row in rows)]
