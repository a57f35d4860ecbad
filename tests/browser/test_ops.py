"""Operations as its people see them: a payment made by phone is on the page, which refreshes itself and bars nobody."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, expect

from channels.web.operations.page import REFRESH_S
from tests.browser.conftest import Arrive
from tests.browser.demo import Demo
from tests.browser.payment import Watched, opens_ops, payments_of
from tests.browser.visitor import LOOK_MAX_MS, Visitor


async def nothing_in_the_way(visitor: Visitor) -> None:
    assert await visitor.barriers() == []
    assert await visitor.overflow_px() == 0


async def becomes(page: Page, place: Locator, words: str) -> None:
    """What the page shows by itself, its clock going faster than ours."""
    async with asyncio.timeout(LOOK_MAX_MS / 1_000):
        while not re.search(words, await place.inner_text()):
            async with page.expect_response("**/ops/data*"):
                await page.clock.fast_forward(REFRESH_S * 1_000)


async def test_a_payment_made_by_phone_appears_on_the_open_page(watched: Watched) -> None:
    ops, watcher = watched.ops.page, watched.ops
    payments = ops.locator(".signs li").first.locator("strong")
    await becomes(ops, payments, rf"^(?!{watched.payments_before}$)\d+$")  # nobody touched the page
    assert int(await payments_of(ops)) > watched.payments_before
    await expect(ops.locator("#hours")).to_have_attribute("open", "")
    ussd = ops.locator("section", has=ops.locator("#funnel-ussd"))
    await becomes(ops, ussd, r"Passage à l'appel\s+[1-9]")
    voice = ops.locator("section", has=ops.locator("#funnel-ivr"))
    await becomes(ops, voice, r"Payé\s+[1-9]")
    await expect(ops.locator("section", has=ops.locator("#answers"))).to_contain_text("Accepté")
    await expect(ops.locator("section", has=ops.locator("#speeds"))).to_contain_text("africastalking")
    await expect(ops.locator(".chart canvas")).to_have_count(2)
    await nothing_in_the_way(watcher)

    pause = ops.get_by_role("button", name="Mettre en pause")
    await pause.click()
    await expect(pause).to_have_attribute("aria-pressed", "true")
    asked: list[str] = []
    ops.on("request", lambda request: asked.append(request.url))
    await ops.clock.fast_forward(3_000 * REFRESH_S)
    assert asked == []
    async with ops.expect_response("**/ops/data*"):
        await pause.click()  # and at once again


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
async def test_it_fits_a_telephone_and_has_no_barrier(arrive: Arrive, demo: Demo, language: str) -> None:
    visitor = await arrive(360, 740)
    page = await opens_ops(visitor, demo, language)
    await expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    await page.locator("#hours summary").click()
    await nothing_in_the_way(visitor)


async def test_without_a_script_all_numbers_are_there(arrive: Arrive, demo: Demo) -> None:
    visitor = await arrive()
    await visitor.page.route("**/*.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = await opens_ops(visitor, demo)
    await expect(page.locator("#pause")).to_be_hidden()
    await expect(page.locator(".signs li")).to_have_count(10)
    await page.locator("#hours summary").click()
    await expect(page.locator("[data-hours] tbody tr")).to_have_count(24)
    await nothing_in_the_way(visitor)
