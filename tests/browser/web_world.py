"""A world of its own for a browser at the web door: the application and the bank in this process, a fresh database.

The bank's page takes the browser on to another host than it was posted to, as gateways do.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.visitor import LOOK_MAX_MS
from tests.channels.web.bills.conftest import demo_database_url, demo_template, here
from tests.support.world import World

__all__ = ["Opened", "Window", "demo_database_url", "demo_template", "here", "opened"]

APPROVED = "4000000000000010"
LINES = {
    "mobile": ("0600000001", "482913"),
    "fixed": ("0537000103", "664120"),
}
EMAIL = "payer@example.ma"


@dataclass
class Window:
    """One browser at the door. Nothing of it waits for time."""

    here: World
    context: BrowserContext
    page: Page

    async def opens(self, path: str, page: Page | None = None) -> None:
        await (page or self.page).goto(self.here.url + path)

    async def identifies(self, service: str = "mobile", page: Page | None = None) -> None:
        """On the front page, with everything that it asks."""
        page = page or self.page
        reference, code = LINES[service]
        await page.check(f"[name=service][value={service}]")
        await page.fill("#reference", reference)
        await page.fill("#code", code)
        await page.fill("#email", EMAIL)
        await page.check("#terms")
        await page.locator(".go button").click()
        await expect(page.locator("input[name=bill]").first).to_be_checked()

    async def goes_to_the_bank(self, page: Page | None = None) -> None:
        """From the bills to the page that asks the card."""
        page = page or self.page
        await page.locator(".go button").click()
        await page.locator(".go button").click()
        await page.locator("#page button").click()
        await expect(page.locator("[name=pan]")).to_be_visible()
        assert "//localhost" in page.url, "the bank takes the browser on to a host of its own"

    async def pays(self, page: Page | None = None, pan: str = APPROVED) -> None:
        """The card on the bank's page, up to the way back."""
        page = page or self.page
        await page.fill("[name=pan]", pan)
        await page.fill("[name=expires]", "12/30")
        await page.fill("[name=cvv]", "000")
        await page.locator("button").click()

    async def to_the_card(self) -> None:
        """From / to the bank's page."""
        await self.opens("/?lang=fr")
        await self.identifies()
        await self.goes_to_the_bank()

    async def comes_back(self, page: Page | None = None) -> None:
        await (page or self.page).locator("#back button").click()

    async def sees_the_receipt(self, page: Page | None = None) -> None:
        """With its sum, at the receipt's own address."""
        page = page or self.page
        await expect(page.locator("main.receipt.paid")).to_contain_text("769,20 DH")
        assert "/receipts/" in page.url


Opened = Callable[..., Awaitable[Window]]


@pytest.fixture
async def opened(browser: Browser, here: World) -> AsyncIterator[Opened]:
    """Opens windows: `scripts` on or off."""
    contexts: list[BrowserContext] = []

    async def open_(*, scripts: bool = True, locale: str = "fr") -> Window:
        context = await browser.new_context(java_script_enabled=scripts, locale=locale)
        context.set_default_timeout(LOOK_MAX_MS)
        contexts.append(context)
        return Window(here, context, await context.new_page())

    yield open_
    for context in contexts:
        await context.close()
