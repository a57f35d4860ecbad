"""One demo and one Chromium for all browser tests; a window each.

They end with the folder's last test, not with the session: a demo works on when nobody looks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser

from lab.phone.troubles import Trouble
from tests.browser.demo import Demo, running_demo
from tests.browser.payment import Watched, pays_and_is_watched
from tests.browser.visitor import Visitor, patient_chromium

Arrive = Callable[..., Awaitable[Visitor]]
# a bank that is slow or silent is waited for no longer; the log is searched
SETTINGS = {"KHALLAS_CMI__TIMEOUT_S": "10", "KHALLAS_LOG_LEVEL": "DEBUG"}


@pytest.fixture(scope="package")
async def demo() -> AsyncIterator[Demo]:
    """The demo. Its data is shared: each test pays another subscriber's bill."""
    async with running_demo(SETTINGS) as running:
        yield running


@pytest.fixture(scope="package")
def demo_url(demo: Demo) -> str:
    """The demo's address."""
    return demo.url


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, headless."""
    async with patient_chromium() as running:
        yield running


@pytest.fixture(scope="package")
async def watched(browser: Browser, demo: Demo) -> AsyncIterator[Watched]:
    """A payment made by phone while /ops was open: one for all tests, for a whole payment takes its time."""
    watcher, phone = await Visitor.arrive(browser, demo.url), await Visitor.arrive(browser, demo.url)
    made = await pays_and_is_watched(watcher, phone, demo)
    await leaves(phone)
    yield made
    await leaves(watcher)


async def takes_back_faults(visitor: Visitor) -> None:
    """What a test armed and nothing met strikes nobody else: the demo is everybody's."""
    for trouble in Trouble:
        order = {"trouble": trouble.value, "on": False}
        await visitor.context.request.post(f"{visitor.base}/phone/api/troubles", data=order)


async def leaves(visitor: Visitor) -> None:
    """The window is shut; it never had an error nor asked another host."""
    await visitor.context.close()
    assert visitor.complaints == []


@pytest.fixture
async def arrive(browser: Browser, demo_url: str) -> AsyncIterator[Arrive]:
    """Opens windows; at the test's end none may have had an error or asked another host."""
    visitors: list[Visitor] = []

    async def open_window(width: int = 1440, height: int = 900) -> Visitor:
        visitors.append(await Visitor.arrive(browser, demo_url, width, height))
        return visitors[-1]

    yield open_window
    if visitors:
        await takes_back_faults(visitors[0])
    for visitor in visitors:
        await leaves(visitor)
