"""Looks at payments whose browser came back too early: each once, for a while, and never more than are kept."""

import asyncio
from collections import Counter

import pytest

from channels.web.hosted_page.late_looks import LateLooks
from core.payments.hosted_page import HostedPagePayments
from core.payments.janitor import NoSuchPayment
from core.payments.table import Payment
from core.repositories import DatabaseUnavailable
from tests.support.waiting import until


class Away(HostedPagePayments):
    """Cannot read a payment so often, then knows of none."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.asked: Counter[str] = Counter()

    async def came_back(self, payment_id: str) -> Payment:
        self.asked[payment_id] += 1
        self.left -= 1
        if self.left < 0:
            raise NoSuchPayment(payment_id)
        raise DatabaseUnavailable("away")


async def test_it_is_looked_at_until_the_database_answers() -> None:
    away = Away(2)
    LateLooks(away, [0.0] * 5).follow("one")
    await until(lambda: away.asked["one"] == 3)
    await asyncio.sleep(0.1)
    assert away.asked["one"] == 3


async def test_in_the_end_the_page_s_end_has_to_do(caplog: pytest.LogCaptureFixture) -> None:
    away = Away(9)
    LateLooks(away, [0.0, 0.0]).follow("one")
    await until(lambda: "one: its browser came back" in caplog.text)
    assert away.asked["one"] == 2


async def test_a_browser_that_comes_often_is_followed_once() -> None:
    away = Away(0)
    looks = LateLooks(away, [0.1], followed_max=2)
    for payment_id in ("one", "one", "two", "three"):
        looks.follow(payment_id)
    await until(lambda: len(away.asked) == 2)
    await asyncio.sleep(0.2)
    assert away.asked == {"one": 1, "two": 1}
