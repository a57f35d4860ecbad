"""Which pages are read where reads may be late, and that what a customer hears never is."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from core.database.pool import Connection, Database
from tests.channels.web.desk_site import desk_site, settings
from tests.support.shop import Shop

T = TypeVar("T")
ROOT = Path(__file__).parents[4]


class Counted(Database):
    """Counts what is asked of it."""

    asked = 0

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        self.asked += 1
        return await super()._run(work)


@pytest.mark.parametrize("path", ["/ops", "/desk/lists", "/desk/report"])
async def test_what_is_looked_over_may_be_late(shop: Shop, redis_url: str, hashed: str, path: str) -> None:
    late = Counted(shop.database.pool)
    async with desk_site(shop, redis_url, hashed, settings(), late) as site:
        seat = await site.seat("sofia")
        before = late.asked
        assert await seat.get(path) == 200
        assert late.asked > before


async def test_a_search_may_be_late_and_a_payment_is_not(shop: Shop, redis_url: str, hashed: str) -> None:
    late, now = Counted(shop.database.pool), Counted(shop.database.pool)
    payment = await shop.paid()
    shop.database._run = now._run  # type: ignore[method-assign]  # watched
    async with desk_site(shop, redis_url, hashed, settings(), late) as site:
        seat = await site.seat("sofia")
        before = late.asked
        await seat.post("/desk/search", q=payment.reference)
        assert late.asked > before
        before = now.asked
        assert await seat.get(f"/desk/payments/{payment.id}") == 200
        assert now.asked > before


def test_nobody_but_the_desk_is_given_them() -> None:
    """What a customer hears is read where it was written: one place takes the late database, and it is the desk's."""
    takers = {
        (path.relative_to(ROOT).as_posix(), line.strip())
        for path in (ROOT / "khallas").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"house\.late\b", line)
    }
    assert {path for path, _ in takers} == {"khallas/server/app.py"}
    assert len(takers) == 1
