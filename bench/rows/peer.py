"""The same USSD step at what a Node developer would pick: ussd-menu-builder on express, its sessions in Redis."""

import shutil
import subprocess
from pathlib import Path

from bench.contest import Plan, alternate
from bench.measure import middle
from bench.results import Finding, Row, at_least, at_most
from bench.rows.ussd import bare, khallas
from bench.stage import KHALLAS, UVICORN, Backends, khallas_environ, server

SOURCE = Path(__file__).parent.parent / "peer"
CACHE = Path(__file__).parent.parent.parent / ".state" / "bench-peer"
INSTALL_MAX_S = 300
GOAL = 1.6
TITLE = "USSD step beside the peer: ussd-menu-builder on express, sessions in Redis"


def installed() -> Path | None:
    """The folder where the peer stands, installed once; None without node and npm. Raises CalledProcessError."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = (SOURCE / "package.json").read_text()
    stamp = CACHE / "installed"
    shutil.copy(SOURCE / "server.js", CACHE / "server.js")
    if not stamp.exists() or stamp.read_text() != wanted:
        (CACHE / "package.json").write_text(wanted)
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        subprocess.run(command, cwd=CACHE, check=True, timeout=INSTALL_MAX_S)
        stamp.write_text(wanted)
    return CACHE


def run(backends: Backends, plan: Plan) -> list[Row]:
    folder = installed()
    if folder is None:
        return [Row("peer", TITLE, (), note="not measured: it needs node and npm")]
    environ = {"BENCH_REDIS_URL": backends.redis_url, "NODE_ENV": "production"}
    floor = (*UVICORN, "bench.baselines.floor_step:app")
    with (
        server("Khallas", KHALLAS, khallas_environ(backends), "/healthz") as one,
        server("ussd-menu-builder", ("node", str(folder / "server.js")), environ) as other,
        server("the floor", floor, {"BENCH_REDIS_URL": backends.redis_url}) as third,
    ):
        ours, theirs, least = khallas(backends, one, plan), bare(backends, other, plan), bare(backends, third, plan)
        samples = alternate((ours, theirs, least), plan)
    mine, yours = middle(samples[ours.name]), middle(samples[theirs.name])
    findings = (
        Finding("requests/s, times the peer's", mine.rate / yours.rate, "x", at_least(GOAL)),
        Finding("the same by CPU a request", yours.cpu_us / mine.cpu_us, "x"),
        Finding("p99, times the peer's", mine.p99_ms / yours.p99_ms, "x", at_most(1.0)),
        Finding("CPU a request that the goal would leave", yours.cpu_us / GOAL, "us"),
        Finding("of it the floor takes", middle(samples[least.name]).cpu_us, "us"),
    )
    return [Row("peer", TITLE, findings, samples)]
