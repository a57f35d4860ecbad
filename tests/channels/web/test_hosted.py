"""A browser pays on the acquirer's page: the whole way over HTTP, the emulated CMI calling back."""

import asyncio
import html
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest
import yarl
from redis.asyncio import Redis
from starlette.applications import Starlette

from channels.limits import Limits
from channels.links import PayLinks, ReceiptLinks
from channels.pace import RedisPace
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
from core.payments.hosted_page_port import PageForm
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from lab.chaos.customer import customer, order_of
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.cmi.hosted import FORM
from lab.cmi.lies import Kind, Manner
from lab.cmi.posts import EVERY_MANNER, Manners, body_of, kit_hash, real_set
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi, emulated_cmi
from lab.servers.processes import free_port
from lab.servers.serving import serving
from tests.core.fakes import NOON

APPROVED, NO_MONEY = "4000000000000010", "4000009900005102"
KEYS = ("a-secret-key-of-the-links",)
BILLS = 260
CALLBACKS = 5_000
TOGETHER = 8


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
            assert "name=" not in re.sub(r"<meta[^>]*>", "", text)  # no page of ours collects anything
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


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
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
            hosting = HostedPagePayments(open_.till, page)
            pages = Pages(load_texts(), Operator("Khallas", "777"))

            def count(door: str, reason: str) -> None:
                counted[door, reason] += 1

            doors = [*hosted.routes(pages, open_.till, hosting, links, receipts, page.url, count), *pages.routes()]
            async with serving(Starlette(routes=doors), port), aiohttp.ClientSession() as browser:
                yield Shop(url, open_, cmi, page, hosting, links, browser, counted)
        await acquirer.aclose()


async def test_paid_in_a_browser(shop: Shop) -> None:
    basket = await shop.basket()
    page = await shop.arrive(basket)
    assert (await shop.read(basket)).state is PaymentState.SENDING  # committed before the browser left
    await shop.card(page, APPROVED)
    paid = await shop.read(basket)
    assert (paid.state, paid.receipt_number) == (PaymentState.CAPTURED, "2026-00000001")
    assert shop.cmi.captured_centimes(basket.id) == basket.amount_centimes
    async with shop.browser.get(shop.links.of(basket.id), allow_redirects=False) as again:
        assert (again.status, "/receipts/" in again.headers["Location"]) == (303, True)


async def test_a_decline_on_the_page_then_another_card(shop: Shop) -> None:
    basket = await shop.basket()
    page = await shop.card(await shop.arrive(basket), NO_MONEY)
    assert (await shop.read(basket)).state is PaymentState.SENDING  # the page goes on
    await shop.card(page, APPROVED)
    assert (await shop.read(basket)).state is PaymentState.CAPTURED
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, shop.declined(basket)) == "APPROVED"
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


async def test_declined_for_good_and_back(shop: Shop) -> None:
    basket = await shop.basket()
    page = await shop.arrive(basket)
    for _ in range(3):
        page = await shop.card(page, NO_MONEY)
    standing = await shop.submit(page)
    assert "rien n&#39;a été débité" in standing
    assert (await shop.read(basket)).state is PaymentState.DECLINED
    await shop.card(await shop.arrive(basket), APPROVED)
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


async def test_a_callback_that_never_came_is_made_good_by_asking(shop: Shop) -> None:
    """The money is only held until "paid" is committed; then it is taken."""
    basket = await shop.basket()
    shop.cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.PRE_AUTH}))
    page = await shop.card(await shop.arrive(basket), APPROVED)
    assert (await shop.read(basket)).state is PaymentState.SENDING
    assert shop.cmi.captured_centimes(basket.id) == 0
    await shop.submit(page)
    assert (await shop.read(basket)).state is PaymentState.CAPTURED
    await shop.open_.sweep.run()
    assert shop.cmi.captured_centimes(basket.id) == basket.amount_centimes


async def test_another_amount_on_the_page_is_never_taken(shop: Shop) -> None:
    basket = await shop.basket()
    shop.cmi.lie(Manner.WRONG_AMOUNT, on=frozenset({Kind.PRE_AUTH}))
    page = await shop.card(await shop.arrive(basket), APPROVED)
    assert (await shop.read(basket)).state is PaymentState.SENDING
    await shop.submit(page)
    await shop.open_.sweep.run()
    assert (await shop.read(basket)).state is PaymentState.VOIDED
    assert shop.cmi.captured_centimes(basket.id) == 0


@pytest.mark.parametrize(
    "changes", [{"amount": "1.00"}, {"currency": "978"}, {"clientid": "1"}, {"oid": "01M839VMY3X8QSYWJHJ5G0BSS4"}]
)
async def test_a_signed_callback_about_something_else_is_refused(
    shop: Shop, changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, shop.said(basket, **changes)) == "FAILURE"
    assert (await shop.read(basket)).state is PaymentState.SENDING
    assert "about another order, amount, currency or shop" in caplog.text


