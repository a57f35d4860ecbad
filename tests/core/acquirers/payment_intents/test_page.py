"""The settings, and the page that a browser is sent to, word for word; no network."""

import json
from dataclasses import replace

import pytest
from yarl import URL

from core.acquirers.payment_intents.joining import connect, connect_page
from core.acquirers.payment_intents.page import CheckoutPage
from core.cards import Secret
from core.ids import Ids
from core.languages import LanguageCode
from core.payments.hosted_page_port import PageForm, PageNotice, PageWays, PageWord
from lab.clocks import NOON
from lab.payment_intents import hooks
from tests.core.acquirers.payment_intents.scripted import (
    AWAY,
    LOST,
    NONE,
    REPLAYED,
    error,
    ok,
    page_of,
)
from tests.core.basket import PAYMENT as MADE
from tests.core.scripted_peer import Answer, ScriptedPeer

NEEDED = {"url": " https://api.example ", "key": "k", "page_url": "https://pages.example", "webhook_secrets": "a, b,"}
WAYS = PageWays("https://us.example/back", "https://us.example/left", "", lambda _: "mark", "https://us.example/open")


def options(**more: str) -> dict[str, Secret]:
    return {name: Secret(text) for name, text in (NEEDED | more).items()}


@pytest.mark.parametrize(
    ("more", "moto", "timeout_s"),
    [
        ({}, True, 30.0),
        ({"moto": " Yes "}, True, 30.0),
        ({"moto": "NO"}, False, 30.0),
        ({"timeout_s": "0.5"}, True, 0.5),
        ({"timeout_s": "120"}, True, 120.0),
    ],
)
def test_what_the_settings_say(more: dict[str, str], moto: bool, timeout_s: float) -> None:
    made = connect(options(**more))
    account = made._account
    assert (account.url, account.key.reveal(), account.currency, account.moto) == (
        "https://api.example",
        "k",
        "mad",
        moto,
    )
    page = connect_page(options(**more), WAYS)
    assert made.exchange.timeout_s == page._exchange.timeout_s == timeout_s
    assert [each.reveal() for each in page._notices.secrets] == ["a", "b"]


@pytest.mark.parametrize("page_url", ["http://pages.example/x", "https://pages.example"])
def test_a_page_is_at_an_http_or_https_address(page_url: str) -> None:
    assert connect_page(options(page_url=page_url), WAYS)._origin == URL(page_url).origin()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"moto": "maybe"}, "MOTO"),
        ({"timeout_s": "0"}, "TIMEOUT_S"),
        ({"timeout_s": "120.5"}, "TIMEOUT_S"),
        ({"timeout_s": "long"}, "TIMEOUT_S"),
        ({"timeouts": "1"}, "TIMEOUTS"),
    ],
)
def test_settings_that_cannot_be_are_told(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        connect(options(**wrong))


ON_PAGE = replace(MADE, id=Ids().payment(NOON), page_until=NOON, attempts=2)
UNTIL = str(int(NOON.timestamp()))
OF_PAGE = {
    "id": "cs_1",
    "object": "checkout.session",
    "status": "open",
    "url": "https://pages.example/c/1",
    "client_reference_id": ON_PAGE.id,
    "metadata": {"page_until": UNTIL},
}
BACK = "https://us.example/back/mark"


def page_with(*answers: Answer) -> tuple[CheckoutPage, ScriptedPeer]:
    page, peer = connect_page(options(), WAYS), ScriptedPeer(answers)
    page._exchange._peer = peer
    return page, peer


async def test_what_opens_a_page_word_for_word() -> None:
    page, peer = page_with(ok(OF_PAGE))
    assert await page.open(ON_PAGE) == "https://pages.example/c/1"
    (asked,) = peer.sent
    assert (asked.url.path, asked.timeout_s) == ("/v1/checkout/sessions", 10)
    assert asked.headers == {"Idempotency-Key": f"{ON_PAGE.id}-page-2"}
    assert asked.data == {
        "mode": "payment",
        "client_reference_id": ON_PAGE.id,
        "payment_method_types[0]": "card",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "mad",
        "line_items[0][price_data][unit_amount]": str(ON_PAGE.amount_centimes),
        "line_items[0][price_data][product_data][name]": "345678",
        "payment_intent_data[capture_method]": "manual",
        "payment_intent_data[metadata][order_id]": ON_PAGE.id,
        "payment_intent_data[metadata][way]": "page",
        "metadata[order_id]": ON_PAGE.id,
        "metadata[page_until]": UNTIL,
        "success_url": BACK,
        "cancel_url": "https://us.example/left/mark",
        "locale": "fr",
        "expires_at": str(int(UNTIL) + 1_800 + 300),
    }


@pytest.mark.parametrize("language", LanguageCode)
async def test_a_page_speaks_the_payer_s_language(language: LanguageCode) -> None:
    page, peer = page_with(ok(OF_PAGE))
    await page.open(replace(ON_PAGE, language=language))
    sent = peer.sent[0].data
    assert not isinstance(sent, bytes)
    assert sent["locale"] == language.value


@pytest.mark.parametrize(
    ("answers", "way"),
    [
        ([LOST, ok(OF_PAGE)], "https://pages.example/c/1"),
        ([ok(OF_PAGE | {"status": "complete"})], BACK),
        ([ok(OF_PAGE | {"status": "expired"})], BACK),
        ([ok(OF_PAGE | {"client_reference_id": "o-2"})], None),
        ([ok(OF_PAGE | {"metadata": {}})], None),
        ([ok(OF_PAGE, REPLAYED), page_of(OF_PAGE | {"status": "complete"})], BACK),
        ([error(400), page_of(OF_PAGE | {"metadata": {}}, OF_PAGE)], "https://pages.example/c/1"),
        ([error(400), NONE], None),
        ([error(400), LOST], None),
        ([AWAY, NONE], None),
    ],
)
async def test_where_a_browser_is_sent(answers: list[Answer], way: str | None) -> None:
    page, peer = page_with(*answers)
    assert await page.open(ON_PAGE) == way
    assert peer.answers == []


async def test_a_payment_without_a_page_opens_none() -> None:
    page, peer = page_with()
    assert await page.open(replace(ON_PAGE, page_until=None)) is None
    assert peer.sent == []


@pytest.mark.parametrize(
    ("metadata", "notice"),
    [
        ({"order_id": ON_PAGE.id}, PageNotice(ON_PAGE.id)),
        ({"order_id": "o-1"}, PageNotice(None)),
        ({"order_id": ""}, PageNotice(None)),
        ({}, PageNotice(None)),
    ],
)
def test_what_a_signed_notice_is_about(metadata: dict[str, str], notice: PageNotice) -> None:
    page, _ = page_with()
    body = json.dumps({"id": "e", "type": "t", "data": {"object": {"metadata": metadata}}}).encode()
    signed = hooks.header([Secret("a")], body, int(UNTIL))
    assert page.noticed(body, {"stripe-signature": signed}, NOON) == notice
    assert page.noticed(body, {}, NOON) is None
    assert page.noticed(body + b" ", {"stripe-signature": signed}, NOON) is None


def test_the_form_leads_to_our_own_door() -> None:
    page, _ = page_with()
    assert page.form(ON_PAGE, "nonce", 600) == PageForm("https://us.example/open/mark", {})
    assert (page.url, page.word(PageWord.SEEN)) == ("https://us.example/open", PageWord.SEEN.upper())
    assert (page.readings(b"a=b"), page.read({"a": "b"})) == ((), None)
