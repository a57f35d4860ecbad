"""Where servers come from: a zygote (lab/chaos/zygote.py) that is asked for them, and the handle on each.

The servers are grandchildren: they are watched and signalled by pidfd, which never means another process.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.servers.processes import leashed

STOP_MAX_S = 10.0


class NotBorn(Exception):
    """The zygote is gone: this machine's fault."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a server is told."""

    port: int
    fuse: Path
    log: Path
    environment: dict[str, str]


class Born:
    """A server's process."""

    def __init__(self, pid: int) -> None:
        self._pidfd: int | None = None
        with contextlib.suppress(ProcessLookupError):  # it is dead already
            self._pidfd = os.pidfd_open(pid)
        self._dead = asyncio.Event()
        if self._pidfd is None:
            self._dead.set()
        else:
            asyncio.get_running_loop().add_reader(self._pidfd, self._bury)

    def _bury(self) -> None:
        assert self._pidfd is not None
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = None
        self._dead.set()

    @property
    def alive(self) -> bool:
        return not self._dead.is_set()

    def kill(self) -> None:
        """kill -9. Harmless when it is dead."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def died(self, within_s: float) -> None:
        """Wait for its end. Raises TimeoutError."""
        await asyncio.wait_for(self._dead.wait(), within_s)


class Nursery:
    """Asks the zygote; one question at a time."""

    def __init__(self, zygote: subprocess.Popen[bytes]) -> None:
        self._zygote = zygote

    def born(self, birth: Birth) -> Born:
        """A new server, which does not listen yet. Blocks until the zygote is ready. Raises NotBorn."""
        asked = {
            **{name: str(getattr(birth, name)) for name in ("port", "fuse", "log")},
            "environment": birth.environment,
        }
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        try:
            self._zygote.stdin.write(json.dumps(asked).encode() + b"\n")
            self._zygote.stdin.flush()
        except BrokenPipeError:
            raise NotBorn from None
        pid = self._zygote.stdout.readline()
        if not pid:
            raise NotBorn
        return Born(int(pid))


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Until the block's end, when the zygote and with it every server it bore dies."""
    command = leashed([sys.executable, "-m", "lab.chaos.zygote"], signal.SIGKILL, "self")
    zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Nursery(zygote)
    finally:
        zygote.kill()
        zygote.wait(STOP_MAX_S)
        for pipe in (zygote.stdin, zygote.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
