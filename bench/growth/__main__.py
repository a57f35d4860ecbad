"""`python -m bench.growth --payments 20000000 [--months 24] [--folder DIR | --keep DIR]`: the whole of it, in one run.

Twenty millions take an hour to fill. With `--keep` the cluster stays: who starts again after a run that was broken off
fills the months that are missing, and who starts again after a whole one measures again. `--months-on DIR` writes what
moved onto another disk, as docs/SCALING.md allows: a compressing one is enough for it.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from bench.growth.run import Growth, Years, measure
from lab.servers.postgres import Postgres

GOAL = 1.2
TIMES = 400
BUFFERS_SHARE = 4  # shared_buffers: a quarter of the machine's memory, as PostgreSQL's manual advises
ROOM = 1.3  # of the bytes that are computed, for indexes that grow and what is sorted


def main() -> int:
    """1: a goal was missed, or a payment lost; 2: the disk is too small."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--times", type=int, default=TIMES, help="of each thing that is measured")
    parser.add_argument("--folder", type=Path, default=None, help="where the cluster is written; some 4.3 kB a payment")
    parser.add_argument("--keep", type=Path, default=None, help="the same; it stays")
    parser.add_argument("--months-on", type=Path, default=None, help="where the tables of what moved are written")
    given = parser.parse_args()
    with contextlib.ExitStack() as open_ones:
        folder = given.keep
        if folder is None:
            name = open_ones.enter_context(tempfile.TemporaryDirectory(prefix="khallas-growth-", dir=given.folder))
            folder = Path(name)
        cluster = folder / "postgres"
        if not cluster.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
            free, need = shutil.disk_usage(folder).free, given.payments * BYTES_EACH * ROOM
            if free < need and given.months_on is None:
                print(f"{need / 1e9:.0f} GB are needed, {free / 1e9:.0f} GB are free", file=sys.stderr)
                return 2
        with Postgres(cluster, throwaway=True, buffers=_buffers()) as postgres:
            if given.months_on is not None:
                postgres.tablespace(MONTHS_ON, given.months_on)
            on = "" if given.months_on is None else MONTHS_ON
            found = measure(postgres, Years(given.payments, given.months, on), given.times, _said)
    print(told(found))
    return int(bool(found.lost) or any(grown > empty * GOAL for empty, grown in found.ratios.values()))


BYTES_EACH = 4_300
MONTHS_ON = "months"  # PostgreSQL's name for that disk


def _buffers() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // BUFFERS_SHARE // 1024**2}MB"


def _said(line: str) -> None:
    print(line, flush=True)


def told(found: Growth) -> str:
    """The run as a table."""
    lines = [
        (
            f"{found.payments:,} payments, {found.live:,} of them live, {found.months} months; "
            f"{found.bytes_each:,.0f} bytes each; lost or doubled: {found.lost}"
        ),
        f"khallas archive: {found.archived:,} payments in {found.archived_s:.1f} s",
        "",
        "| p50, in turn on both | empty | grown | grown/empty | goal |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (empty, grown) in found.ratios.items():
        verdict = "" if grown <= empty * GOAL else " MISSED"
        lines.append(f"| {name} | {empty:.2f} ms | {grown:.2f} ms | {grown / empty:.2f} | {GOAL}{verdict} |")
    lines += ["", "| of a payment that moved | p50 |", "|---|---:|"]
    lines += [f"| {name} | {spent:.2f} ms |" for name, spent in found.of_a_month.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
