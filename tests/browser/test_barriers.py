"""What judges pages for everybody else: it finds what is there, on one document."""

import pytest
from playwright.async_api import Browser, Error, Page

from tests.support.barriers import LOOKS_MAX, barriers_of

PAGE = "<!doctype html><html lang=en><title>{0}</title><main><h1>{0}</h1>{1}</main></html>"
UNLABELLED = "<input>"
UNTOLD = "<img src=/none.png>"


async def _shows(browser: Browser, pages: dict[str, str]) -> Page:
    page = await browser.new_page()
    for path, body in pages.items():
        await page.route(f"**/{path}", lambda route, _, body=body: route.fulfill(body=body, content_type="text/html"))
    return page


async def test_what_is_there_is_found_within_and_by_tags(browser: Browser) -> None:
    page = await _shows(browser, {"one": PAGE.format("One", f"<p>Words</p><div>{UNLABELLED}</div>")})
    await page.goto("http://here.test/one")
    (found,) = await barriers_of(page)
    assert (found.rule, found.impact, found.html) == ("label", "critical", UNLABELLED)
    assert [each.rule for each in await barriers_of(page, "div", ["wcag2a"])] == ["label"]
    assert await barriers_of(page, "p") == []
    assert await barriers_of(page, tags=["wcag22aa"]) == []
    await page.close()


async def test_a_page_that_is_left_while_it_is_judged_is_judged_anew(browser: Browser) -> None:
    page = await _shows(
        browser, {"one": PAGE.format("One", UNTOLD), "two": PAGE.format("Two", UNLABELLED), "none.png": ""}
    )
    for wait_ms in range(0, 200, 10):  # before axe is there, in its middle, after it
        await page.goto("http://here.test/one")
        await page.evaluate("wait_ms => { setTimeout(() => { location = '/two' }, wait_ms) }", wait_ms)
        found = [each.rule for each in await barriers_of(page)]
        assert found in (["image-alt"], ["label"]), wait_ms  # the one or the other
        await page.wait_for_url("**/two")
    await page.close()


async def test_a_page_that_never_stands_still_is_a_failure(browser: Browser) -> None:
    reborn = "let n = 0; Object.defineProperty(performance, 'timeOrigin', {get: () => n++})"
    page = await _shows(browser, {"one": PAGE.format("One", f"<script>{reborn}</script>")})
    await page.goto("http://here.test/one")
    with pytest.raises(Error, match=f"another document at each of {LOOKS_MAX} looks"):
        await barriers_of(page)
    await page.close()


async def test_what_axe_cannot_do_is_a_failure(browser: Browser) -> None:
    page = await _shows(browser, {"one": PAGE.format("One", "")})
    await page.goto("http://here.test/one")
    with pytest.raises(Error, match="No elements found"):
        await barriers_of(page, "#nowhere")
    await page.close()
