"""`./run bench [--rows ussd,sms] [--bursts 3] [--seconds 4] [--quick] [--before TREE]`: measures, prints, writes
results.json.
"""

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import stage
from bench.contest import Plan
from bench.measure import Sample
from bench.results import Row, table, to_json
from bench.rows import journey, payment, peer, sessions, sms, start, ussd, voice

RESULTS = Path(__file__).parent / "results.json"
ROWS: dict[str, Callable[[stage.Backends, Plan], list[Row]]] = {
    "ussd": ussd.run,
    "peer": peer.run,
    "sms": sms.run,
    "voice": voice.run,
    "payment": payment.run,
    "journey": journey.run,
    "sessions": sessions.run,
    "start": start.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0: measured, whatever the goals say; 1: answers were wrong; 2: usage."""
    given = _parser().parse_args(arguments)
    wanted = given.rows.split(",") if given.rows else list(ROWS)
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        print(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    quick_s, seconds = 1.5, given.seconds
    plan = Plan(given.bursts, seconds or (quick_s if given.quick else 4.0), given.quick, given.before)
    began, found, told = time.monotonic(), list[Row](), about(plan)
    for name in wanted:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with stage.backends() as backends:  # each row its own: none inherits another's tables
            found += ROWS[name](backends, plan)
    given.out.write_text(to_json(found, {**told, "took_s": round(time.monotonic() - began)}))
    print(table(found))
    print(f"\n{given.out}")
    disturbed = max((one.others for one in _samples(found)), default=0.0)
    if disturbed > 0.1:
        print(f"other programs took up to {disturbed:.0%} of the two cores meanwhile: repeat it on a quiet machine")
    return 1 if any(one.errors for one in _samples(found)) else 0


def about(plan: Plan) -> dict[str, str | float | int]:
    """The conditions of a run."""
    command = ["git", "describe", "--always", "--dirty"]
    revision = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "revision": revision,
        "python": platform.python_version(),
        "bursts": plan.bursts,
        "seconds": plan.seconds,
        "quick": plan.quick,
    }


def _samples(rows: Sequence[Row]) -> list[Sample]:
    return [sample for row in rows for samples in row.samples.values() for sample in samples]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run bench", description="Khallas against baselines, in one run.")
    parser.add_argument("--rows", default="", help=f"comma list of {', '.join(ROWS)}")
    parser.add_argument("--bursts", type=int, default=3, help="bursts a contender; medians are told")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of a burst")
    parser.add_argument("--quick", action="store_true", help="small: shows that it works, proves little")
    parser.add_argument("--before", type=Path, help="another tree of Khallas: the row journey measures it as well")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
