"""The web door in Chromium, scripts on and off, by the keyboard alone, at 320 px, and in a text browser."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.demo import Demo
from tests.browser.visitor import AXE

CARD = "4000000000000010"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# WCAG 1.4.12
SPACED = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-block-end: 2em !important; }
"""
PRESSES_MAX = 25
TEXT_BROWSER_MAX_S = 30.0
PAGES_MAX = 4  # of ours, from the page that identifies to the bank's


@pytest.fixture
async def narrow(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 320, "height": 640}, bypass_csp=True)
    yield await context.new_page()
    await context.close()


async def code_of(demo: Demo, reference: str) -> str:
    """As its bill prints it."""
    from core.database.pool import open_database

    async with open_database(demo.setting("KHALLAS_DATABASE_URL")) as database:
        row = await database.one("SELECT payment_code FROM lines WHERE reference = %(reference)s", reference=reference)
    assert row is not None
    return str(row["payment_code"])


async def barriers(page: Page) -> list[str]:
    """axe-core's findings of every severity."""
    await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found = await page.evaluate(
        "tags => axe.run({runOnly: tags}).then(r => r.violations.map(v => v.id + ' ' + v.nodes[0].html))", TAGS
    )
    return [str(each) for each in found]


async def sound(page: Page, language: str) -> None:
    """No barrier, nothing to scroll to sideways, whatever the spacing."""
    assert await barriers(page) == []
    assert await page.evaluate("document.documentElement.lang") == language
    await page.add_style_tag(content=SPACED)
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
async def test_every_page_is_open_to_everybody_at_320_px(narrow: Page, demo: Demo, language: str) -> None:
    page, code = narrow, await code_of(demo, "0600000002")
    await page.goto(f"{demo.url}/?lang={language}")
    await sound(page, language)
    await page.locator("button[value=mobile]").click()
    await sound(page, language)
    await page.locator(".go button").click()
    await expect(page.locator("#wrong")).to_be_focused()
    await sound(page, language)
    await page.fill("#reference", "0600000002")
    await page.fill("#code", code)
    await page.fill("#email", "payer@example.ma")
    await page.check("#terms")
    await page.locator(".go button").click()
    await expect(page.locator(".rows")).to_be_visible()
    await sound(page, language)
    await page.locator(".go button").click()
    await expect(page).to_have_url(re.compile("/bills/confirm"))
    await sound(page, language)


async def presses(page: Page, *keys: str) -> int:
    for key in keys:
        await page.keyboard.press(key)
    return len(keys)


@pytest.mark.parametrize("scripts", [True, False])
async def test_paid_by_the_keyboard_alone(browser: Browser, demo: Demo, scripts: bool) -> None:
    reference = "0537000103" if scripts else "7710345"
    kind = "fixed" if scripts else "internet"
    code = await code_of(demo, reference)
    context: BrowserContext = await browser.new_context(java_script_enabled=scripts, locale="en")
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.resource_type))
    await page.goto(f"{demo.url}/bills/{kind}?lang=en")
    count = 0
    await expect(page.locator("#reference")).to_be_focused()
    await page.keyboard.type(reference)
    count += await presses(page, "Tab")
    await page.keyboard.type(code)
    count += await presses(page, "Tab")
    await page.keyboard.type("payer@example.ma")
    count += await presses(page, "Tab", "Space", "Enter")
    pages = 1
    for heading in ("Your bills to pay", "Check before you pay"):
        await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        pages += 1
        for _ in range(20):
            count += await presses(page, "Tab")
            if await page.locator(".go button:focus").count():
                break
        count += await presses(page, "Enter")
    await expect(page).to_have_url(re.compile("/pay/"))
    pages += 1
    await expect(page.locator("#page button")).to_be_visible()
    count += await presses(page, "Tab", "Enter")
    await expect(page.locator("input[name=pan]")).to_be_visible()
    assert "localhost" in page.url  # the bank took the browser on to a host of its own
    assert pages <= PAGES_MAX
    assert count <= PRESSES_MAX
    assert "script" not in asked
    await page.fill("[name=pan]", CARD)
    await page.fill("[name=expires]", "12/30")
    await page.fill("[name=cvv]", "123")
    await page.locator("button").click()
    await page.locator("#back button").click()
    await expect(page).to_have_url(re.compile("/receipts/"))
    await page.go_back()
    await page.goto(f"{demo.url}/bills/confirm")
    await expect(page).to_have_url(re.compile("/receipts/"))  # over: no form comes back
    await context.close()


async def test_a_text_browser_shows_every_field_and_its_words(demo: Demo) -> None:
    w3m = shutil.which("w3m")
    assert w3m is not None, "no w3m: apt-get install w3m"
    for path, words in (("/?lang=fr", "Téléphone fixe"), ("/bills/mobile?lang=fr", "Code de paiement")):
        process = await asyncio.create_subprocess_exec(w3m, "-dump", demo.url + path, stdout=asyncio.subprocess.PIPE)
        shown = (await asyncio.wait_for(process.communicate(), TEXT_BROWSER_MAX_S))[0].decode()
        assert words in shown
        assert "777" in shown
