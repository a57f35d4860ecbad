"""From the choice of a bill to the bank's page and the receipt, as a browser without scripts walks it."""

import asyncio
import re
from collections.abc import Callable

import pytest

from channels.sms.answers import Answers
from channels.sms.deduplication import SEALED_FOR, RedisDeduplication
from channels.sms.words import SEGMENTS_MAX
from core.languages import LanguageCode
from core.messaging.gsm7 import segments
from core.payments.consent import TERMS_VERSION
from core.payments.refusal import Refusal
from core.payments.service import StartOrder
from core.payments.table import Payment, PaymentState
from core.sealing import Sealer
from core.subscribers.lines import ServiceType
from khallas.bootstrap.gateways import pay_link_of, words_of
from lab.browser import BrowserPage, ScreenlessBrowser
from tests.support.world import World

APPROVED = "4000000000000010"
MOBILE = {"reference": "0600000001", "code": "482913", "email": "payer@example.ma"}
FIXED = {"reference": "0537000103", "code": "664120", "email": "payer@example.ma"}
TICK = {"terms": ["yes"]}
SCRIPT = re.compile(r"<script|\son\w+=|javascript:", re.IGNORECASE)

Opens = Callable[..., ScreenlessBrowser]


def sound(page: BrowserPage) -> None:
    """What every page of this door keeps to."""
    assert not SCRIPT.search(page.html)
    assert "script-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert all(each.startswith("/") for each in page.read.loaded), page.read.loaded
    assert "777" in page.text


async def bills_of(browser: ScreenlessBrowser, service: str = "mobile", typed: dict[str, str] = MOBILE) -> BrowserPage:
    page = await browser.get(f"/bills/{service}")
    sound(page)
    return await browser.send(page, typed, terms=["yes"])


async def to_the_bank(browser: ScreenlessBrowser, page: BrowserPage) -> BrowserPage:
    """From the bills on, all ticked."""
    review = await browser.send(page)
    assert review.path == "/bills/confirm"
    sound(review)
    left = await browser.send(review, action="/bills/confirm")
    assert left.path.startswith("/pay/")
    assert left.way == (303, 200)
    return left


async def pays(browser: ScreenlessBrowser, here: World, left: BrowserPage, pan: str = APPROVED) -> BrowserPage:
    """On the emulated bank's pages, and back here."""
    asked = await browser.send(left)
    typed = {"pan": pan, "expires": "12/30", "cvv": "000"}
    way_back = await browser.send(asked, typed)
    form = way_back.read.forms[0]
    if form.method == "get":
        from urllib.parse import urlencode

        return await browser.get(f"{form.action}?{urlencode(form.fields)}")
    return await browser.send(way_back)


@pytest.mark.parametrize(
    ("language", "title"), [("fr", "Étape 1 sur 4"), ("ar", "المرحلة 1 من 4"), ("en", "Step 1 of 4")]
)
async def test_from_the_choice_to_the_receipt(opens: Opens, here: World, language: str, title: str) -> None:
    browser = opens()
    home = await browser.get(f"/?lang={language}")
    sound(home)
    assert home.read.title.startswith(title)
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in home.html
    bills = await browser.send(home, {**MOBILE, "service": "mobile", "lang": language}, terms=["yes"])
    sound(bills)
    assert (bills.path, bills.way) == ("/bills/choose", (303, 200))
    assert f'lang="{language}"' in bills.html
    assert "769,20" in bills.text
    left = await to_the_bank(browser, bills)
    assert "script-src 'none'" in left.headers["Content-Security-Policy"]
    back = await pays(browser, here, left)
    assert back.status == 200
    assert 'http-equiv="refresh" content="0;url=' in back.html
    receipt = await browser.get(next(link for link in back.read.links if "/receipts/" in link))
    assert receipt.status == 200
    assert "769,20" in receipt.text
    row = await here.house.database.one("SELECT id, state, channel, language, email, payer_msisdn FROM payments")
    assert row is not None
    assert (row["state"], row["channel"], row["language"]) == ("captured", "web", language)
    assert row["email"] == "payer@example.ma"
    agreed = await here.house.database.all(
        "SELECT msisdn, channel, language, version, service, line_reference, payment_id FROM consents ORDER BY id"
    )
    given = {
        "msisdn": row["payer_msisdn"],
        "channel": "web",
        "language": language,
        "version": TERMS_VERSION,
        "service": "mobile",
        "line_reference": MOBILE["reference"],
    }
    assert agreed == [{**given, "payment_id": None}, {**given, "payment_id": row["id"]}]


