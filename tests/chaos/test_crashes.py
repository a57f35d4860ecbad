"""The real server process is killed with kill -9 at each named point, ROUNDS times each (`./run chaos`: more often)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lab.chaos.crashes import RESOLVED_MAX_S, Lane, Round, crash_rounds, lanes_of
from lab.chaos.faults import Point
from lab.chaos.nursery import Nursery
from lab.servers.postgres import Postgres

ROUNDS = 6
LANES = 2  # servers a point


@pytest.fixture(scope="module")
async def rounds(
    postgres: Postgres,
    template_database: str,
    redis_module_url: str,
    servers: Nursery,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[Point, list[Round]]]:
    """All points at once."""
    lanes = lanes_of(ROUNDS, LANES)

    async def broken(lane: Lane) -> list[Round]:
        database_url = postgres.create(lane.database, template_database)
        return await crash_rounds(database_url, redis_module_url, tmp_path_factory.mktemp(lane.database), lane, servers)

    found: dict[Point, list[Round]] = {point: [] for point in Point}
    for lane, rounds in zip(lanes, await asyncio.gather(*(broken(lane) for lane in lanes)), strict=True):
        found[lane.point] += rounds
    yield found
    for lane in lanes:
        postgres.drop(lane.database)


@pytest.mark.parametrize("point", Point)
async def test_a_server_killed_here_charges_once_and_loses_nothing(
    rounds: dict[Point, list[Round]], point: Point
) -> None:
    assert len(rounds[point]) == ROUNDS
    assert [fault for each in rounds[point] for fault in each.faults] == []
    assert max(each.resolved_s for each in rounds[point]) < RESOLVED_MAX_S
