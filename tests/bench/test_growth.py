"""The run of years of payments, small: it fills, moves, measures and tells; of its figures nothing is held here."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import psycopg
import pytest

from bench.growth.__main__ import told
from bench.growth.measuring import TASKS
from bench.growth.run import Years, measure
from lab.servers.postgres import Postgres

INDEXES = r"SELECT tablename, indexdef FROM pg_indexes WHERE tablename ~ '_\d{4}_\d{2}$'"
NAMES = ("empty", "grown.new", "grown")


class BrokenOff(Exception):
    """Somebody ended the run."""


@pytest.fixture
def cluster(postgres: Postgres) -> Iterator[Postgres]:
    """The suite's, without what a run leaves."""
    try:
        yield postgres
    finally:
        for name in NAMES:
            postgres.drop(name)


def test_a_small_run_loses_nothing_and_tells_each_task(cluster: Postgres) -> None:
    said: list[str] = []
    found = measure(cluster, Years(600, 5), times=3, say=said.append)
    assert (found.lost, found.archived, found.months) == (0, 120, 5)
    assert found.live == 360
    assert set(found.ratios) == set(TASKS)
    assert len(said) == 6
    table = told(found)
    assert all(f"| {name} |" in table for name in TASKS)
    assert "brought back" in table
    filled, others, by_the_command = _indexes(cluster.url_of("grown")).values()
    assert filled == others == by_the_command


def test_a_run_that_was_broken_off_is_gone_on_with(cluster: Postgres) -> None:
    with pytest.raises(BrokenOff):
        measure(cluster, Years(50, 5), times=1, say=_break_off_at(2))
    found = measure(cluster, Years(50, 5), times=1, say=lambda _: None)
    assert (found.payments, found.lost, found.live) == (60, 0, 30)
    again = measure(cluster, Years(50, 5), times=1, say=lambda _: None)
    assert (again.payments, again.lost) == (60, 0)
    assert set(again.ratios) == set(TASKS)


def _break_off_at(said: int) -> Callable[[str], None]:
    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if len(told) == said:
            raise BrokenOff

    return say


def _indexes(url: str) -> dict[str, list[str]]:
    """Each month's, without its name."""
    months = defaultdict(list)
    with psycopg.connect(url) as connection:
        for table, definition in connection.execute(INDEXES):
            months[table[-8:]].append(definition.replace(table[-8:], ""))
    return {month: sorted(definitions) for month, definitions in sorted(months.items(), reverse=True)}
