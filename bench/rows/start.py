"""What a start costs, what a worker holds, and whether it holds more the longer it works.

As requirements/production.lock installs it: redis-py loads OpenTelemetry where it finds it, traces wanted or not, and
it is there for our tests.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis

from bench import steps
from bench.contest import Contender, Plan, sample
from bench.load import CONNECTIONS, Requests
from bench.measure import slope
from bench.results import Finding, Row, at_most
from bench.rows.ussd import TICKED
from bench.stage import KHALLAS, Backends, Running, khallas_environ, server

MIB = 1024 * 1024
STARTS = 3
STEPS, STEPS_QUICK = 200_000, 20_000
PARTS = 10
DIALOGS_FIRST = 12_000  # more than the pages that are kept (sessions/page_cache.py): from then on nothing may grow
PART_MAX_S = 60.0
NOT_IN_PRODUCTION = "opentelemetry"


def run(backends: Backends, plan: Plan) -> list[Row]:
    with without(NOT_IN_PRODUCTION) as path:
        return _rows(backends, plan, khallas_environ(backends, PYTHONPATH=path))


@contextmanager
def without(package: str) -> Iterator[str]:
    """A PYTHONPATH on which a package is found that cannot be imported, as where it is not installed."""
    with tempfile.TemporaryDirectory(prefix="khallas-bench-") as folder:
        missing = f'raise ModuleNotFoundError("No module named {package}", name={package!r})\n'
        Path(folder, f"{package}.py").write_text(missing)
        yield os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))


def _rows(backends: Backends, plan: Plan, environ: Mapping[str, str]) -> list[Row]:
    ready_s: list[float] = []
    for _ in range(STARTS - 1):
        with server("Khallas", KHALLAS, environ, "/healthz") as running:
            ready_s.append(running.ready_cpu_s)
    with server("Khallas", KHALLAS, environ, "/healthz") as running:
        ready_s.append(running.ready_cpu_s)
        fresh = running.rss_bytes() / MIB
        points = _worked(backends, running, STEPS_QUICK if plan.quick else STEPS)
    grown = slope(points) * 100_000 / points[0][1] * 100
    findings = (
        Finding("CPU from start to ready", sorted(ready_s)[STARTS // 2], "s", at_most(1.5)),
        Finding("resident memory of a worker, ready", fresh, "MiB"),
        Finding(f"resident memory of a worker after {points[-1][0]:,.0f} steps", points[-1][1], "MiB", at_most(100)),
        Finding("growth of resident memory over 100,000 steps", grown, "%", at_most(1.0)),
    )
    return [Row("start", "Start and memory of one worker", findings, points={"resident memory, MiB": points})]


def _worked(backends: Backends, running: Running, wanted: int) -> list[tuple[float, float]]:
    """Steps and resident MiB, part by part, after every dialog that is kept was seen."""
    _burst(backends, running, DIALOGS_FIRST, steps_a_session=1)
    done, points = 0.0, []
    for _ in range(PARTS):
        done += _burst(backends, running, wanted // PARTS // steps.STEPS_A_SESSION, steps.STEPS_A_SESSION)
        points.append((done, running.rss_bytes() / MIB))
    return points


def _burst(backends: Backends, running: Running, dialogs: int, steps_a_session: int) -> float:
    """Steps made; the requests end it, not the clock."""
    sessions = -(-dialogs // CONNECTIONS)

    async def prepare() -> Requests:
        async with Redis.from_url(backends.redis_url) as redis:
            await redis.flushall()
            await steps.seed(redis, "ussd", sessions)
        return steps.ussd(sessions, steps=steps_a_session)

    made = sample(Contender(running, prepare, TICKED), PART_MAX_S)
    if made.errors:
        raise RuntimeError(f"{made.errors:.0f} steps were not answered with the list")
    return made.requests
