"""The real server between two acquirers that both lie is killed at each named point; both ledgers are compared."""

import asyncio
from pathlib import Path

from lab.chaos.crashes import Round, crash_rounds, lanes_of
from lab.chaos.faults import Point
from lab.chaos.nursery import Nursery
from lab.servers.postgres import Postgres

ROUNDS = 2  # ./run chaos kills more of them


async def test_a_bill_is_paid_once_over_both_and_each_ledger_is_ours(
    postgres: Postgres, template_database: str, redis_module_url: str, servers: Nursery, tmp_path: Path
) -> None:
    lanes = lanes_of(ROUNDS, 1, several=True)

    async def broken(number: int) -> list[Round]:
        lane = lanes[number]
        folder = tmp_path / str(number)
        folder.mkdir()
        database_url = postgres.create(lane.database, template_database)
        try:
            return await crash_rounds(database_url, redis_module_url, folder, lane, servers)
        finally:
            postgres.drop(lane.database)

    rounds = [each for some in await asyncio.gather(*map(broken, range(len(lanes)))) for each in some]
    assert [(each.point, fault) for each in rounds for fault in each.faults] == []
    assert len(rounds) == ROUNDS * len(Point)
    assert all(len(each.paid_at) == 1 and each.paid_at[0] in {"cmi", "naps"} for each in rounds)
