"""The real server is killed with kill -9 while it asks a wallet: `./run chaos --only wallet-crashes` is longer."""

import asyncio
from pathlib import Path

from lab.chaos.nursery import Nursery
from lab.chaos.wallets.crashes import WalletLane, WalletRound, wallet_crash_rounds, wallet_lanes
from lab.chaos.wallets.faults import WalletPoint
from lab.servers.postgres import Postgres

ROUNDS = 1


async def test_a_server_killed_while_it_asks_a_wallet_debits_once_and_loses_nothing(
    postgres: Postgres, template_database: str, redis_module_url: str, servers: Nursery, tmp_path: Path
) -> None:
    async def broken(lane: WalletLane) -> list[WalletRound]:
        own, url = tmp_path / lane.database, postgres.create(lane.database, template_database)
        own.mkdir()
        try:
            return await wallet_crash_rounds(url, redis_module_url, own, lane, servers)
        finally:
            postgres.drop(lane.database)

    lanes = wallet_lanes(ROUNDS, 1)
    rounds = [each for lane in await asyncio.gather(*map(broken, lanes)) for each in lane]
    assert [each.point for each in rounds] == [point for point in WalletPoint for _ in range(ROUNDS)]
    assert [fault for each in rounds for fault in each.faults] == []
