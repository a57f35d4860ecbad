"""The demo as its users start it: one process, a free port, a folder of its own. For browser tests and pictures."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

START_MAX_S = 300.0
STOP_MAX_S = 180.0
POLL_S = 0.1


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Demo:
    """A running demo: its address, the help desk's passwords by name, and where its settings and its log are."""

    url: str
    logins: dict[str, str]
    state: Path
    log: Path
    said: tuple[str, ...] = ()  # before `ready`, line by line

    def setting(self, name: str) -> str:
        """Of the settings that it leaves while it runs."""
        lines = (self.state / "demo.env").read_text(encoding="utf-8").splitlines()
        return dict(line.partition("=")[::2] for line in lines)[name]


@asynccontextmanager
async def running_demo(settings: Mapping[str, str] | None = None) -> AsyncIterator[Demo]:
    """With these settings, from `ready` until the block ends. Raises TimeoutError, RuntimeError if it did not start."""
    with tempfile.TemporaryDirectory(prefix="khallas-demo-") as name:
        os.chmod(name, 0o755)  # noqa: S103 - at once; PostgreSQL under root runs as nobody
        said, log = Path(name) / "said", Path(name) / "log"
        with said.open("wb") as out, log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                Path(sys.executable).with_name("khallas"),
                *("demo", "--port", str(free_port()), "--state", f"{name}/state"),
                env={key: value for key, value in os.environ.items() if not key.startswith("KHALLAS_")}
                | dict(settings or {}),
                stdout=out,
                stderr=errors,
            )
        try:
            async with asyncio.timeout(START_MAX_S):
                demo = await _ready(process, said, log, Path(name) / "state")
            yield demo
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), STOP_MAX_S)


async def _ready(process: asyncio.subprocess.Process, said: Path, log: Path, state: Path) -> Demo:
    """What it told. Raises RuntimeError with what the process said instead."""
    while process.returncode is None:  # bounded by START_MAX_S
        if (demo := _told(said, log, state)) is not None:
            return demo
        await asyncio.sleep(POLL_S)
    raise RuntimeError("the demo did not start: " + "".join(map(Path.read_text, (said, log))))


def _told(said: Path, log: Path, state: Path) -> Demo | None:
    told, ready, url = said.read_text(encoding="utf-8").partition("ready ")
    if not (ready and url.endswith("\n")):
        return None
    lines = tuple(told.splitlines())
    logins = dict(line.split(maxsplit=2)[2].split(" / ") for line in lines if line.startswith("desk "))
    return Demo(url.strip(), logins, state, log, lines)