async def test_unticked_bills_are_not_paid(opens: Opens, here: World) -> None:
    browser = opens()
    bills = await bills_of(browser, "mobile", {**MOBILE, "reference": "0600000002", "code": "771204"})
    numbers = bills.form().boxes["bill"]
    assert len(numbers) > 1
    again = await browser.send(bills, press="sum", bill=numbers[:1])
    assert again.path == "/bills/choose"
    assert again.form().ticked["bill"] == numbers[:1]
    review = await browser.send(again)
    assert numbers[0] in review.text
    assert numbers[1] not in review.text
    await browser.send(review, action="/bills/confirm")
    lines = await here.house.database.all("SELECT invoice_number FROM payment_lines")
    assert [line["invoice_number"] for line in lines] == numbers[:1]


async def test_nothing_ticked_is_told_and_pays_nothing(opens: Opens, here: World) -> None:
    browser = opens()
    bills = await bills_of(browser)
    page = await browser.send(bills, bill=[])
    assert page.status == 422
    assert 'role="alert"' in page.html
    assert page.read.title.startswith("Erreur")
    assert await here.house.database.all("SELECT 1 AS one FROM payments") == []


async def test_every_mistake_is_told_at_once_and_what_was_typed_stays(opens: Opens) -> None:
    browser = opens()
    page = await browser.get("/bills/mobile?lang=en")
    wrong = await browser.send(page, {"reference": "12", "code": "1", "email": "not-an-address"})
    assert wrong.status == 422
    assert wrong.read.title.startswith("Error:")
    assert [link for link in wrong.read.links if link.startswith("#") and link != "#main"] == [
        "#reference",
        "#code",
        "#email",
        "#terms",
    ]
    assert 'role="alert"' in wrong.html
    assert 'value="not-an-address"' in wrong.html
    assert 'name="code" type="text"' in wrong.html
    assert 'value="1"' not in wrong.html
    assert wrong.html.count('aria-invalid="true"') == 4


async def test_an_unknown_line_and_a_wrong_code_are_told_in_the_same_words(opens: Opens) -> None:
    pages = []
    for typed in ({**MOBILE, "code": "918273"}, {**MOBILE, "reference": "0699999999"}):
        page = await bills_of(opens(), "mobile", typed)
        assert page.status == 422
        assert typed["code"] not in page.html
        pages.append(re.sub(r'name="(state|step|reference)"[^>]*', "", page.text))
    assert pages[0] == pages[1]


