"""The lab's own measure: what runs at once has room, so that a verdict is about the servers and not about the lab."""

from core.database import pool
from core.database.jobs import SLOTS
from lab.chaos.__main__ import LANES
from lab.chaos.faults import Point
from lab.chaos.world import JUDGES_MAX
from lab.servers.postgres import CONNECTIONS_MAX

DYING = 2 * pool.CONNECTIONS_MAX  # a killed server's connections outlive it for a moment


def test_every_server_of_a_crash_run_finds_a_connection() -> None:
    listeners = len(SLOTS)
    one = pool.CONNECTIONS_MAX + listeners + JUDGES_MAX
    assert one * LANES * len(Point) + DYING < CONNECTIONS_MAX
