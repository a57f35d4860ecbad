"""A page that waits says until when, waits longer at a button's press, and says so when it was too long."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from channels.web.bills.rendering import SESSION_TTL_S
from channels.web.bills.tokens import Visitor
from core.zone import ZONE
from lab.browser import BrowserPage, ScreenlessBrowser
from sessions.store.protocol import Key
from tests.channels.web.bills.test_journey import bills_of
from tests.support.world import World

Opens = Callable[..., ScreenlessBrowser]
NOTICE_MIN_S = 20  # WCAG 2.2.1


def record_of(browser: ScreenlessBrowser) -> str:
    """The name of its session in Redis."""
    number = next(morsel.value for morsel in browser.http.cookie_jar if morsel.key == "kh")
    session = Visitor(number, by_cookie=True).session
    return Key(session, "web", session).record


def clock(here: World, after_s: int) -> str:
    """As a page tells the time."""
    return (here.clock.now() + timedelta(seconds=after_s)).astimezone(ZONE).strftime("%H:%M")


@pytest.mark.parametrize("page", ["bills", "review"])
async def test_a_page_says_until_when_it_waits_and_waits_longer_without_a_script(
    opens: Opens, here: World, page: str
) -> None:
    browser = opens()
    shown: BrowserPage = await bills_of(browser)
    action = "/bills/choose"
    if page == "review":
        shown, action = await browser.send(shown), "/bills/confirm"
    assert f"jusqu'à {clock(here, SESSION_TTL_S)}" in shown.text
    assert SESSION_TTL_S > NOTICE_MIN_S
    record = record_of(browser)
    here.clock.forward(SESSION_TTL_S - NOTICE_MIN_S)
    await here.house.redis.expire(record, NOTICE_MIN_S)  # as much time has gone by for the session
    longer = await browser.send(shown, action=action, press="stay")
    assert longer.path == shown.path
    assert f"jusqu'à {clock(here, SESSION_TTL_S)}" in longer.text
    assert await here.house.redis.ttl(record) > SESSION_TTL_S - NOTICE_MIN_S
    assert await here.house.database.all("SELECT 1 AS one FROM payments") == []
    left = await browser.send(longer, action=action)
    assert left.path == "/bills/confirm" or left.path.startswith("/pay/")


async def test_who_waited_too_long_is_told_that_nothing_was_paid_and_begins_again(opens: Opens, here: World) -> None:
    browser = opens()
    review = await browser.send(await bills_of(browser))
    await here.house.redis.delete(record_of(browser))
    for late in (
        await browser.get("/bills/confirm"),
        await browser.send(review, action="/bills/confirm"),
        await browser.send(review, action="/bills/confirm", press="stay"),
    ):
        assert late.status == 410
        assert "trop longtemps" in late.text
        assert "/?lang=fr" in late.read.links
    assert await here.house.database.all("SELECT 1 AS one FROM payments") == []
