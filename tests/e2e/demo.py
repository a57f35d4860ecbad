"""`khallas demo` as its users start it: a process of its own, whose family is watched from outside."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_MAX_S = 300.0
STOP_MAX_S = 180.0
GONE_MAX_S = 180.0
POLL_S = 0.05
LINES_MAX = 1_000
# the console script's own line, so that a checkout tests itself wherever its environment is
KHALLAS = (sys.executable, "-c", "from khallas.cli.main import main; main()")


def environment(**settings: str) -> dict[str, str]:
    """This process's own without any KHALLAS_ name, and `settings`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KHALLAS_")} | settings


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Said:
    """What a command that ended said."""

    code: int
    out: str
    err: str


async def khallas(*arguments: str | Path, **settings: str) -> Said:
    """Run a verb to its end. Raises TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *KHALLAS,
        *map(str, arguments),
        cwd=ROOT,
        env=environment(**settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_MAX_S):
        out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


@dataclass(slots=True)
class Demo:
    """A demo that said it is ready."""

    url: str
    process: asyncio.subprocess.Process

    def family(self) -> dict[int, str]:
        """It and all that it started, directly or not: command lines by process id."""
        return {pid: told for pid, told in _commands(_descendants(self.process.pid)).items() if told}

    async def end(self, number: int) -> Said:
        """Send a signal and wait for the end. Raises TimeoutError."""
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_MAX_S):
            out, err = await self.process.communicate()
        return Said(self.process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def demo(state: Path, *options: str, **settings: str) -> AsyncIterator[Demo]:
    """Ready within the block; killed at its end when still alive. Raises RuntimeError, TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *(*KHALLAS, "demo", "--port", str(free_port()), "--state", str(state), *options),
        cwd=ROOT,
        env=environment(**settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START_MAX_S):
            url = await _ready(process)
        yield Demo(url, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> str:
    """The address told; logins may be told before. Raises RuntimeError."""
    assert process.stdout is not None
    for _ in range(LINES_MAX):
        line = (await process.stdout.readline()).decode()
        if line.startswith("ready ") or not line:
            break
    if not line:
        raise RuntimeError("the demo ended before it was ready")
    return line.removeprefix("ready ").rstrip("\n")


async def gone(family: Mapping[int, str]) -> dict[int, str]:
    """Who of a family still lives when all should be gone; waits for them, within a bound."""
    alive: dict[int, str] = dict(family)
    for _ in range(int(GONE_MAX_S / POLL_S)):
        now = _commands(alive)
        alive = {pid: told for pid, told in alive.items() if now.get(pid) == told}
        if not alive:
            break
        await asyncio.sleep(POLL_S)
    return alive


def _descendants(pid: int) -> list[int]:
    parents = {child: _parent(child) for child in _processes()}
    found = [pid]
    for each in found:  # grows as it is read; a process tree has no loops
        found += [child for child, parent in parents.items() if parent == each]
    return found


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _commands(pids: "list[int] | Mapping[int, str]") -> dict[int, str]:
    """Command lines; empty for the dead and for those whose parent has not yet read of their death."""
    told: dict[int, str] = {}
    for pid in pids:
        try:
            told[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            told[pid] = ""
    return told
