"""A browser pays on the acquirer's page: the whole way over HTTP, the emulated CMI calling back."""

import asyncio
import html
import random
from datetime import timedelta
from urllib.parse import quote

import pytest
from yarl import URL

from channels.web.hosted_page import endpoint as hosted
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from core.repositories import DatabaseUnavailable
from core.zone import ZONE
from lab.chaos.customer import customer, order_of
from lab.cmi.lies import Kind, Manner
from tests.channels.web.hosted_shop import APPROVED, BILLS, CALLBACKS, NO_MONEY, TOGETHER, Shop, shop, told
from tests.support.bank import CARD, CVV
from tests.support.hostile import PASTED
from tests.support.waiting import WAIT_MAX_S, until

__all__ = ["shop"]


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


async def test_what_is_pasted_behind_a_link_to_pay_is_no_part_of_it(shop: Shop) -> None:
    link = shop.links.of((await shop.basket()).id)
    for behind in PASTED:
        async with shop.browser.get(URL(link + quote(behind, safe="/*_~"), encoded=True)) as page:
            assert page.status == 200, ascii(behind)
            assert "<form" in await page.text()


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


async def test_visits_are_counted_before_anybody_leaves(shop: Shop) -> None:
    baskets = [await shop.basket(number) for number in (1, 2)]
    shop.visits.left = 1
    await shop.arrive(baskets[0])
    async with shop.browser.post(shop.links.of(baskets[0].id)) as again:
        assert again.status == 200  # one visit, however often its page is loaded
    async with shop.browser.post(shop.links.of(baskets[1].id), headers={"Accept-Language": "fr"}) as refused:
        assert (refused.status, "Rien n&#39;a été débité" in await refused.text()) == (429, True)
    assert (await shop.read(baskets[1])).state is PaymentState.CREATED
    shop.visits.away = True
    async with shop.browser.post(shop.links.of(baskets[1].id)) as unknown:
        assert unknown.status == 503
    assert (await shop.read(baskets[1])).state is PaymentState.CREATED


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


