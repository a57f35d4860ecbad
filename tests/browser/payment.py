"""One payment made by phone while somebody watches operations: what several tests look at afterwards."""

import re
from dataclasses import dataclass

from playwright.async_api import Page, expect

from tests.browser.demo import Demo
from tests.browser.visitor import Visitor

CARD = "4000000000000010"
PAYER = "0600000005"
TOTAL = "1 165,80 DH"


@dataclass(frozen=True)
class Watched:
    """`ops` was open before it and was not touched since; it said so many payments."""

    authorisation: str
    ops: Visitor
    payments_before: int


async def pays_and_is_watched(watcher: Visitor, phone: Visitor, demo: Demo) -> Watched:
    """The page's clock is ours from the beginning."""
    await watcher.page.clock.install()
    ops = await opens_ops(watcher, demo)
    await expect(ops.locator("[data-chart=payments] canvas")).to_be_visible()
    await ops.locator("#hours summary").click()
    before = int(await payments_of(ops))
    return Watched(await pays_by_phone(phone), watcher, before)


async def opens_ops(visitor: Visitor, demo: Demo, language: str = "fr") -> Page:
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


async def payments_of(ops: Page) -> str:
    """The first sign's number."""
    return await ops.locator(".signs li").first.locator("strong").inner_text()


async def pays_by_phone(visitor: Visitor) -> str:
    """All bills of one subscriber; the authorisation number that the receipt tells."""
    page = visitor.page
    await visitor.open_phone("en", PAYER)
    await page.locator("[data-do=dial]").click()
    for label in ("English", f"My mobile {PAYER}", "I accept", f"Pay {TOTAL}", "Card, by phone call"):
        await visitor.choose(label)
    await visitor.mode("incoming")
    await page.keyboard.press("Enter")
    for question, keys in (
        ("Type your card number", f"{CARD}#"),
        ("expiry", "1229#"),
        ("To continue", "1"),
        ("back of the card", "123#"),
    ):
        await visitor.hears(question)
        await page.keyboard.type(keys)
    await visitor.mode("hungup")
    await visitor.opens_news()
    told = await visitor.reads("Authorisation")
    found = re.search(r"Authorisation\s*:?\s*(\w+)", told)
    assert found is not None, told
    return found[1]
