"""Servers on core 0, everything else on core 1: what is measured shares its core with nobody of ours."""

import base64
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.database.migrate import upgrade
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey

SERVER_CORE, LOAD_CORE = 0, 1
READY_MAX_S = 90.0  # a busy machine's
STOP_MAX_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")
TOKEN = "c61de07f92a4b8350e7d14f6a9b3528c"
GATEWAY_SECRET = "9a40e7c2f58b16d3b07c9e5a41f2d86b"
SID = "ACbench"
PUBLIC_URL = "https://bench.example"


@dataclass(frozen=True, slots=True)
class Backends:
    """Where Redis and PostgreSQL are."""

    redis_url: str
    database_url: str
    valkey_pid: int
    postgres_pid: int = 0


@contextmanager
def backends() -> Iterator[Backends]:
    """Valkey and PostgreSQL, migrated, on the load's core."""
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="khallas-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with Valkey(folder / "valkey") as valkey, Postgres(folder / "postgres", throwaway=True) as postgres:
            upgrade(postgres.url)
            yield Backends(valkey.url, postgres.url, valkey.pid, postgres.pid)


@contextmanager
def beside(backends: Backends) -> Iterator[Backends]:
    """The same database with a Redis of its own."""
    with tempfile.TemporaryDirectory(prefix="khallas-bench-") as name, Valkey(Path(name)) as valkey:
        yield replace(backends, redis_url=valkey.url, valkey_pid=valkey.pid)


def on_database(backends: Backends, database_url: str) -> Backends:
    """The same servers, another database."""
    return replace(backends, database_url=database_url)


@dataclass(frozen=True, slots=True)
class Running:
    """A server under measurement."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    ready_cpu_s: float

    def cpu_s(self) -> float:
        """Processor seconds of the server and its children so far."""
        return tree_cpu_s(self.process.pid)

    def busiest_pid(self) -> int:
        """The worker: of the tree, the process that used the most processor time."""
        return max(_tree(self.process.pid), key=_cpu_s)

    def rss_bytes(self) -> int:
        """Resident memory of the largest process of the tree."""
        return max(_rss(pid) for pid in _tree(self.process.pid))


@contextmanager
def server(name: str, command: Sequence[str], environ: Mapping[str, str], ready_path: str = "/") -> Iterator[Running]:
    """A server process pinned to its core, from ready to stopped."""
    port = free_port()
    spelled = [part.replace("{port}", str(port)) for part in command]
    full = {**os.environ, **environ, "PORT": str(port)}
    process = subprocess.Popen(
        spelled,
        env=full,
        stdout=subprocess.DEVNULL,
        preexec_fn=_pin,  # no thread of ours runs beside it
    )
    try:
        _await_ready(process, f"http://127.0.0.1:{port}{ready_path}")
        yield Running(name, port, process, sum(_cpu_s(pid) for pid in _tree(process.pid)))
    finally:
        process.terminate()
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def khallas_environ(backends: Backends, **more: str) -> dict[str, str]:
    """Settings of a production server over the bench's backends."""
    return {
        "KHALLAS_REDIS_URL": backends.redis_url,
        "KHALLAS_DATABASE_URL": backends.database_url,
        "KHALLAS_PUBLIC_URL": PUBLIC_URL,
        "KHALLAS_SECRET_KEYS": secrets.token_urlsafe(32),
        "KHALLAS_VAULT_KEYS": "bench:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "KHALLAS_TWILIO__ACCOUNT_SID": SID,
        "KHALLAS_TWILIO__AUTH_TOKENS": TOKEN,
        "KHALLAS_TWILIO__FROM": "1117",
        "KHALLAS_TWILIO__API_URL": "http://127.0.0.1:9",
        "KHALLAS_CMI__URL": "http://127.0.0.1:9/fim/api",
        "KHALLAS_CMI__CLIENT_ID": "600000001",
        "KHALLAS_CMI__NAME": "bench-api",
        "KHALLAS_CMI__PASSWORD": secrets.token_urlsafe(18),
        "KHALLAS_SMTP_URL": "smtp://127.0.0.1:9",
        "KHALLAS_MAIL_FROM": "recus@khallas.example",
        "KHALLAS_IVR__NUMBER": "+212520001117",
        "KHALLAS_GATEWAY_SECRETS__AFRICASTALKING": f"{GATEWAY_SECRET} net:127.0.0.1",
        "KHALLAS_LOG_LEVEL": "WARNING",
        **more,
    }


KHALLAS = (str(Path(sys.prefix, "bin", "khallas")), "serve", "--port", "{port}")
UVICORN = (
    sys.executable,
    "-m",
    "uvicorn",
    "--port",
    "{port}",
    "--no-access-log",
    "--log-level",
    "warning",
    "--loop",
    "uvloop",
    "--http",
    "httptools",
)


def busy_s() -> float:
    """Processor seconds that the two cores spent on anything, so far."""
    spent = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *jiffies = line.split()
        if name in {f"cpu{SERVER_CORE}", f"cpu{LOAD_CORE}"}:
            user, nice, system, _idle, _wait, interrupt, soft, steal = map(int, jiffies[:8])
            spent += (user + nice + system + interrupt + soft + steal) / TICKS
    return spent


def tree_cpu_s(pid: int) -> float:
    """Processor seconds of a process and its children so far, those that ended too."""
    return sum(_cpu_s(each, ended=True) for each in _tree(pid))


def own_s() -> float:
    """Processor seconds of this process and all it started, so far."""
    return tree_cpu_s(os.getpid())


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pin() -> None:
    os.sched_setaffinity(0, {SERVER_CORE})


def _await_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + READY_MAX_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own server
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the server was not ready in time")


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:  # grows while it is read
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue
        found += [int(child) for child in children]
    return found


def _cpu_s(pid: int, *, ended: bool = False) -> float:
    """`ended`: with its children that ended, and theirs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if ended else 13])) / TICKS


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