@pytest.mark.parametrize("path", [hosted.CALLBACK_PATH, hosted.BACK_PATH])
async def test_a_forgery_changes_nothing(shop: Shop, path: str, caplog: pytest.LogCaptureFixture) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    forged = {**shop.said(basket), "amount": "0.01"}
    answer = await shop.post(shop.url + path, forged)
    assert answer == "FAILURE" if path == hosted.CALLBACK_PATH else "gone" not in answer
    assert (await shop.read(basket)).state is PaymentState.SENDING


async def test_a_callback_while_the_database_is_away_is_asked_for_again(shop: Shop) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    await shop.open_.database.pool.close()
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, shop.said(basket)) == "FAILURE"
    async with shop.browser.get(shop.links.of(basket.id)) as shown:
        assert shown.status == 503


async def test_links_that_open_nothing(shop: Shop) -> None:
    token = shop.links.make("01M839VMY3X8QSYWJHJ5G0BSS4")
    for link in (token, token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1")):
        for ask in (shop.browser.get, shop.browser.post):
            async with ask(f"{shop.url}/pay/{link}") as answer:
                assert answer.status == 404


async def test_an_abandoned_page_lets_the_bills_go_after_the_window(shop: Shop) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    other = order_of(customer(1), "+212711111111", "ussd:1")
    assert not isinstance(await shop.open_.till.start(other), Payment)
    assert (await shop.open_.till.open_page(basket.id, 600)) == await shop.read(basket)


async def test_five_thousand_callbacks_in_any_order_are_one_ordered_delivery(shop: Shop) -> None:
    """Two declines and an approval, or declines alone, for each basket; its twin gets them once and in order."""
    chance = random.Random(5)
    pairs = []
    for number in range(0, BILLS, 2):
        ordered, shuffled = await shop.basket(number), await shop.basket(number + 1)
        for basket in (ordered, shuffled):
            await shop.open_.till.open_page(basket.id, 600)
        pairs.append((ordered, shuffled, number % 10 != 0))
    deliveries = []
    for ordered, shuffled, approved in pairs:
        story = [shop.declined, shop.declined, *([shop.said] if approved else [])]
        for say in story:
            await shop.hosting.called_back(say(ordered))
        deliveries += [say(shuffled) for say in story]
    deliveries += chance.choices(deliveries, k=CALLBACKS - len(deliveries))
    chance.shuffle(deliveries)
    answers: dict[tuple[str, str], set[str]] = {}
    for first in range(0, CALLBACKS, TOGETHER):
        some = deliveries[first : first + TOGETHER]
        words = await asyncio.gather(*(shop.hosting.called_back(fields) for fields in some))
        for fields, word in zip(some, words, strict=True):
            answers.setdefault((fields["oid"], fields["ProcReturnCode"]), set()).add(word)
    assert len(deliveries) == CALLBACKS
    assert all(len(words) == 1 for words in answers.values())
    for ordered, shuffled, approved in pairs:
        assert await told(shop, shuffled) == await told(shop, ordered)
        assert (await shop.read(shuffled)).state is (PaymentState.CAPTURED if approved else PaymentState.SENDING)


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


# --- what real pages post ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manners", EVERY_MANNER, ids=lambda one: f"{one.fields}-{one.encoding}-{one.way_back}")
async def test_every_merchants_page_is_believed_and_leads_back(shop: Shop, manners: Manners) -> None:
    """66, 72 and 105 fields, in each alphabet, signed as the kit signs, with fields of the browser's own."""
    shop.cmi.gateway.pages.manners = manners
    basket = await shop.basket()
    back = await shop.card(await shop.arrive(basket), APPROVED)
    assert (await shop.read(basket)).state is PaymentState.CAPTURED
    assert shop.cmi.captured_centimes(basket.id) == basket.amount_centimes
    async with shop.browser.get(shop.links.of(basket.id), allow_redirects=False) as again:
        assert again.status == 303
    assert "accept-charset" in back
    assert len(re.findall("<input type=.hidden. ", back)) == manners.fields + 2  # countdown and _charset_


async def test_two_hundred_fields_are_read_and_one_more_is_counted(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    said = shop.said(basket)
    fits = {**said, **{f"EXTRA.F{number}": "x" for number in range(200 - len(said))}}
    for fields, answer in (
        (await signed(shop, {**fits, "EXTRA.ONE": ""}), "FAILURE"),
        (await signed(shop, fits), "ACTION=POSTAUTH"),
    ):
        assert await shop.post(shop.url + hosted.CALLBACK_PATH, fields) == answer
    assert "more than 200 fields" in caplog.text
    assert shop.counted == {(hosted.DOOR, "malformed"): 1}


async def signed(shop: Shop, fields: dict[str, str]) -> dict[str, str]:
    fields.pop("HASH", None)
    return {**fields, "HASH": ver3_hash(fields, shop.page.shop.store_key)}


@pytest.mark.parametrize("where", [hosted.BACK_PATH, hosted.LEFT_PATH])
@pytest.mark.parametrize("forged", [{}, {"countdown": "1", "_charset_": "UTF-8"}, {"utm_source": "x", "amount": "1"}])
async def test_the_way_back_needs_no_hash_and_decides_nothing(shop: Shop, where: str, forged: dict[str, str]) -> None:
    """Our own reference in its path, or in the okUrl that comes back, says whose browser it is."""
    basket = await shop.basket()
    await shop.arrive(basket)
    mark = shop.links.make(basket.id)
    for url, fields in (
        (f"{shop.url}{where}/{mark}", {**shop.said(basket), **forged}),
        (f"{shop.url}{where}", {"okUrl": f"{shop.url}{hosted.BACK_PATH}/{mark}", **forged}),
    ):
        for ask in (shop.browser.get(url, params=fields), shop.browser.post(url, data=fields)):
            async with ask as answer:
                assert (
                    answer.status,
                    decimal_text(basket.amount_centimes).replace(".", ",") in await answer.text(),
                ) == (200, True)
    assert (await shop.read(basket)).state is PaymentState.SENDING


@pytest.mark.parametrize("asked", [hosted.BACK_PATH, hosted.LEFT_PATH])
async def test_a_browser_without_any_reference_is_told_how_to_go_on(shop: Shop, asked: str) -> None:
    for ask in (shop.browser.get, shop.browser.post):
        async with ask(shop.url + asked) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert all(f'lang="{language}"' in text for language in ("fr", "ar", "en"))
            assert "777" in text
    async with shop.browser.get(f"{shop.url}{asked}/{'0' * 39}") as forged:
        assert forged.status == 404


async def test_who_gave_up_on_the_banks_page_is_told_what_is_known(shop: Shop) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    link = shop.links.of(basket.id)
    async with shop.browser.get(f"{shop.url}{hosted.LEFT_PATH}/{shop.links.make(basket.id)}") as left:
        text = await left.text()
    assert f'href="{link}"' in text
    assert "aucun paiement" in text


@pytest.mark.parametrize(
    "extra", [{"NATIONALIDNO": "12"}, {"countdown": "3", "_charset_": "UTF-8"}, {"utm_source": "x"}]
)
async def test_fields_outside_the_hash_are_left_out_of_it(shop: Shop, extra: dict[str, str]) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    fields = {**shop.said(basket), **extra}
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, fields) == "ACTION=POSTAUTH"
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


@pytest.mark.parametrize("declared", ["ISO-8859-9", "UTF-8", "", "x-unknown"])
async def test_a_callback_in_another_alphabet_than_it_says(shop: Shop, declared: str) -> None:
    """`Op%E9ration`: by its encoding, else as Latin-1; the hash decides."""
    basket = await shop.basket()
    await shop.arrive(basket)
    fields = {**shop.said(basket), "ErrMsg": "Opération", "encoding": declared}
    del fields["HASH"]
    for charset in ("iso-8859-1", "utf-8"):  # signed over its own bytes, or over the text
        body = body_of({**fields, "HASH": kit_hash(fields, charset, shop.page.shop.store_key)}, "iso-8859-1")
        async with shop.browser.post(
            shop.url + hosted.CALLBACK_PATH, data=body, headers={"Content-Type": FORM}
        ) as answer:
            assert await answer.text() == "ACTION=POSTAUTH"


async def test_the_page_that_leaves_lets_a_gateway_send_the_browser_on(shop: Shop) -> None:
    basket = await shop.basket()
    async with shop.browser.post(shop.links.of(basket.id)) as left:
        assert "form-action " in left.headers["Content-Security-Policy"]
        assert " https:" in left.headers["Content-Security-Policy"]
        assert left.headers["Referrer-Policy"] == "strict-origin"
        assert f"{hosted.BACK_PATH}/{shop.links.make(basket.id)}" in await left.text()


def test_the_emulators_posts_have_as_many_fields_as_real_ones() -> None:
    ours = {name: name for name in ("oid", "clientid", "amount", "okUrl", "encoding", "HASH")}
    for manners in EVERY_MANNER:
        assert len(real_set(ours, {"Response": "Approved"}, manners, DEMO_CREDENTIALS.store_key)) == manners.fields


async def test_the_bank_is_asked_once_however_often_a_browser_is_back(
    shop: Shop, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form that we gave the browser, posted to /cmi/back sixty times."""
    basket = await shop.basket()
    await shop.arrive(basket)
    redis = Redis.from_url(redis_url)
    shop.hosting._pace = RedisPace(Limits(redis, "page"))
    asked = list[str]()
    over = shop.open_.till.attendant.page_over

    async def counted(payment_id: str) -> Payment:
        asked.append(payment_id)
        return await over(payment_id)

    monkeypatch.setattr(shop.open_.till.attendant, "page_over", counted)
    async with asyncio.TaskGroup() as group:
        for _ in range(60):
            group.create_task(shop.post(shop.url + hosted.BACK_PATH, shop.said(basket)))
    assert asked == [basket.id]
    await redis.aclose()


async def test_our_own_form_is_not_the_banks_word(shop: Shop) -> None:
    """It bears a right hash, and tells no outcome."""
    basket = await shop.basket()
    left = await shop.hosting.leave(basket.id)
    assert isinstance(left, PageForm)
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, dict(left.fields)) == "FAILURE"
    assert (await shop.read(basket)).state is PaymentState.SENDING
