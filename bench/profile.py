"""Where a row's time goes: `python -m bench.profile ussd|sms|voice|payment`. The frames that spend the most, in place.

It samples the server with py-spy where that is installed (`pip install py-spy`); a payment runs in this process under
cProfile. A profile says what, never how much: the figures are bench's.
"""

import cProfile
import os
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import uvloop

from bench import people, stage, till
from bench.contest import Contender, Plan, sample
from bench.rows import sms, ussd, voice
from bench.stage import KHALLAS, khallas_environ, server

SECONDS = 6.0
RATE_HZ = 400
SHOWN = 30
OURS = r"\((channels|core|sessions)/"
PAYMENTS = 600

Contenders = dict[str, Callable[[stage.Backends, stage.Running, Plan], Contender]]
DOORS: Contenders = {"ussd": ussd.khallas, "sms": sms.khallas, "voice": voice.khallas}


def main(arguments: list[str]) -> int:
    """2: usage, or py-spy is missing."""
    name = arguments[0] if len(arguments) == 1 else ""
    if name == "payment":
        _payment()
        return 0
    spy = shutil.which("py-spy", path=f"{Path(sys.prefix, 'bin')}:/usr/local/bin:/usr/bin")
    if name not in DOORS or spy is None:
        print("usage: python -m bench.profile ussd|sms|voice|payment; the first three need py-spy", file=sys.stderr)
        return 2
    print(_door(name, spy))
    return 0


def _door(name: str, spy: str) -> str:
    plan = Plan(1, SECONDS)
    with (
        stage.backends() as backends,
        tempfile.TemporaryDirectory() as folder,
        server("Khallas", KHALLAS, khallas_environ(backends, **sms.LIMITS), "/healthz") as running,
    ):
        contender = DOORS[name](backends, running, plan)
        sample(contender, 1.5)
        out = Path(folder, "stacks")
        command = [spy, "record", "-d", f"{SECONDS - 1:.0f}", "-r", str(RATE_HZ), "-f", "raw", "-o", str(out)]
        pid = str(running.busiest_pid())
        with subprocess.Popen([*command, "-p", pid], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            sample(contender, SECONDS)
        return summary(out.read_text().splitlines())


def summary(stacks: Iterable[str]) -> str:
    """py-spy's raw stacks (`outer;inner count`): our rooms with what they call, then every frame alone, as shares."""
    whole: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for line in stacks:
        frames, _, told = line.rpartition(" ")
        names = [_frame(each) for each in frames.split(";")]
        alone[names[-1]] += int(told)
        for name in set(names):
            whole[name] += int(told)
    total = alone.total() or 1
    ours = [(name, spent) for name, spent in whole.most_common() if re.search(OURS, name)][:SHOWN]
    lines = ["ours, with what they call"]
    lines += [f"{spent / total:>7.1%}  {name}" for name, spent in ours]
    lines += ["", "alone"]
    lines += [f"{spent / total:>7.1%}  {name}" for name, spent in alone.most_common(SHOWN)]
    return "\n".join(lines)


def _frame(told: str) -> str:
    """`function (file:line)` without the line: a function is one frame."""
    return re.sub(r":\d+\)$", ")", told)


def _payment() -> None:
    with stage.backends() as backends:
        people.seed(backends.database_url, bills=till.BILLS)
        os.sched_setaffinity(0, {stage.SERVER_CORE})
        profile = cProfile.Profile()
        profile.runcall(uvloop.run, till.run("khallas", backends.database_url, PAYMENTS))
        pstats.Stats(profile).sort_stats("tottime").print_stats(SHOWN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
