"""Real servers as children of ours: started on a free port, waited for, stopped, and gone when their parent is gone.

Rules of this file: every wait has a bound; a server's folder holds all it writes; one server at a time per folder, for
the lock is inherited by the server and freed by its last process. Start from the main thread: the kernel's death signal
follows the thread that started the child (docs/protocols/libraries.md).
"""

import fcntl
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from lab.servers import die_with_parent

User = Literal["self", "nobody", "nobody+dac"]

START_MAX_S = 90.0
STOP_MAX_S = 30.0
LOCK_MAX_S = 60.0
PROBE_MAX_S = 1.0
POLL_S = 0.01
LOG_MAX_BYTES = 10_000_000
LOG_TAIL_BYTES = 2_000
PORT_TRIES_MAX = 200
# Below Linux's ephemeral range: no outgoing connection can sit there, and a client that knocks at a dead server's port
# can never be connected to itself.
PORTS = range(20_000, 32_000)


class ServerFailed(Exception):
    """A stand-in server did not start or stop: this machine's fault; its words are in the message. Do not retry."""


def free_port() -> int:
    """A port nobody listens on at 127.0.0.1, and that no other process of ours was given. Raises ServerFailed."""
    for _ in range(PORT_TRIES_MAX):
        port = random.choice(PORTS)
        if not _reserved(port):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailed("no free port on 127.0.0.1")


def _reserved(port: int) -> bool:
    """Whether it is ours from now on: also while the server that listens there is being restarted.

    Told by a name that the kernel gives to one process at a time and takes back when that process ends.
    """
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0khallas-port-{port}")
    except OSError:
        name.close()
        return False
    name.detach()  # held until the end
    return True


def leashed(command: list[str], death_signal: int, user: User) -> list[str]:
    """The command, tied to this process's life."""
    python = [sys.executable, "-I", "-S", str(Path(die_with_parent.__file__).resolve())]
    return [*python, str(death_signal), str(os.getpid()), user, *command]


def kept_password(folder: Path) -> str:
    """The folder's password, made at first use: other users of this machine must not reach a server run by root."""
    path = folder / "password"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(16))
    return path.read_text().strip()


class Server(ABC):
    """One server process. `with` starts and stops it; start() after stop() or kill() keeps port and data."""

    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.password = kept_password(self.folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Its name in errors and the log file's name."""
        return type(self).__name__.lower()

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """Raises ServerFailed when it is not running."""
        if self._process is None or self._process.poll() is not None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def url(self) -> str:
        """What clients are given."""
        raise NotImplementedError

    @abstractmethod
    def _prepare(self) -> tuple[list[str], User]:
        """Write what the server needs; its command and user."""

    def _answers(self) -> bool:
        """Whether it serves: here, whether it takes a connection. Must not block for long."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PROBE_MAX_S).close()
        except OSError:
            return False
        return True

    def _started(self) -> None:  # noqa: B027 - most servers need nothing more
        """Called once it answers."""

    def start(self, *, lock_max_s: float = LOCK_MAX_S) -> None:
        """Returns when it answers; `lock_max_s`: how long another one may still use the folder. Raises ServerFailed."""
        if threading.current_thread() is not threading.main_thread():
            raise ServerFailed("servers are started from the main thread: they die with the thread that started them")
        if self._process is not None and self._process.poll() is None:
            return
        with self._locked(lock_max_s) as lock:
            command, user = self._prepare()
            if self.log.exists() and self.log.stat().st_size > LOG_MAX_BYTES:
                self.log.unlink()
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    leashed(command, self.death_signal, user),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C in the terminal is ours to answer, in our order
                    pass_fds=(lock.fileno(),),
                )
        try:
            self._wait_until_ready(self._process)
            self._started()
        except BaseException:
            self.kill()
            raise

    def _locked(self, max_s: float) -> BinaryIO:
        deadline = time.monotonic() + max_s
        lock = (self.folder / "lock").open("wb")
        while True:  # bounded by max_s
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise ServerFailed(f"another {self.name} still uses {self.folder}") from None
                time.sleep(POLL_S)
            else:
                return lock

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_MAX_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerFailed(f"{self.name} ended with {process.returncode}: {self.log_tail()}")
            if self._answers():
                return
            time.sleep(POLL_S)
        raise ServerFailed(f"{self.name} did not answer within {START_MAX_S} s: {self.log_tail()}")

    def log_tail(self) -> str:
        """The last words of the log."""
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if self.log.exists() else ""

    def stop(self) -> None:
        """Graceful, SIGKILL after STOP_MAX_S. Harmless when it does not run."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self.resume()
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """What kill -9 or the out-of-memory killer does. Harmless when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_MAX_S)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers. Always resume, or stop: a frozen server outlives us."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw it."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in (self.pid, *map(int, children)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # a worker that ended meanwhile

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