async def test_who_came_back_while_the_database_was_away_is_looked_after(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The callback was lost with it, and the browser does not come again."""
    basket, really, asked = await shop.basket(), shop.hosting.came_back, 0

    async def came_back(payment_id: str) -> Payment:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise DatabaseUnavailable("away")
        return await really(payment_id)

    monkeypatch.setattr(shop.hosting, "came_back", came_back)
    shop.cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.PRE_AUTH}))
    await shop.submit(await shop.card(await shop.arrive(basket), APPROVED))
    assert (await shop.read(basket)).state is PaymentState.SENDING

    async def paid() -> bool:
        return (await shop.read(basket)).state is PaymentState.CAPTURED

    await until(paid)
    assert asked == 2


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
    assert "about another order, amount, currency, shop or acquirer" in caplog.text


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


async def test_a_link_says_until_when_it_waits(shop: Shop) -> None:
    basket = await shop.basket()
    ends = basket.expires_at.astimezone(ZONE).strftime("%H:%M")
    for language, words in (("fr", "jusqu'à"), ("en", "until"), ("ar", "إلى الساعة")):
        async with shop.browser.get(f"{shop.links.of(basket.id)}?lang={language}") as shown:
            assert f"{words} {ends}" in html.unescape(await shown.text())


async def pressed(shop: Shop, payment: Payment, language: str) -> str:
    """The page after its button for more time, of a browser that follows."""
    link = f"{shop.links.of(payment.id)}?lang={language}"
    async with shop.browser.post(link, data={"act": "stay"}, allow_redirects=False) as answer:
        assert answer.status == 303  # a reload asks for nothing more
        there = URL(shop.url).join(URL(answer.headers["Location"]))
    assert (there.path, dict(there.query)) == (URL(link).path, {"lang": language})
    async with shop.browser.get(there) as shown:
        return html.unescape(await shown.text())


def button(language: LanguageCode) -> str:
    """As the journey's own pages name it."""
    return f'name="act" value="stay">{load_texts().fill(language, "bills", "stay")}</button>'


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("declined", [False, True])
async def test_more_time_is_asked_for_by_a_button_and_ends(shop: Shop, language: LanguageCode, declined: bool) -> None:
    basket, times = await shop.basket(), Times()
    if declined:
        page = await shop.arrive(basket)
        for _ in range(3):
            page = await shop.card(page, NO_MONEY)
        await shop.submit(page)
    before = (await shop.read(basket)).expires_at

    async def has_waited(left_s: float, age_s: float) -> None:
        await shop.open_.database.do(
            "UPDATE payments SET expires_at = now() + %(left)s * interval '1 second',"
            " created_at = now() - %(age)s * interval '1 second' WHERE id = %(id)s",
            left=left_s, age=age_s, id=basket.id,
        )  # fmt: skip

    await has_waited(60, 840)
    async with shop.browser.get(f"{shop.links.of(basket.id)}?lang={language}") as shown:
        assert button(language) in html.unescape(await shown.text())
    page = await pressed(shop, basket, language)
    longer = await shop.read(basket)
    assert longer.expires_at >= before - timedelta(seconds=1)
    assert longer.expires_at.astimezone(ZONE).strftime("%H:%M") in page
    assert longer.state is (PaymentState.DECLINED if declined else PaymentState.CREATED)
    # as if it had been asked for as often as it may
    most_s = times.basket_ttl_s * (1 + times.basket_extensions_max)
    await has_waited(60, most_s - 90)
    assert button(language) not in await pressed(shop, basket, language)
    last = await shop.read(basket)
    assert last.expires_at - last.created_at == timedelta(seconds=most_s)
    assert button(language) not in await pressed(shop, basket, language)
    assert (await shop.read(basket)).expires_at == last.expires_at
    # and what is over does not come back
    await has_waited(-1, 901)
    assert "<form" not in await pressed(shop, basket, language)
    over = await shop.read(basket)
    assert over.expires_at < over.created_at + timedelta(seconds=901)
    assert over.attempts == int(declined), "nobody left for the bank"


async def test_more_time_keeps_a_basket_from_its_end(shop: Shop) -> None:
    basket = await shop.basket()
    assert "<form" in await pressed(shop, basket, "fr")
    await shop.open_.database.do("UPDATE payments SET due_at = now() WHERE id = %(id)s", id=basket.id)
    await shop.open_.sweep.run()
    assert (await shop.read(basket)).state is PaymentState.CREATED
    await shop.card(await shop.arrive(basket), APPROVED)
    paid = await shop.read(basket)
    assert paid.state is PaymentState.CAPTURED
    async with shop.browser.post(shop.links.of(basket.id), data={"act": "stay"}, allow_redirects=False) as late:
        assert late.status == 303
    assert await shop.read(basket) == paid


async def test_links_that_open_nothing(shop: Shop) -> None:
    token = shop.links.make("01M839VMY3X8QSYWJHJ5G0BSS4")
    for link in (token, token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1")):
        for ask in (shop.browser.get, shop.browser.post):
            async with ask(f"{shop.url}/pay/{link}") as answer:
                assert answer.status == 404


async def test_back_without_a_card_frees_the_bills_and_says_so(shop: Shop) -> None:
    """The acquirer knows of no card: nothing was charged, whoever pays next is not kept waiting."""
    basket = await shop.basket()
    await shop.arrive(basket)
    async with shop.browser.get(f"{shop.url}{hosted.LEFT_PATH}/{shop.links.make(basket.id)}") as left:
        told = html.unescape(await left.text())
    assert "Aucune carte" in told
    assert f'href="{shop.links.of(basket.id)}"' in told
    left_it = await shop.read(basket)
    assert (left_it.state, left_it.decline_kind, left_it.declines) == (PaymentState.DECLINED, "no_card", 0)
    other = await shop.open_.till.start(order_of(customer(1), "+212711111111", "ussd:other"))
    assert isinstance(other, Payment)
    await shop.open_.till.cancel(other.id)
    await shop.card(await shop.arrive(basket), APPROVED)  # and on again
    assert (await shop.read(basket)).state is PaymentState.CAPTURED


async def test_a_card_typed_on_the_page_that_was_left_is_taken_or_given_back(shop: Shop) -> None:
    """The page may still stand open in another tab: what it holds is taken while the bill is free, and only then."""
    basket = await shop.basket()
    page = await shop.arrive(basket)
    async with shop.browser.get(f"{shop.url}{hosted.LEFT_PATH}/{shop.links.make(basket.id)}"):
        pass
    other = await shop.open_.till.start(order_of(customer(1), "+212711111111", "ussd:other"))
    assert isinstance(other, Payment)
    shop.cmi.lie(Manner.SILENT_WITHOUT_CHARGING, on=frozenset({Kind.AUTH}))
    await shop.open_.till.authorise(other.id, CARD, CVV, wait_s=WAIT_MAX_S)
    await shop.card(page, APPROVED)
    await shop.open_.sweep.run()
    assert (await shop.read(basket)).state is PaymentState.VOIDED
    assert shop.cmi.captured_centimes(basket.id) == 0


async def test_a_return_from_the_page_says_nothing_of_a_card_given_elsewhere(shop: Shop) -> None:
    basket = await shop.basket()
    await shop.arrive(basket)
    left = f"{shop.url}{hosted.LEFT_PATH}/{shop.links.make(basket.id)}"
    async with shop.browser.get(left):
        pass
    shop.cmi.lie(Manner.SILENT_WITHOUT_CHARGING, on=frozenset({Kind.AUTH}))
    sending = await shop.open_.till.authorise(basket.id, CARD, CVV, wait_s=0)
    assert isinstance(sending, Payment)
    assert sending.state is PaymentState.SENDING
    async with shop.browser.get(left):
        pass
    assert (await shop.read(basket)).state in {PaymentState.SENDING, PaymentState.UNKNOWN}


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
            await shop.hosting.called_back("cmi", say(ordered))
        deliveries += [say(shuffled) for say in story]
    deliveries += chance.choices(deliveries, k=CALLBACKS - len(deliveries))
    chance.shuffle(deliveries)
    answers: dict[tuple[str, str], set[str]] = {}
    for first in range(0, CALLBACKS, TOGETHER):
        some = deliveries[first : first + TOGETHER]
        words = await asyncio.gather(*(shop.hosting.called_back("cmi", fields) for fields in some))
        for fields, word in zip(some, words, strict=True):
            answers.setdefault((fields["oid"], fields["ProcReturnCode"]), set()).add(word)
    assert len(deliveries) == CALLBACKS
    assert all(len(words) == 1 for words in answers.values())
    for ordered, shuffled, approved in pairs:
        assert await told(shop, shuffled) == await told(shop, ordered)
        assert (await shop.read(shuffled)).state is (PaymentState.CAPTURED if approved else PaymentState.SENDING)
