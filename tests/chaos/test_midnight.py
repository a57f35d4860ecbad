"""The account moves at midnight, under load: nothing is lost, and whoever took the money is asked about it."""

import pytest

from lab.chaos.acquirers.midnight import NEW, OLD, PAGES, midnight_swap

PAYMENTS = 40  # ./run chaos pays more of them


@pytest.mark.parametrize("drained", [False, True])
async def test_yesterday_stays_the_old_one_s_and_today_is_the_new_one_s(database_url: str, *, drained: bool) -> None:
    swap = await midnight_swap(database_url, PAYMENTS, drained=drained)
    assert swap.faults == []
    assert set(swap.sent) == {f"{OLD} before", f"{NEW} after"}
    assert swap.sent[f"{OLD} before"] == PAYMENTS // 2 + PAGES
    assert swap.by_page == PAGES
    assert swap.given_back > 0
