"""What real hosted pages post, and browsers that come back without it."""

import asyncio
import html
import re
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from channels.limits import Limits
from channels.pace import RedisPace
from channels.web.hosted_page import endpoint as hosted
from core.acquirers.hosted import ver3_hash
from core.money import decimal_text
from core.payments.hosted_page_port import PageForm
from core.payments.table import Payment, PaymentState
from lab.cmi.hosted import FORM
from lab.cmi.lies import Kind, Manner
from lab.cmi.posts import EVERY_MANNER, Manners, body_of, kit_hash, real_set
from lab.cmi.stand import DEMO_CREDENTIALS
from tests.channels.web.hosted_shop import APPROVED, Shop, shop

__all__ = ["shop"]


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
    said = await shop.read(basket)
    # the acquirer alone was believed, which knows of no card
    assert (said.state, said.decline_kind, said.receipt_number) == (PaymentState.DECLINED, "no_card", None)


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
    assert "Aucune carte" in html.unescape(text)


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


@pytest.mark.parametrize(
    ("vouched", "md_status", "state"),
    [
        ({"1", "2", "3", "4"}, "1", PaymentState.CAPTURED),
        ({"1", "2", "3", "4"}, "4", PaymentState.CAPTURED),
        ({"1", "2", "3", "4"}, "0", PaymentState.VOIDED),
        ({"1", "2", "3", "4"}, "7", PaymentState.VOIDED),
        ({"1", "2", "3", "4"}, "", PaymentState.VOIDED),
        ({"1"}, "2", PaymentState.VOIDED),
        ({"1", "7"}, "7", PaymentState.CAPTURED),
    ],
)
async def test_whether_the_banks_vouching_is_enough_is_a_setting_and_what_it_said_is_kept(
    shop: Shop, vouched: set[str], md_status: str, state: PaymentState
) -> None:
    shop.hosting._pages = {"cmi": replace(shop.page, vouched=frozenset(vouched))}
    shop.cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.PRE_AUTH}))  # its own callback stays away
    basket = await shop.basket()
    await shop.card(await shop.arrive(basket), APPROVED)
    held = shop.cmi.ledger.success(basket.id)
    assert held is not None
    said = shop.said(basket, mdStatus=md_status, eci="05", cavv="AAABBEg0VhI=", xid="MDAwMQ==", TransId=held.number)
    word = await shop.post(shop.url + hosted.CALLBACK_PATH, said)
    assert word == ("ACTION=POSTAUTH" if state is PaymentState.CAPTURED else "APPROVED")
    await shop.open_.sweep.run()
    assert (await shop.read(basket)).state is state
    if state is PaymentState.VOIDED:
        assert [each.state for each in shop.cmi.ledger.of_order(basket.id) if each.charge_type == "S"] == ["V"]
    row = await shop.open_.database.one(
        "SELECT dispute_facts, (SELECT string_agg(detail, ' ') FROM payment_events WHERE payment_id = p.id) AS told "
        "FROM payments p"
    )
    assert row is not None
    assert f"mdStatus {md_status or '-'}" in row["told"]
    if state is PaymentState.CAPTURED:
        kept = row["dispute_facts"]
        assert (kept["md_status"], kept["eci"]) == (md_status, "05")
        assert (kept["cavv"], kept["xid"]) == ("AAABBEg0VhI=", "MDAwMQ==")


async def test_our_own_form_is_not_the_banks_word(shop: Shop) -> None:
    """It bears a right hash, and tells no outcome."""
    basket = await shop.basket()
    left = await shop.hosting.leave(basket.id)
    assert isinstance(left, PageForm)
    assert await shop.post(shop.url + hosted.CALLBACK_PATH, dict(left.fields)) == "FAILURE"
    assert (await shop.read(basket)).state is PaymentState.SENDING
