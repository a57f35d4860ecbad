"""The receipt in a real browser: nothing cut at 360 px, nothing blocked, nothing asked of another host."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from core.languages import LanguageCode
from tests.channels.web.serving import Site, site
from tests.support.chromium import chromium
from tests.support.paid import paid

WIDTHS_PX = (360, 768)
LONG = "a.very.long.name.of.somebody.with.many.names@a-long-host.example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown() -> AsyncIterator[Site]:
    async with site("Opérateur Démo") as running:
        yield running


def watched(page: Page) -> list[str]:
    """What a page complains of, and what it asks of others."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    left = "net::ERR_ABORTED"  # by a page that was left before its icon came
    page.on("requestfailed", lambda request: found.append(request.url) if request.failure != left else None)
    page.on("request", lambda request: found.append(request.url) if "127.0.0.1" not in request.url else None)
    return found


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_it_fits_and_loads_cleanly(browser: Browser, shown: Site, language: LanguageCode) -> None:
    payment = replace(paid(language), email=LONG)
    token = shown.books.hold(payment)
    page = await browser.new_page()
    complaints = watched(page)
    for width in WIDTHS_PX:
        await page.set_viewport_size({"width": width, "height": 700})
        await page.goto(f"{shown.url}/receipts/{token}")
        assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate("document.documentElement.dir") == ("rtl" if language is LanguageCode.AR else "ltr")
    # the style sheet was taken, and the script woke its button
    assert await page.evaluate("getComputedStyle(document.querySelector('.receipt')).borderRadius") != "0px"
    assert await page.locator("[data-print]").is_visible()
    await page.emulate_media(media="print")
    assert not await page.locator("[data-print]").is_visible()
    assert not await page.locator(".languages").is_visible()
    # what paper leaves between its margins: A4 without 14 mm, a roll of 80 mm without 3 mm, at 96 px an inch
    for paper_px, columns in ((688, "row"), (279, "column")):
        await page.set_viewport_size({"width": paper_px, "height": 700})
        assert await page.evaluate("document.documentElement.scrollWidth") == paper_px
        laid = "getComputedStyle(document.querySelector('.receipt > footer')).flexDirection"
        assert await page.evaluate(laid) == columns
        code = await page.locator(".qr").bounding_box()
        assert code is not None
        assert code["width"] >= 98  # 26 mm: a telephone reads it off paper
    assert complaints == []
    await page.close()


async def test_it_is_walked_by_keyboard(browser: Browser, shown: Site) -> None:
    token = shown.books.hold(paid(LanguageCode.FR))
    page = await browser.new_page()
    await page.goto(f"{shown.url}/receipts/{token}")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert await page.evaluate(outline) == "solid"
    await page.keyboard.press("Enter")
    await page.wait_for_url("**lang=ar")
    assert await page.evaluate("document.documentElement.lang") == "ar"
    await page.close()
