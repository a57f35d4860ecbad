"""Hundreds of payments at an acquirer that lies in every way (`./run chaos`: a thousand)."""

from lab.chaos.lies import lie_storm

PAYMENTS = 300


async def test_captures_equal_the_ledger_and_nothing_answered_is_left_open(database_url: str) -> None:
    storm = await lie_storm(database_url, PAYMENTS)
    assert storm.differences == []
    assert sum(storm.states.values()) == PAYMENTS
    assert {"captured", "declined", "unknown"} <= set(storm.states)
    assert storm.captured > PAYMENTS // 10
