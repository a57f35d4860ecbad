"""A help desk on a real server, over a shop with a real database."""

from collections.abc import AsyncIterator

import pytest

from core.help_desk.accounts import hasher
from tests.channels.web.desk_site import PASSWORD, DeskSite, desk_site, settings
from tests.support.shop import Shop, shop

__all__ = ["shop"]


@pytest.fixture(scope="session")
def hashed() -> str:
    """Everybody's password at the desks of these tests, hashed once: it is meant to be slow."""
    return hasher().hash(PASSWORD)


@pytest.fixture
async def site(shop: Shop, redis_url: str, hashed: str) -> AsyncIterator[DeskSite]:
    async with desk_site(shop, redis_url, hashed, settings()) as running:
        yield running
