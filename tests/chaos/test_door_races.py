"""A browser, a USSD dialog and a caller for one bill, through the real server's doors: one of them pays it."""

from collections import Counter
from pathlib import Path

from lab.chaos.doors.customers import DoorOfRace
from lab.chaos.doors.races import run_door_races
from lab.chaos.nursery import Nursery

RACES = 12  # `./run chaos --only doors -n 200` runs a thousand


async def test_one_capture_a_bill_whoever_comes(
    database_url: str, redis_module_url: str, tmp_path: Path, servers: Nursery
) -> None:
    races = await run_door_races(database_url, redis_module_url, tmp_path, RACES, servers=servers)
    print(races.ends, races.won)
    assert races.differences == []
    assert races.captures == Counter({1: RACES})
    assert sum(races.ends.values()) == len(DoorOfRace) * RACES
    paid = races.ends[DoorOfRace.WEB, "/receipts"] + sum(races.ends[door, "Paid"] for door in DoorOfRace)
    assert paid >= 1, races.ends
