"""Hundreds of races of two channels for one bill (`./run chaos`: a thousand); some holders are stopped meanwhile."""

from collections import Counter

from lab.chaos.races import run_races

RACES = 300


async def test_exactly_one_capture_a_bill(database_url: str) -> None:
    races = await run_races(database_url, RACES)
    assert races.differences == []
    assert races.captures == Counter({1: RACES})
    assert races.stops > 0
    assert sum(races.ends.values()) == 2 * RACES
    assert races.ends["captured"] < 2 * RACES
