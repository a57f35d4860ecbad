"""Operations as its people see them: a payment made by phone is on the page, which refreshes itself and bars nobody."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.demo import Demo
from tests.browser.visitor import Visitor

CARD = "4000000000000010"
PAYER = "0600000007"


async def opens(visitor: Visitor, demo: Demo, language: str = "fr") -> Page:
    """By the login that the page itself leads to."""
    page = visitor.page
    await page.goto(f"{demo.url}/ops")
    await page.locator(f"a[hreflang={language}]").click()
    await page.locator("#name").fill("agent")
    await page.locator("#password").fill(demo.logins["agent"])
    await page.keyboard.press("Enter")
    await expect(page.locator("#live")).to_be_visible()
    assert page.url == f"{demo.url}/ops"
    return page


async def pays_by_phone(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open_phone("en", PAYER)
    await page.locator("[data-do=dial]").click()
    for label in ("English", "My fixed line 0522000107", "I accept", "Pay ", "Pay"):
        await visitor.choose(label)
    await visitor.mode("incoming")
    await page.keyboard.press("Enter")
    for question, keys in (
        ("Type your card number", f"{CARD}#"),
        ("expiry", "1229#"),
        ("confirm", "1"),
        ("security code", "123#"),
    ):
        await visitor.hears(question)
        await page.keyboard.type(keys)
    await visitor.mode("hungup")


async def nothing_in_the_way(visitor: Visitor) -> None:
    assert await visitor.barriers() == []
    assert await visitor.overflow_px() == 0


async def test_a_payment_made_by_phone_appears_on_the_open_page(arrive: Arrive, demo: Demo) -> None:
    watcher, phone = await arrive(), await arrive()
    ops = await opens(watcher, demo)
    payments = ops.locator(".signs li").first.locator("strong")
    before = int(await payments.inner_text())
    await expect(ops.locator("[data-chart=payments] canvas")).to_be_visible()
    await ops.locator("#hours summary").click()
    await nothing_in_the_way(watcher)

    await pays_by_phone(phone)

    await expect(payments).to_have_text(str(before + 1), timeout=20_000)  # nobody touched the page
    await expect(ops.locator("#hours")).to_have_attribute("open", "")
    ussd = ops.locator("section", has=ops.locator("#funnel-ussd"))
    await expect(ussd.locator("tr", has_text="Passage à l'appel")).to_contain_text(re.compile(r"[1-9]"), timeout=20_000)
    voice = ops.locator("section", has=ops.locator("#funnel-ivr"))
    await expect(voice.locator("tr", has_text="Payé")).to_contain_text(re.compile(r"[1-9]"), timeout=20_000)
    await expect(ops.locator("section", has=ops.locator("#answers"))).to_contain_text("Accepté")
    await expect(ops.locator("section", has=ops.locator("#speeds"))).to_contain_text("africastalking")
    await expect(ops.locator(".chart canvas")).to_have_count(2)
    await nothing_in_the_way(watcher)

    await ops.get_by_role("button", name="Mettre en pause").click()
    await expect(ops.get_by_role("button", name="Mettre en pause")).to_have_attribute("aria-pressed", "true")
    shown = await ops.locator(".verdict time").inner_text()
    await ops.get_by_role("button", name="Mettre en pause").click()
    await expect(ops.locator(".verdict time")).not_to_have_text(
        shown, timeout=20_000
    )  # at once, or with the next refresh if it is the same second


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
async def test_it_fits_a_telephone_and_has_no_barrier(arrive: Arrive, demo: Demo, language: str) -> None:
    visitor = await arrive(360, 740)
    page = await opens(visitor, demo, language)
    await expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    await page.locator("#hours summary").click()
    await nothing_in_the_way(visitor)


async def test_without_a_script_all_numbers_are_there(arrive: Arrive, demo: Demo) -> None:
    visitor = await arrive()
    await visitor.page.route("**/*.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = await opens(visitor, demo)
    await expect(page.locator("#pause")).to_be_hidden()
    await expect(page.locator(".signs li")).to_have_count(8)
    await page.locator("#hours summary").click()
    await expect(page.locator("[data-hours] tbody tr")).to_have_count(24)
    await nothing_in_the_way(visitor)
