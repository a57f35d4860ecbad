"""`khallas doctor` of a primary and its standby: who is what, and whether a commit survives."""

from pathlib import Path

import psycopg
import pytest

from core.database.migrate import upgrade
from khallas.doctor import failover
from khallas.doctor.finding import CheckFailed, NotSetUp
from lab.servers.postgres import Postgres
from lab.servers.standby import Standby, url_of_both


async def test_the_nodes_are_told_and_what_lacks(servers_folder: Path) -> None:
    folder = servers_folder / "doctors-pair"
    with Postgres(folder / "first") as primary:
        upgrade(primary.url)
        with pytest.raises(NotSetUp, match="one address"):
            await failover.nodes(primary.url)
        with Standby(folder / "second", primary) as standby:
            url = url_of_both(primary, standby)
            with pytest.raises(CheckFailed, match="a commit can be lost"):
                await failover.nodes(url)
            _synchronous(primary)
            told = await failover.nodes(url)
            assert f"127.0.0.1:{primary.port} primary, 1 synchronous" in told
            assert f"127.0.0.1:{standby.port} standby, writes are answered as away" in told
            with pytest.raises(CheckFailed, match="0 primaries"):
                await failover.nodes(url.replace(f"127.0.0.1:{primary.port}", f"localhost:{standby.port}"))
            standby.kill()
            with pytest.raises(CheckFailed, match="does not answer"):
                await failover.nodes(url)


def _synchronous(primary: Postgres) -> None:
    """Names the standby as such, and waits until it is."""
    state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    with psycopg.connect(primary.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(6_000):
            if connection.execute(state).fetchone() == (1,):
                return
            connection.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("no synchronous standby")
