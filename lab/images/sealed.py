"""An image's process as the compose file has it: first of its namespace, its root read-only, without any capability.

A container engine's walls made by hand, with util-linux: mounts and processes of its own, this machine's network. What
it may use of the machine is not bounded (no cgroup).
"""

import os
import shlex
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.servers.processes import STOP_MAX_S, Server, ServerFailed, User

ANSWER_MAX_S = 5.0
NAMESPACES = ("--mount", "--pid", "--ipc", "--uts", "--propagation", "private", "--fork", "--kill-child")
BOUND = ("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--pdeathsig=KILL")


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where an image's files are, who runs in them, and what of this machine is seen there: `binds`, from and to."""

    root: Path
    user: str
    environment: Mapping[str, str]
    tmpfs: tuple[str, ...] = ("/tmp", "/run")  # noqa: S108 - the container's
    binds: Mapping[Path, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """The command that runs these words so."""
        return [*_unshared(), "; ".join((*self._mounts(), self._becomes(*words)))]

    def as_root(self, *words: str) -> list[str]:
        """The same by root, whom permissions do not stop: what stops it is the root that is read-only."""
        return [*_unshared(), "; ".join((*self._mounts(), f"exec chroot {self.root} {shlex.join(words)}"))]

    def _mounts(self) -> list[str]:
        root = str(self.root)
        lines = [
            f"mount --bind {root} {root}",
            f"mount -t proc -o nosuid,nodev,noexec proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
        ]
        lines += [f"mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs {root}{path}" for path in self.tmpfs]
        for source, target in self.binds.items():
            if source.is_dir():
                lines.append(f"mkdir -p {root}{target}")
            lines.append(f"mount --bind -o ro {shlex.quote(str(source))} {root}{target}")
        return [*lines, f"mount -o remount,bind,ro {root}"]

    def _becomes(self, *words: str) -> str:
        uid, _, gid = self.user.partition(":")
        told = [f"{name}={value}" for name, value in self.environment.items()]
        becomes = ["setpriv", f"--reuid={uid}", f"--regid={gid or uid}", *BOUND]
        return shlex.join(["exec", "chroot", str(self.root), *becomes, "env", "-i", *told, *words])


def _unshared() -> list[str]:
    return [shutil.which("unshare") or "unshare", *NAMESPACES, "sh", "-ec"]


class Contained(Server):
    """A process of an image, ready when it answers `path` with `status`. `stop` tells it, and it alone, to end."""

    death_signal = signal.SIGKILL  # of the process between us: it ignores the others, and takes its child along

    def __init__(
        self, folder: Path, sealed: Sealed, words: Sequence[str], port: int, path: str = "/readyz", status: int = 200
    ) -> None:
        super().__init__(folder, port)
        self._sealed = sealed
        self._words = words
        self._path = path
        self._status = status
        self.code: int | None = None

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def first(self) -> int:
        """The number that this machine gives to the process which is 1 in there. Raises ServerFailed."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        if not children:
            raise ServerFailed(f"{self.name} has no process: {self.log_tail()}")
        return int(children[0])

    def stop(self) -> None:
        """SIGTERM, SIGKILL after STOP_MAX_S; `code` is what it ended with, None when it had to be killed."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.kill(self.first, signal.SIGTERM)
        try:
            self.code = process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _prepare(self) -> tuple[list[str], User]:
        return self._sealed.command(*self._words), "self"

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}{self._path}", timeout=ANSWER_MAX_S) as answer:  # noqa: S310 - ours
                return bool(answer.status == self._status)
        except urllib.error.HTTPError as error:
            return error.code == self._status
        except OSError:
            return False
