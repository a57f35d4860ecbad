"""`khallas relay` whose lease is short, and which may die of its own hand: `python -m lab.chaos.relay.process [POINT
TOLD]`. Settings come from the environment."""

import asyncio
import os
import sys
from pathlib import Path

from khallas.bootstrap import relay as joined
from khallas.cli.events.relay import relay_forever
from khallas.settings.model import load
from khallas.telemetry import logs
from lab.chaos.relay.points import MortalBooks, MortalLog, RelayFuse, RelayPoint

LEASE_S = 1.0
ROUNDS_MAX = 4


def main(point: str = "", told: str = "") -> None:
    """Until a signal, or its point."""
    if point:
        MortalBooks.fuse = MortalLog.fuse = RelayFuse(RelayPoint(point), ROUNDS_MAX, Path(told))
        setattr(joined, "PgStreamBooks", MortalBooks)  # noqa: B010 - joined there, behind no port
        setattr(joined, "KafkaLog", MortalLog)  # noqa: B010
    settings = load(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(relay_forever(settings, whole=True, lease_s=LEASE_S))


if __name__ == "__main__":
    main(*sys.argv[1:])
