"""The web door in Chromium: three languages, scripts on and off, by the keyboard alone, at 320 px, every spacing."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from lab.cmi.lies import Kind, Manner
from tests.browser.web_world import (
    APPROVED,
    EMAIL,
    LINES,
    Opened,
    Window,
    demo_database_url,
    demo_template,
    here,
    opened,
)
from tests.support.barriers import barriers_of
from tests.support.world import World

__all__ = ["demo_database_url", "demo_template", "here", "opened"]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# WCAG 1.4.12
SPACED = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-block-end: 2em !important; }
"""
PRESSES_MAX = 25  # from / to the receipt, the bank's page among them; what is typed into a field is not counted
PAGES_MAX = 4  # of ours, from / to the bank's
LANGUAGES = pytest.mark.parametrize("language", ["fr", "ar", "en"])
TARGET_MIN_PX = 24
NO_MONEY = "4000009900005102"


async def sound(page: Page, language: str) -> None:
    """No barrier, nothing to scroll to sideways, whatever the spacing; the words in the language that was asked for."""
    assert await barriers_of(page, tags=TAGS) == [], page.url
    assert await page.evaluate("document.documentElement.lang") == language
    assert await page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    await page.add_style_tag(content=SPACED)
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    cut = "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"
    hides = ".filter(e => getComputedStyle(e).overflowX === 'hidden').length"
    assert await page.evaluate(cut + hides) == 0, page.url


@pytest.fixture
async def narrow(browser: Browser, here: World) -> AsyncIterator[Window]:
    """320 CSS pixels, and styles of ours added to pages that allow none."""
    context = await browser.new_context(viewport={"width": 320, "height": 640}, bypass_csp=True)
    yield Window(here, context, await context.new_page())
    await context.close()


@LANGUAGES
async def test_every_page_is_open_to_everybody_at_320_px(narrow: Window, language: str) -> None:
    page = narrow.page
    await narrow.opens(f"/?lang={language}")
    await sound(page, language)
    await page.locator(".go button").click()  # nothing filled in
    await expect(page.locator("#wrong")).to_be_focused()
    await sound(page, language)
    await page.fill("#reference", LINES["mobile"][0])
    await page.locator("button[value=text]").click()
    await expect(page.locator("#texted")).to_be_visible()
    await sound(page, language)
    for service in ("fixed", "mobile", "internet"):
        await narrow.opens(f"/bills/{service}?lang={language}")
        await sound(page, language)
    await narrow.opens(f"/bills/over?lang={language}")
    await sound(page, language)
    await narrow.opens(f"/?lang={language}")
    await narrow.identifies()
    await sound(page, language)
    await page.uncheck("input[name=bill]")
    await page.locator(".go button").click()  # nothing ticked
    await expect(page.locator("#wrong")).to_be_focused()
    await sound(page, language)
    await page.check("input[name=bill]")
    await page.locator(".go button").click()
    await expect(page).to_have_url(re.compile("/bills/confirm"))
    await sound(page, language)
    await page.locator(".go button").click()
    await expect(page).to_have_url(re.compile("/pay/"))
    await sound(page, language)
    await page.locator("#page button").click()
    await expect(page.locator("[name=pan]")).to_be_visible()
    await sound(page, language)  # the emulated bank's page as well


@LANGUAGES
@pytest.mark.parametrize("known", ["paid", "declined", "no_card", "checked"])
async def test_the_ways_back_and_the_receipt_are_open_to_everybody(narrow: Window, language: str, known: str) -> None:
    page = narrow.page
    await narrow.opens(f"/?lang={language}")
    await narrow.identifies()
    await narrow.goes_to_the_bank()
    if known == "checked":
        narrow.here.cmi.lie(Manner.STATE_PENDING, times=10, on=frozenset({Kind.QUERY}))
    if known in {"no_card", "checked"}:
        await page.goto(await _way_out(narrow))
    else:
        for _ in range(1 if known == "paid" else 3):
            await narrow.pays(pan=APPROVED if known == "paid" else NO_MONEY)
        await page.route("**/receipts/**", lambda route: route.fulfill(status=204))  # stays on the way back
        await narrow.comes_back()
    await expect(page.locator("main.notice")).to_be_visible()
    await sound(page, language)
    if known == "paid":
        await page.unroute("**/receipts/**")
        await narrow.opens("/bills/confirm")
        await narrow.sees_the_receipt()
        await sound(page, language)


async def _way_out(window: Window) -> str:
    """Where a bank's page sends whoever gives up there."""
    rows = await window.here.house.database.all("SELECT id FROM payments")
    from khallas.bootstrap.hosted_page import pay_links

    mark = pay_links(window.here.house.settings).make(str(rows[0]["id"]))
    return f"{window.here.url}/cmi/left/{mark}"


class Keys:
    """Keys that are pressed, counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)
            self.count += 1

    async def type(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def press_go(self) -> None:
        """To the button that goes on, by Tab alone, its ring in sight; then Enter."""
        for _ in range(20):
            await self.press("Tab")
            if await self.page.locator(".go button:focus, #page button:focus").count():
                break
        box = await self.page.locator(":focus").bounding_box()
        assert box is not None
        assert box["height"] >= TARGET_MIN_PX
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert await self.page.evaluate(ring) != "none"
        await self.press("Enter")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@LANGUAGES
async def test_paid_by_the_keyboard_alone(opened: Opened, language: str, scripts: bool) -> None:
    window = await opened(scripts=scripts, locale=language)
    page, keys = window.page, Keys(window.page)
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((urlsplit(request.url).netloc, request.resource_type)))
    ours: list[str] = []
    reference, code = LINES["mobile"]
    await window.opens("/")  # the browser's own language
    assert await page.evaluate("document.documentElement.lang") == language
    ours.append(await page.title())
    await keys.press("ArrowDown")
    await expect(page.locator("[name=service][value=mobile]")).to_be_checked()
    for text in (reference, code, EMAIL):
        await keys.press("Tab")
        await keys.type(text)
    await keys.press("Tab", "Space", "Enter")
    for address in ("/bills/choose", "/bills/confirm", "/pay/"):
        await expect(page).to_have_url(re.compile(address))
        ours.append(await page.title())
        await keys.press_go()
    await expect(page.locator("[name=pan]")).to_be_visible()
    assert "//localhost" in page.url
    assert len(ours) <= PAGES_MAX
    assert len(set(ours)) == len(ours)
    numbers = [re.findall(r"\d", title)[:2] for title in ours]
    assert numbers == [[str(n), "4"] for n in range(1, 5)], ours
    for text in (APPROVED, "12/30", "000"):
        await keys.press("Tab")
        await keys.type(text)
    await keys.press("Enter")
    await expect(page.locator("#back button")).to_be_visible()
    await keys.press("Tab", "Enter")
    await window.sees_the_receipt()
    assert keys.count <= PRESSES_MAX
    own = urlsplit(window.here.url).netloc
    bank = {
        urlsplit(window.here.cmi.url).netloc,
        urlsplit(window.here.cmi.url).netloc.replace("127.0.0.1", "localhost"),
    }
    assert {host for host, _ in asked} <= {own, *bank}
    # the receipt's own print button is the only script, after the payment
    scripts_of_ours = [kind for host, kind in asked if host == own and kind == "script"]
    assert len(scripts_of_ours) <= (1 if scripts else 0)
