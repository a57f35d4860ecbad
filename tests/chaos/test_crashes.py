"""The real server process is killed with kill -9 at each named point, ROUNDS times each."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.chaos.crashes import RESOLVED_MAX_S, Round, crash_rounds
from lab.chaos.faults import Point
from lab.postgres import Postgres

ROUNDS = 20


@pytest.fixture(scope="module")
async def rounds(
    postgres: Postgres, template_database: str, redis_module_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[Point, list[Round]]]:
    """All points at once, each with a server, a database and a bank of its own: they mostly wait."""

    async def broken(point: Point) -> list[Round]:
        database_url = postgres.create(f"crash_{point}", template_database)
        folder: Path = tmp_path_factory.mktemp(point)
        return await crash_rounds(database_url, redis_module_url, folder, point, ROUNDS)

    found = await asyncio.gather(*(broken(point) for point in Point))
    yield dict(zip(Point, found, strict=True))
    for point in Point:
        postgres.drop(f"crash_{point}")


@pytest.mark.parametrize("point", Point)
async def test_a_server_killed_here_charges_once_and_loses_nothing(
    rounds: dict[Point, list[Round]], point: Point
) -> None:
    assert len(rounds[point]) == ROUNDS
    assert [fault for each in rounds[point] for fault in each.faults] == []
    assert max(each.resolved_s for each in rounds[point]) < RESOLVED_MAX_S
