"""Every page of desk, operations and receipts, in each state and language: it fits from 360 to 1440 px and bars nobody.

A window a person, who walks through all pages; a page is loaded once and made narrower and wider.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page, expect

from core.languages import LanguageCode
from core.payments.table import PaymentState
from core.refunds.model import Refund, RefundState
from tests.browser.desk_world import LONG, fill
from tests.browser.visitor import Visitor
from tests.channels.web.conftest import hashed, site
from tests.channels.web.desk_site import PASSWORD, DeskSite, make_accounts
from tests.channels.web.serving import site as receipts_site
from tests.support.paid import BILLS, paid
from tests.support.shop import shop

__all__ = ["hashed", "shop", "site"]

WIDTHS_PX = (360, 768, 1024, 1366, 1440)
HEIGHT_PX = 900
STICKING_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  const over = document.documentElement.scrollWidth - wide;
  if (!over) return [];
  const out = [...document.querySelectorAll('body *')].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.width && (box.right > wide + 0.5 || box.left < -0.5);
  });
  return [`${over} px`, ...out.slice(-3).map((each) => each.outerHTML.slice(0, 160))];
}"""
UNFOLD = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
DOORS = ("/desk/login", "/desk/login?ended=1", "/desk/payments/nobody")
# Barriers stand in a page's build, which is one for all languages; what a language turns around is looked at here.
TURNED = frozenset({"/desk", "/desk/approvals", "/desk/users", "/ops"})
OFFICE = (
    *("/desk", "/desk/approvals", "/desk/by-hand", "/desk/chargebacks", "/desk/findings", "/desk/account", "/ops"),
    *("/desk/lists?kind=begun", "/desk/lists?kind=begun&day=2020-01-01&channel=sms", "/desk/report?day=2026-11-23"),
)
ALIKE = [f"/desk/lists?kind={kind}" for kind in ("open", "unknown", "stuck", "paid", "back", "failed")]
LOOKED_AT = ("unknown", "refunding", "partly", "waits")
ADMINISTRATION = ("/desk/users", "/desk/events", "/desk/log", "/desk/log?day=2020-01-01")


async def fits(visitor: Visitor, what: str, *, barriers: bool = True) -> list[str]:
    """What is wrong with the page that is open; not each of many like pages is searched for barriers."""
    page, found = visitor.page, []
    await page.evaluate(UNFOLD)
    for width in WIDTHS_PX:
        await page.set_viewport_size({"width": width, "height": HEIGHT_PX})
        if sticking_out := await page.evaluate(STICKING_OUT):
            found.append(f"{what} at {width} px: {sticking_out}")
        if barriers and width == WIDTHS_PX[0]:
            found += [f"{what}: {barrier}" for barrier in await visitor.barriers()]
    return found


async def walked(visitor: Visitor, addresses: Sequence[str], *, barriers: bool = True) -> list[str]:
    found: list[str] = []
    for address in addresses:
        await visitor.page.goto(f"{visitor.base}{address}")
        found += await fits(visitor, address, barriers=barriers or address in TURNED)
    return found


async def sits_down(visitor: Visitor, name: str, language: LanguageCode) -> Page:
    page = visitor.page
    await page.goto(f"{visitor.base}/desk/login?lang={language}")
    await page.locator("#name").fill(name)
    await page.locator("#password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("#q, #code")).to_be_visible()
    return page


@pytest.fixture
async def visitors(browser: Browser, site: DeskSite) -> AsyncIterator[list[Visitor]]:
    """Two windows at the desk."""
    opened = [await Visitor.arrive(browser, site.url) for _ in range(2)]
    yield opened
    for visitor in opened:
        await visitor.context.close()


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_every_page_of_the_desk_fits_and_bars_nobody(
    site: DeskSite, visitors: list[Visitor], language: LanguageCode
) -> None:
    payments = await fill(site)
    supervisor, administrator = visitors
    await make_accounts(site.at.shop).appoint("sofia", administers=True)
    page = await sits_down(supervisor, "sami", language)
    searched = language is LanguageCode.FR
    found = await walked(supervisor, OFFICE, barriers=searched)
    found += await walked(supervisor, ALIKE, barriers=False)
    for name, payment_id in payments.items():
        found += await walked(
            supervisor, [f"/desk/payments/{payment_id}"], barriers=name in (LOOKED_AT if searched else LOOKED_AT[:1])
        )
    for name in ("refunding", "waits"):
        one = f"/desk/payments/{payments[name]}"
        found += await walked(
            supervisor,
            [f"{one}/by-hand", f"{one}/dispute", f"/desk/lists?kind=customer&of={one[-26:]}"],
            barriers=searched,
        )
    for query in ("0600000001", "personne de ce nom"):
        await page.goto(f"{site.url}/desk")
        await page.locator("#q").fill(query)
        await page.locator(".search button").click()
        await expect(page.locator(".results, section.empty").first).to_be_visible()
        found += await fits(supervisor, f"search for {query}", barriers=searched)
    admin = await sits_down(administrator, "sofia", language)
    found += await walked(administrator, ADMINISTRATION, barriers=searched)
    await admin.goto(f"{site.url}/desk/users")
    await admin.locator("#name").fill("a-name-of-thirty-two-characters1")
    await admin.locator("form.stack button.main").first.click()
    await expect(admin.locator(".secret")).to_be_visible()
    found += await fits(administrator, "a password that is shown once")
    await page.locator(".who button").click()
    await expect(page.locator("#name")).to_be_visible()
    found += await walked(supervisor, [f"{door}{'&' if '?' in door else '?'}lang={language}" for door in DOORS[:2]])
    complaints = [each for visitor in visitors for each in visitor.complaints]
    assert not found, "\n".join(found)
    assert complaints == []


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_every_state_of_a_receipt_fits_and_bars_nobody(browser: Browser, language: LanguageCode) -> None:
    async with receipts_site("Opérateur national des télécommunications du Royaume") as shown:
        visitor = await Visitor.arrive(browser, shown.url)
        found: list[str] = []
        for state in PaymentState:
            token = shown.books.hold(replace(paid(language, state), email=LONG))
            looked_at = state in {PaymentState.CAPTURED, PaymentState.DECLINED}
            found += await walked(visitor, [f"/receipts/{token}?lang={language}"], barriers=looked_at)
        part = Refund(1, paid().id, BILLS[0].number, 50_00, RefundState.TOLD, 1, whole=False)
        shown.books.parts.append(part)
        token = shown.books.hold(replace(paid(language), email=LONG))
        found += await walked(visitor, [f"/receipts/{token}?lang={language}"])
        complaints = list(visitor.complaints)  # the last page is a 404, which a browser remarks on
        found += await walked(visitor, ["/receipts/nobody"])
        await visitor.context.close()
    assert not found, "\n".join(found)
    assert complaints == []
