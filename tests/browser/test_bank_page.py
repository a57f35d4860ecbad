"""To the bank's page on another host and back, as gateways and people behave: paid once, the receipt shown."""

import asyncio
from contextlib import suppress

import pytest
from playwright.async_api import Page, expect

from channels.web.hosted_page.endpoint import BACK_PATH, CALLBACK_PATH
from lab.cmi.hosted_pages import WORDS
from lab.cmi.lies import Kind, Manner
from tests.browser.web_world import EMAIL, Opened, Window, demo_database_url, demo_template, here, opened

__all__ = ["demo_database_url", "demo_template", "here", "opened"]

CLOSES_MAX_S = 10
PRE_AUTH = frozenset({Kind.PRE_AUTH})
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


async def state_of(window: Window) -> tuple[str, str]:
    """The one payment there is: its id and state."""
    rows = await window.here.house.database.all("SELECT id, state FROM payments")
    assert len(rows) == 1
    return str(rows[0]["id"]), str(rows[0]["state"])


async def paid_once(window: Window) -> None:
    """One payment, captured, for which the bank took its sum once; one receipt, mailed."""
    await window.here.later(60)
    payment_id, state = await state_of(window)
    assert state == "captured"
    assert window.here.cmi.captured_centimes(payment_id) == 76_920
    rows = window.here.cmi.ledger.of_order(payment_id)
    assert sum(row.charge_type == "S" and row.state in {"C", "S"} for row in rows) == 1
    receipts = await window.here.house.database.all("SELECT payment_id FROM receipts")
    assert len(receipts) == 1


async def closed(page: Page) -> None:
    """The tab is shut. Its driver may wait for ever for a page whose server says nothing: nobody else does."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSES_MAX_S):
            await page.close()


async def forged(window: Window, path: str) -> str:
    """An approval that anybody could write, of the order that is under way."""
    payment_id, _ = await state_of(window)
    said: dict[str, str | float | bool] = {
        "oid": payment_id,
        "clientid": "600000001",
        "amount": "769.20",
        "currency": "504",
        "Response": "Approved",
        "ProcReturnCode": "00",
        "mdStatus": "1",
        "AuthCode": "123456",
        "TransId": "100001001587",
        "HASH": "f" * 86 + "==",
    }
    answer = await window.context.request.post(window.here.url + path, form=said)
    return await answer.text()


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
async def test_a_card_that_asks_its_bank_s_pin_is_paid_after_a_wrong_one(opened: Opened, language: str) -> None:
    """Row s9 of the guide: the one-time PIN of 3-D Secure is the bank's page's to ask, in the customer's language."""
    window, words = await opened(scripts=False), WORDS[language]
    page = window.page
    await window.opens(f"/?lang={language}")
    await window.identifies()
    await window.goes_to_the_bank()
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator("h1")).to_have_text(words[0])
    await window.pays(pan="5191630100004896")
    await expect(page.locator("h1")).to_have_text(words[5])
    for pin in ("999", "123"):
        await page.fill("[name=pin]", pin)
        await page.locator("button").click()
    await window.comes_back()
    await window.sees_the_receipt()
    await paid_once(window)


@SCRIPTS
async def test_the_callback_comes_before_the_browser(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    await window.to_the_card()
    await window.pays()
    assert (await state_of(window))[1] == "captured"
    await window.comes_back()
    await window.sees_the_receipt()
    await paid_once(window)


@SCRIPTS
async def test_the_callback_comes_after_the_browser(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    window.here.cmi.lie(Manner.LATE_CALLBACK, on=PRE_AUTH)
    await window.to_the_card()
    await window.pays()
    assert (await state_of(window))[1] == "sending"
    await window.comes_back()  # the bank is asked, and knows of the card
    await window.sees_the_receipt()
    assert await window.here.cmi.gateway.hurry() == 1
    await paid_once(window)


@SCRIPTS
async def test_the_callback_never_comes(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    window.here.cmi.lie(Manner.SILENT_AFTER_CHARGING, on=PRE_AUTH)
    await window.to_the_card()
    await window.pays()
    await window.comes_back()
    await window.sees_the_receipt()
    await paid_once(window)


@SCRIPTS
async def test_the_callback_comes_again_and_again(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    window.here.cmi.lie(Manner.DUPLICATE_ANSWER, on=PRE_AUTH)
    await window.to_the_card()
    await window.pays()
    await window.comes_back()
    await window.sees_the_receipt()
    await paid_once(window)


@SCRIPTS
async def test_a_forged_callback_or_return_pays_nothing_and_hinders_nobody(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    await window.to_the_card()
    assert await forged(window, CALLBACK_PATH) == "FAILURE"
    assert "/receipts/" not in await forged(window, BACK_PATH)
    assert (await state_of(window))[1] == "sending"
    await window.pays()
    assert await forged(window, CALLBACK_PATH) == "FAILURE"
    await window.comes_back()
    await window.sees_the_receipt()
    await paid_once(window)


@pytest.mark.parametrize("called_back", [True, False])
async def test_whoever_closes_the_tab_finds_the_receipt(opened: Opened, called_back: bool) -> None:
    """At every page of the door, and in the mail."""
    window = await opened(scripts=False)
    if not called_back:
        window.here.cmi.lie(Manner.SILENT_AFTER_CHARGING, on=PRE_AUTH)
    await window.to_the_card()
    await window.pays()
    await closed(window.page)
    await window.here.later(1_200)
    another = await window.context.new_page()
    for path in ("/bills/confirm", "/bills/choose"):
        await window.opens(path, another)
        await window.sees_the_receipt(another)
    await paid_once(window)
    mails = await window.here.mails.wait_for(EMAIL)
    assert "769,20" in mails[0].subject


@SCRIPTS
async def test_two_tabs_at_the_bank_pay_once(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    await window.opens("/?lang=fr")
    await window.identifies()
    other = await window.context.new_page()
    await window.opens("/bills/choose", other)
    await window.goes_to_the_bank()
    await other.locator(".go button").click()  # an older page of the same bills: on to the same basket
    await other.locator("#page button").click()
    await expect(other.locator("[name=pan]")).to_be_visible()
    await window.pays()
    await window.comes_back()
    await window.sees_the_receipt()
    await window.pays(other)  # the bank itself takes no second payment of an order
    if await other.locator("[name=pan]").count():
        await window.opens("/bills/confirm", other)
    else:
        await window.comes_back(other)
    await window.sees_the_receipt(other)
    await paid_once(window)


@SCRIPTS
async def test_the_back_button_never_pays_again(opened: Opened, scripts: bool) -> None:
    window = await opened(scripts=scripts)
    await window.to_the_card()
    await window.page.go_back()  # from the bank, before any card: on again, the same order
    await window.page.locator("#page button").click()
    await window.pays()
    await window.comes_back()
    await window.sees_the_receipt()
    for _ in range(4):
        await window.page.go_back()
        forms = window.page.locator("form[method=post]")
        if "/receipts/" not in window.page.url and await forms.count() and "localhost" not in window.page.url:
            await forms.first.locator("button").first.click()
    await window.opens("/bills/confirm")
    await window.sees_the_receipt()
    await paid_once(window)
