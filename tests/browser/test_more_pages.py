"""Pages beside the everyday ones, at five widths in three languages: second factor, notices, links to pay."""

import pytest
from playwright.async_api import Browser, expect

from core.languages import LanguageCode
from tests.browser.test_every_page import fits, sits_down, visitors, walked
from tests.browser.visitor import Visitor
from tests.channels.web import hosted_shop
from tests.channels.web.conftest import hashed, site
from tests.channels.web.desk.test_account import enrolled
from tests.channels.web.desk_site import DeskSite
from tests.channels.web.hosted_shop import Shop
from tests.support.shop import shop

__all__ = ["hashed", "shop", "site", "visitors"]

paying = pytest.fixture(name="paying")(hosted_shop.serving_a_shop)
FORGED = """() => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/desk/logout';
  document.body.append(form);
  form.submit();
}"""


async def test_the_second_factor_and_every_notice_fit_and_bar_nobody(site: DeskSite, visitors: list[Visitor]) -> None:
    await enrolled(site, "sami")
    visitor, other = visitors
    page, found = visitor.page, []
    await sits_down(other, "amal", LanguageCode.FR)
    complaints: list[str] = []
    for language in LanguageCode:
        await sits_down(visitor, "sami", language)
        found += await fits(visitor, f"second factor {language}")
        complaints += visitor.complaints  # an answer that is an error is one that a browser remarks on
        await page.locator("#code").fill("000000")
        await page.keyboard.press("Enter")
        await expect(page.locator("[role=alert]")).to_be_visible()
        found += await fits(visitor, f"a wrong code {language}")
        visitor.complaints.clear()
        await other.page.goto(f"{site.url}/desk?lang={language}")
        found += await walked(other, ["/desk/payments/nobody"])
        await other.page.goto(f"{site.url}/desk")
        async with other.page.expect_navigation():
            await other.page.evaluate(FORGED)
        found += await fits(other, f"forbidden {language}")
    site.at.shop.by_hand = True  # nothing can be compared afterwards
    await site.at.shop.database.pool.close()
    for language in LanguageCode:
        found += await walked(other, [f"/desk?lang={language}"])
        await expect(other.page.locator("html")).to_have_attribute("lang", language)
    assert not found, "\n".join(found)
    assert complaints == []


STATES = {
    "waits": "state = 'created'",
    "declined": "state = 'declined', decline_kind = 'other_card', declines = 1, attempts = 1",
    "at the bank": "state = 'sending', sent_at = now(), attempts = 1",
    "being checked": "state = 'unknown', sent_at = now(), attempts = 1",
    "expired": "state = 'expired'",
}


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_a_link_to_pay_fits_and_bars_nobody_in_every_state(
    browser: Browser, paying: Shop, language: LanguageCode
) -> None:
    basket = await paying.basket()
    path = paying.links.of(basket.id).removeprefix(paying.url)
    visitor = await Visitor.arrive(browser, paying.url)
    found: list[str] = []
    for what, change in STATES.items():
        await paying.open_.database.do(f"UPDATE payments SET {change} WHERE id = %(id)s", id=basket.id)  # noqa: S608
        found += [f"{what}: {each}" for each in await walked(visitor, [f"{path}?lang={language}"])]
        if what == "waits":
            stay = visitor.page.locator("[name=act][value=stay]")
            await stay.evaluate("button => { button.dataset.pressed = '' }")
            await stay.click()
            await expect(visitor.page.locator("[value=stay]:not([data-pressed])")).to_be_visible()
            found += await fits(visitor, "more time")
    complaints = list(visitor.complaints)
    found += await walked(visitor, [f"/pay/nobody?lang={language}"])
    await expect(visitor.page.locator("html")).to_have_attribute("lang", language)
    await paying.open_.database.pool.close()
    found += [f"away: {each}" for each in await walked(visitor, [f"{path}?lang={language}"])]
    await expect(visitor.page.locator("html")).to_have_attribute("lang", language)
    await visitor.context.close()
    assert not found, "\n".join(found)
    assert complaints == []
