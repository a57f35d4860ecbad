"""The whole application with a bank's page, over the demo's data, and browsers without a screen."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from lab.browser import ScreenlessBrowser
from lab.servers.postgres import Postgres
from tests.support.world import World, load_demo_data, world

DEMO_TEMPLATE = "web_template"
_numbers = itertools.count(1)

Opens = Callable[..., ScreenlessBrowser]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo_template(postgres: Postgres, template_database: str) -> AsyncIterator[str]:
    """A database with the demo data, to be copied."""
    await load_demo_data(postgres.create(DEMO_TEMPLATE, template_database))
    yield DEMO_TEMPLATE
    postgres.drop(DEMO_TEMPLATE)


@pytest.fixture
def demo_database_url(postgres: Postgres, demo_template: str) -> Iterator[str]:
    """A fresh database with the demo data."""
    name = f"web_{next(_numbers)}"
    yield postgres.create(name, demo_template)
    postgres.drop(name)


@pytest.fixture
async def here(redis_url: str, demo_database_url: str) -> AsyncIterator[World]:
    async with world(redis_url, demo_database_url, in_browser=True) as running:
        yield running


@pytest.fixture
async def opens(here: World) -> AsyncIterator[Opens]:
    """Opens browsers at the door."""
    browsers: list[ScreenlessBrowser] = []

    def open_(*, cookies: bool = True, **headers: str) -> ScreenlessBrowser:
        browsers.append(ScreenlessBrowser(here.url, cookies=cookies, headers=headers))
        return browsers[-1]

    yield open_
    for browser in browsers:
        await browser.close()
