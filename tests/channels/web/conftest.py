"""A help desk on a real server, over a shop with a real database."""

from collections.abc import AsyncIterator

import pytest

from tests.channels.web.desk_site import PASSWORD, DeskSite, desk_site, settings
from tests.support.hashing import hash_quickly, quick_hash
from tests.support.shop import Shop, shop

__all__ = ["shop"]


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> str:
    """Everybody's password at the desks of these tests; hashing is meant to be slow, and here it is quick."""
    hash_quickly(monkeypatch)
    return quick_hash(PASSWORD)


@pytest.fixture
async def site(shop: Shop, redis_url: str, hashed: str) -> AsyncIterator[DeskSite]:
    async with desk_site(shop, redis_url, hashed, settings()) as running:
        yield running
