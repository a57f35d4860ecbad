"""Two acquirers' pages at one door: each is believed under its own key, and about its own orders."""

from dataclasses import replace

import pytest

from channels.web.hosted_page import endpoint as hosted
from core.acquirers.cmi_page import CmiPage
from core.acquirers.hosted import ver3_hash
from core.cards import Secret
from core.payments.table import Payment, PaymentState
from tests.channels.web.hosted_shop import Shop, shop

__all__ = ["shop"]
NAPS = "naps"


@pytest.fixture
def other(shop: Shop) -> CmiPage:
    """The second one's page, beside the first's."""
    page = replace(shop.page, shop=replace(shop.page.shop, client_id="600000002", store_key=Secret("another-key")))
    shop.hosting._pages = {"cmi": shop.page, NAPS: page}
    return page


def signed(page: CmiPage, shop: Shop, payment: Payment) -> dict[str, str]:
    """What this page's bank would call back."""
    fields = {name: text for name, text in shop.said(payment).items() if name != "HASH"}
    fields["clientid"] = page.shop.client_id
    return {**fields, "HASH": ver3_hash(fields, page.shop.store_key)}


async def test_the_first_ones_callback_is_taken_at_both_its_addresses(shop: Shop, other: CmiPage) -> None:
    for number, path in enumerate((hosted.CALLBACK_PATH, "/acquirers/cmi/callback"), 1):
        basket = await shop.basket(number)
        await shop.arrive(basket)
        assert await shop.post(shop.url + path, shop.said(basket)) == "ACTION=POSTAUTH"
        assert (await shop.read(basket)).state is PaymentState.CAPTURED


async def test_signed_with_the_others_key_it_is_refused(shop: Shop, other: CmiPage) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    forged = signed(replace(other, shop=replace(other.shop, client_id=shop.page.shop.client_id)), shop, basket)
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, forged) == "FAILURE"
    assert (await shop.read(basket)).state is PaymentState.SENDING


async def test_about_the_others_order_it_is_refused(shop: Shop, other: CmiPage) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    assert await shop.post(f"{shop.url}/acquirers/{NAPS}/callback", signed(other, shop, basket)) == "FAILURE"
    paid = await shop.read(basket)
    assert (paid.state, paid.acquirer) == (PaymentState.SENDING, "cmi")


async def test_who_is_nobody_is_told_so(shop: Shop, other: CmiPage) -> None:
    basket = await shop.basket()
    for path, status in (("callback", 404), ("back", 404)):
        async with shop.browser.post(f"{shop.url}/acquirers/nobody/{path}", data=shop.said(basket)) as answer:
            assert answer.status == status


async def test_a_browser_that_is_back_shows_its_own_acquirers_order_alone(shop: Shop, other: CmiPage) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    async with shop.browser.post(f"{shop.url}/acquirers/{NAPS}/back", data=signed(other, shop, basket)) as answer:
        assert answer.status == 404
