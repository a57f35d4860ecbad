"""`khallas serve --workers N`: N processes accept from one listening socket; this one starts, watches and ends them.

SIGTERM and SIGINT end all gracefully. SIGHUP replaces them one by one: a new process (new code, settings read anew)
serves before the old one is told to finish, so that no request is refused. Who dies is replaced; who hangs is killed.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from khallas.server.beats import BEAT_S, READY
from khallas.server.sd_notify import notify
from sessions import vault_key as memory_key

log = logging.getLogger(__name__)

WORKERS_MAX = 64
START_MAX_S = 120.0  # a machine that was just switched on starts everything at once
STOP_MAX_S = 40.0  # without calls; longer than a worker's own grace, shorter than systemd's TimeoutStopSec
ROLL_MAX_S = 5.0  # an old worker whose calls go on longer does not hold up the others' replacement
HANG_MAX_S = 30.0 * BEAT_S
RESTART_PAUSE_S = 1.0
STATUS_BYTES = 64
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
COMMAND = (sys.executable, "-m", "khallas.server.child")


class NotStarted(Exception):
    """A worker ended before it served; its own words are on standard error. `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a worker ended with {code} before it served")
        self.code = code


@dataclass(slots=True)
class Worker:
    """A process and when it last showed that its loop turns."""

    process: asyncio.subprocess.Process
    status: int
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    beat_at: float = field(default_factory=time.monotonic)

    def watch(self) -> None:
        asyncio.get_running_loop().add_reader(self.status, self._heard)

    def _heard(self) -> None:
        status = os.read(self.status, STATUS_BYTES)
        if not status:
            self.close()
            return
        self.beat_at = time.monotonic()
        if READY in status:
            self.ready.set()

    def close(self) -> None:
        if self.status >= 0:
            asyncio.get_running_loop().remove_reader(self.status)
            os.close(self.status)
            self.status = -1

    def hangs(self) -> bool:
        return time.monotonic() - self.beat_at > HANG_MAX_S

    async def end(self, within_s: float) -> None:
        """Gracefully, unless it hangs."""
        _signal(self.process, signal.SIGTERM)
        ended = asyncio.create_task(self.process.wait())
        until = time.monotonic() + within_s
        while not ended.done() and not self.hangs() and time.monotonic() < until:
            await asyncio.wait({ended}, timeout=min(BEAT_S, within_s))
        if not ended.done():
            log.warning("worker %s did not end in time and is killed", self.process.pid)
            _signal(self.process, signal.SIGKILL)
        await ended


class Supervisor:
    """Keeps `count` workers on one socket. `command` is what each runs, followed by its descriptors.

    `beside` is what else they listen on: bound here, so that no other program can listen there as well.
    """

    def __init__(
        self,
        listener: socket.socket,
        count: int,
        environ: Mapping[str, str],
        command: Sequence[str] = COMMAND,
        *,
        beside: socket.socket | None = None,
        stop_max_s: float = STOP_MAX_S,
    ) -> None:
        if not 0 < count <= WORKERS_MAX:
            raise ValueError(f"1 to {WORKERS_MAX} workers")
        self._listener = listener
        self._beside = beside
        self._environ = dict(environ)
        self._command = command
        self._stop_max_s = stop_max_s
        self._workers: list[Worker] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._count = count
        self._life: tuple[int, int] = (-1, -1)
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> int:
        """Runs until a signal and returns the exit code."""
        loop = asyncio.get_running_loop()
        signals: tuple[tuple[signal.Signals, Callable[[], None]], ...] = (
            (signal.SIGTERM, self._stop.set),
            (signal.SIGINT, self._stop.set),
            (signal.SIGHUP, self._reload.set),
        )
        for number, handler in signals:
            loop.add_signal_handler(number, handler)
        self._life = os.pipe()
        with tempfile.TemporaryDirectory(prefix="khallas-metrics-") as folder:
            self._environ[METRICS_FOLDER] = folder
            try:
                self._workers = list(await asyncio.gather(*(self._start() for _ in range(self._count))))
                log.info("%s workers serve", self._count)
                notify("READY=1")
                await self._keep()
            except NotStarted as error:
                log.critical("%s", error)
                return error.code
            finally:
                notify("STOPPING=1")
                if self._beside is not None:  # a call that comes now is refused, and the switch goes on at once
                    self._beside.close()
                os.close(self._life[1])  # those whose start was not waited for leave by this
                await asyncio.gather(*self._leaving, *(worker.end(self._stop_max_s) for worker in self._workers))
                os.close(self._life[0])
        return 0

    async def _keep(self) -> None:
        """Replace who died or hangs, and everyone when asked to, until the stop."""
        while not self._stop.is_set():
            if self._reload.is_set():
                self._reload.clear()
                await self._roll()
            for index, worker in enumerate(self._workers):
                if worker.process.returncode is not None or worker.hangs():
                    await self._revive(index, worker)
            await _first(BEAT_S, self._stop, self._reload)

    async def _revive(self, index: int, worker: Worker) -> None:
        if worker.process.returncode is None:
            log.error("worker %s hangs and is killed", worker.process.pid)
            _signal(worker.process, signal.SIGKILL)
            await worker.process.wait()
        log.error("worker %s is gone (%s); another one starts", worker.process.pid, worker.process.returncode)
        self._forget(worker)
        try:
            self._workers[index] = await self._start()
        except NotStarted as error:
            log.warning("%s; it is tried again", error)
            await _first(RESTART_PAUSE_S, self._stop)

    async def _roll(self) -> None:
        """One after the other; a new one that does not start ends the round, and the old one stays."""
        notify("RELOADING=1")
        for index, old in enumerate(list(self._workers)):
            if self._stop.is_set():
                break
            try:
                self._workers[index] = await self._start()
            except NotStarted as error:
                log.warning("%s: the old ones go on", error)
                break
            leaving = asyncio.create_task(self._end(old))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            await _first(ROLL_MAX_S, self._stop, also=leaving)
        log.info("workers were replaced")
        notify("READY=1")

    async def _end(self, old: Worker) -> None:
        await old.end(self._stop_max_s)
        self._forget(old)

    async def _start(self) -> Worker:
        """A worker that serves. Raises NotStarted."""
        reading, writing = os.pipe()
        beside = () if self._beside is None else (self._beside.fileno(),)
        handed, key = (self._listener.fileno(), writing, self._life[0], *beside), memory_key.handed()
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *map(str, handed),
            pass_fds=(*handed, key),
            env=self._environ | {memory_key.KEY_FD: str(key)},
            start_new_session=True,  # Ctrl-C in the terminal is ours to answer
        )
        os.close(writing)
        os.close(key)
        worker = Worker(process, reading)
        worker.watch()
        ended = asyncio.create_task(process.wait())
        ready = asyncio.create_task(worker.ready.wait())
        await asyncio.wait({ended, ready}, timeout=START_MAX_S, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if worker.ready.is_set():
            ended.cancel()
            return worker
        _signal(process, signal.SIGKILL)
        code = await ended
        self._forget(worker)
        raise NotStarted(code if code > 0 else 1)

    def _forget(self, worker: Worker) -> None:
        worker.close()
        # what it counted stays; what it gauged "now" is no more
        for gauge in Path(self._environ[METRICS_FOLDER]).glob(f"gauge_live*_{worker.process.pid}.db"):
            gauge.unlink(missing_ok=True)


def supervise(
    host: str,
    port: int,
    count: int,
    environ: Mapping[str, str],
    *,
    beside: tuple[str, int] | None = None,
    stop_max_s: float = STOP_MAX_S,
) -> int:
    """Runs the workers until a signal and returns the exit code. `beside`: where else the workers listen. Raises
    OSError when an address is taken.
    """
    from khallas.server.listening import listener

    with ExitStack() as stack:
        bound = stack.enter_context(listener(host, port))
        other = None if beside is None else stack.enter_context(listener(*beside))

        async def run() -> int:
            return await Supervisor(bound, count, environ, beside=other, stop_max_s=stop_max_s).run()

        return asyncio.run(run())


async def _first(timeout_s: float, *events: asyncio.Event, also: asyncio.Task[None] | None = None) -> None:
    """Until one of them is set, or that task is done, or the time is over."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait([*waits, *([also] if also else [])], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return  # it ended meanwhile
