"""A help desk on a real server, over a shop with a real database."""

from collections.abc import AsyncIterator
from functools import cache

import pytest

from core.help_desk import accounts
from tests.channels.web.desk_site import PASSWORD, DeskSite, desk_site, settings
from tests.support.shop import Shop, shop

__all__ = ["shop"]


# The least that argon2 takes; what is kept in life is tests/core/help_desk/test_accounts.py's to say.
QUICK = {"TIME_COST": 1, "MEMORY_KIB": 8, "PARALLELISM": 1}


@cache
def _hash() -> str:
    return accounts.hasher().hash(PASSWORD)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> str:
    """Everybody's password at the desks of these tests; hashing is meant to be slow, and here it is quick."""
    for name, least in QUICK.items():
        monkeypatch.setattr(accounts, name, least)
    return _hash()


@pytest.fixture
async def site(shop: Shop, redis_url: str, hashed: str) -> AsyncIterator[DeskSite]:
    async with desk_site(shop, redis_url, hashed, settings()) as running:
        yield running
