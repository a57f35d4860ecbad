"""One demo and one Chromium for all browser tests; a window each."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.demo import Demo, running_demo
from tests.browser.visitor import CHROMIUM, FLAGS, Visitor

Arrive = Callable[..., Awaitable[Visitor]]


@pytest.fixture(scope="session")
async def demo() -> AsyncIterator[Demo]:
    """The demo. Its data is shared: each test pays another subscriber's bill."""
    async with running_demo() as running:
        yield running


@pytest.fixture(scope="session")
def demo_url(demo: Demo) -> str:
    """The demo's address."""
    return demo.url


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium (apt-get install chromium), headless."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def arrive(browser: Browser, demo_url: str) -> AsyncIterator[Arrive]:
    """Opens windows; at the test's end none may have had an error or asked another host."""
    visitors: list[Visitor] = []

    async def open_window(width: int = 1440, height: int = 900) -> Visitor:
        visitors.append(await Visitor.arrive(browser, demo_url, width, height))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        await visitor.context.close()
        assert visitor.complaints == []
