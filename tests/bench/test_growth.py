"""The run of years of payments, small: it fills, moves, measures and tells; of its figures nothing is held here."""

from bench.growth.__main__ import told
from bench.growth.measuring import TASKS
from bench.growth.run import measure
from lab.servers.postgres import Postgres


def test_a_small_run_loses_nothing_and_tells_each_task(postgres: Postgres) -> None:
    said: list[str] = []
    try:
        found = measure(postgres, payments=600, months=5, times=3, say=said.append)
    finally:
        for name in ("empty", "grown"):
            postgres.drop(name)
    assert (found.lost, found.archived, found.months) == (0, 120, 5)
    assert found.live == 360
    assert set(found.ratios) == set(TASKS)
    assert len(said) == 6
    table = told(found)
    assert all(f"| {name} |" in table for name in TASKS)
    assert "brought back" in table