async def test_a_form_that_no_page_of_ours_made_does_nothing(opens: Opens, here: World) -> None:
    for headers in ({}, {"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        browser = opens(**headers)
        page = await browser.get("/bills/mobile")
        pairs = [*MOBILE.items(), ("terms", "yes")]
        if headers:
            pairs += page.form().fields
        answer = await browser.post("/bills/mobile", pairs)
        assert answer.status == 403
    assert await here.house.database.all("SELECT 1 AS one FROM consents") == []


async def test_another_browser_s_page_is_no_key_to_this_one(opens: Opens) -> None:
    one, other = opens(), opens()
    await one.get("/bills/mobile")
    stolen = (await other.get("/bills/mobile")).form()
    pairs = [(name, MOBILE.get(name, value)) for name, value in stolen.fields]
    assert (await one.post("/bills/mobile", [*pairs, ("terms", "yes")])).status == 403


async def test_without_cookies_the_journey_is_the_same(opens: Opens, here: World) -> None:
    browser = opens(cookies=False)
    bills = await bills_of(browser)
    assert (bills.status, bills.way) == (200, (200,))
    sound(bills)
    review = await browser.send(bills)
    sound(review)
    left = await browser.send(review, action="/bills/confirm")
    assert left.path.startswith("/pay/")
    back = await pays(browser, here, left)
    assert any("/receipts/" in link for link in back.read.links)
    assert len(await here.house.database.all("SELECT 1 AS one FROM payments")) == 1


async def test_sent_again_or_in_two_windows_a_payment_is_made_once(opens: Opens, here: World) -> None:
    browser = opens()
    bills = await bills_of(browser)
    review = await browser.send(bills)
    first = await browser.send(review, action="/bills/confirm")
    for stale in (review, review):
        again = await browser.send(stale, action="/bills/confirm")
        assert again.path == first.path
    assert (await browser.get("/bills/choose")).path == first.path
    assert (await browser.get("/bills/confirm")).path == first.path
    assert (await browser.send(bills)).path == first.path
    await pays(browser, here, first)
    over = await browser.get("/bills/confirm")
    assert "/receipts/" in over.path
    rows = await here.house.database.all("SELECT state FROM payments")
    assert [row["state"] for row in rows] == [PaymentState.CAPTURED.value]


async def test_a_second_browser_is_told_that_the_bill_is_being_paid(opens: Opens, here: World) -> None:
    one, other = opens(), opens()
    waiting = await bills_of(other)
    left = await to_the_bank(one, await bills_of(one))
    review = await other.send(waiting)
    told = await other.send(review, action="/bills/confirm")
    assert told.path == "/bills/over"
    assert "déjà en cours" in told.text
    await pays(one, here, left)
    nothing = await bills_of(opens())
    assert "Aucune facture" in nothing.text


async def test_the_cookie_is_this_browser_s_alone(opens: Opens) -> None:
    page = await opens().get("/bills/fixed")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("kh=")  # __Host- asks for https
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_an_older_page_of_the_review_shows_what_stands_now(opens: Opens, here: World) -> None:
    browser = opens()
    bills = await bills_of(browser, "mobile", {**MOBILE, "reference": "0600000002", "code": "771204"})
    numbers = bills.form().boxes["bill"]
    review = await browser.send(bills)
    await browser.send(bills, bill=numbers[:1])
    told = await browser.send(review, action="/bills/confirm")
    assert "autre fenêtre" in told.text
    assert numbers[1] not in told.text
    assert await here.house.database.all("SELECT 1 AS one FROM payments") == []


async def test_an_address_of_no_page_is_told_so(opens: Opens) -> None:
    assert (await opens().get("/bills/water")).status == 404
    assert (await opens().get("/bills/choose")).status == 410


async def test_a_link_to_a_basket_of_the_telephone_reaches_a_browser_and_dies_with_it(
    opens: Opens, here: World
) -> None:
    till = here.house.till
    unpaid = await till.unpaid(ServiceType.MOBILE, "0600000001")
    assert not isinstance(unpaid, Refusal)
    order = StartOrder(
        "ussd:1", "ussd", "+212600000001", LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", unpaid
    )
    basket = await till.start(order)
    assert isinstance(basket, Payment)
    said = await Answers(
        words_of(here.house.settings, here.house.texts),
        here.house.books.people,
        here.house.billing,
        till,
        RedisDeduplication(here.house.redis, Sealer(["a-key-of-this-test"], SEALED_FOR)),
        pay_link=pay_link_of(here.house.settings),
    ).answer("+212600000001", "PAYER")
    assert said is not None
    link = next(word for word in said.text.split() if "/pay/" in word)
    assert segments(said.text) <= SEGMENTS_MAX[LanguageCode.FR]
    browser = opens()
    shown = await browser.get(link)
    assert "769,20" in shown.text
    await till.cancel(basket.id)
    over = await browser.get(link)
    assert over.read.forms == []


async def test_copies_at_once_and_other_channels_start_one_payment(opens: Opens, here: World) -> None:
    till, windows = here.house.till, [opens() for _ in range(4)]
    reviews = [await browser.send(await bills_of(browser)) for browser in windows]
    unpaid = await till.unpaid(ServiceType.MOBILE, "0600000001")
    assert not isinstance(unpaid, Refusal)

    async def elsewhere(n: int) -> None:
        channel = ("ussd", "ivr")[n % 2]
        line = (ServiceType.MOBILE, "0600000001", unpaid)
        await till.start(StartOrder(f"{channel}:{n}", channel, f"+21266666666{n}", LanguageCode.FR, None, *line))

    pressed = [
        browser.send(review, action="/bills/confirm")
        for browser, review in zip(windows, reviews, strict=True)
        for _ in range(6)
    ]
    await asyncio.gather(*pressed, *(elsewhere(n) for n in range(8)))
    rows = await here.house.database.all("SELECT state FROM payments")
    assert [row["state"] for row in rows if row["state"] in {"created", "sending"}] in (["created"], ["sending"])
