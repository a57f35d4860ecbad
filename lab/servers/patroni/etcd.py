"""One etcd, where the nodes agree on who is primary; three in life."""

import urllib.request
from pathlib import Path

from lab.servers.patroni.programs import Programs
from lab.servers.processes import Server, User, free_port

ANSWER_MAX_S = 2.0


class Etcd(Server):
    """Keeps everything in its folder."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        super().__init__(folder)
        self._programs = programs
        self._peer_port = free_port()

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT."""
        return f"http://127.0.0.1:{self.port}"

    def _prepare(self) -> tuple[list[str], User]:
        peer = f"http://127.0.0.1:{self._peer_port}"
        own = {
            "name": "khallas",
            "data-dir": str(self.folder / "data"),
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"khallas={peer}",
            "log-level": "warn",
        }
        return [str(self._programs.etcd), *(f"--{name}={value}" for name, value in own.items())], "self"

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=ANSWER_MAX_S) as answer:  # noqa: S310 - ours
                return bool(answer.status == 200)
        except OSError:
            return False
