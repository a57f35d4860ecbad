"""The real server with a worker beside it, its times shortened and its ports mortal: `python -m lab.chaos.server`.

Settings come from the environment as everywhere; CHAOS_FUSE names the fuse's file.
"""

import argparse
import os
from pathlib import Path

import uvicorn

from core.payments.schedule import Times
from khallas.bootstrap import container
from khallas.bootstrap.wallets import wallets_of
from khallas.server.app import application
from khallas.settings.model import load
from khallas.telemetry import logs
from lab.chaos.faults import Fuse, mortal
from lab.chaos.wallets.faults import AheadClock, mortal_attempts, mortal_wallets

# Everything that waits minutes in life waits seconds here. A `sending` is stale only after the acquirer's time-out.
ACQUIRER_TIMEOUT_S = 2
# As long as a judge waits: a busy machine misses many a look, an acquirer that lies spoils others, then it is a day.
LOOKS_S = (1, 2, 3, 5, 8, 12, 20, *range(30, 301, 10))
TIMES = Times(
    basket_ttl_s=600,
    window_s=5,
    send_within_s=2,
    stale_sending_s=3,
    lease_s=4,
    undecided_sms_after_s=2,
    undo_pause_s=1,
    undo_refused_pause_s=2,
    sweep_every_s=1,
    inquiry_offsets_s=LOOKS_S,
)


def main() -> None:
    """Until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fuse", type=Path, required=True)
    given = parser.parse_args()
    settings = load(os.environ, demo=True)
    logs.configure(settings.log_level, settings.log_format)
    fuse = Fuse(given.fuse)
    clock = AheadClock(given.fuse.with_name("ahead")) if settings.wallets else None
    container.PgWalletAttempts = mortal_attempts(fuse)  # type: ignore[attr-defined]  # it is joined there, behind no port
    wallets = mortal_wallets(wallets_of(settings), fuse)
    house = container.assemble(settings, clock, times=TIMES, around=lambda world: mortal(world, fuse), wallets=wallets)
    uvicorn.run(application(house, beside=True), host="127.0.0.1", port=given.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
