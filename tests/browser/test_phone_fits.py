"""The phone page at every width and in three languages; on a laptop's screen nothing of it is below the fold."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Arrive
from tests.browser.test_every_page import HEIGHT_PX, WIDTHS_PX, fits
from tests.browser.visitor import Visitor

LANGUAGES = pytest.mark.parametrize("language", ["fr", "ar", "en"])
LAPTOPS = ((1366, 657), (1440, 900))
# What must be seen whole, and what must have nothing to scroll to.
OUT_OF_SIGHT = """() => {
  const [wide, high] = [innerWidth, innerHeight];
  const root = document.documentElement;
  const found = root.scrollHeight > high ? [`page: ${root.scrollHeight} px high`] : [];
  const whole = '.top, .who, #handset, #handset [data-key], #gauge, .guide, .faults, .mail, .trace, '
    + '.guide :is(button, a), .faults button, #lcd .field, #trace-clear, #wire';
  for (const each of document.querySelectorAll(whole)) {
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height || box.bottom > high || box.top < 0 || box.left < 0 || box.right > wide) {
      if (!each.hidden) found.push(`${each.className || each.dataset.key}: ${box.top} to ${box.bottom}`);
    }
  }
  for (const each of document.querySelectorAll('.stage, .aside, .desk, .guide, .faults, .mail, .trace')) {
    if (each.scrollHeight > each.clientHeight + 1) found.push(`${each.className}: ${each.scrollHeight} px`);
  }
  for (const [id, least] of [['lcd', 120], ['trace', 60]]) {
    const high = document.getElementById(id).clientHeight;
    if (high < least) found.push(`${id}: ${high} px are too few to read`);
  }
  return found;
}"""


async def fold(visitor: Visitor, what: str) -> list[str]:
    found = []
    for width, height in LAPTOPS:
        await visitor.page.set_viewport_size({"width": width, "height": height})
        found += [f"{what} {width}x{height}: {each}" for each in await visitor.page.evaluate(OUT_OF_SIGHT)]
    return found


async def dials(visitor: Visitor) -> None:
    await visitor.page.locator("[data-do=dial]").click()
    await visitor.mode("ussd")


@LANGUAGES
async def test_everything_is_above_a_laptops_fold(arrive: Arrive, language: str) -> None:
    visitor = await arrive()
    await visitor.open_phone(language, "0600000001")
    found = await fold(visitor, "idle")
    await dials(visitor)
    found += await fold(visitor, "ussd")
    assert found == []


@LANGUAGES
async def test_the_page_fits_every_width_and_bars_nobody(arrive: Arrive, language: str) -> None:
    visitor = await arrive(WIDTHS_PX[-1], HEIGHT_PX)
    await visitor.open_phone(language, "0600000001")
    found = await fits(visitor, "idle")
    await dials(visitor)
    found += await fits(visitor, "ussd")
    await visitor.page.keyboard.press("Escape")
    await visitor.touch("left", "3")
    await visitor.mode("write")
    found += await fits(visitor, "write")
    await visitor.touch("end")
    await visitor.page.locator("[data-do=voice]").click()
    await visitor.mode("talk")
    await expect(visitor.page.locator(".captions p:not(.quiet)").first).to_be_visible()
    found += await fits(visitor, "talk")
    await visitor.page.locator("[data-fault=cut]").click()
    await visitor.mode("hungup")
    assert found == []


@LANGUAGES
async def test_the_web_door_opens_beside_the_phone(arrive: Arrive, language: str) -> None:
    visitor = await arrive()
    await visitor.open_phone(language, "0600000001")
    async with visitor.context.expect_page() as opening:
        await visitor.page.locator(".guide a.action").click()
    door = await opening.value
    await expect(door.locator(f"html[lang={language}] #reference")).to_be_visible()
    await expect(visitor.page.locator(".rooms a").first).to_have_attribute("href", f"/?lang={language}")
