"""A primary, its replica and three Sentinels: real servers on free ports, of the one binary."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from lab.servers.processes import Server, User
from lab.servers.valkey import find_valkey

SENTINELS, QUORUM = 3, 2
SERVICE = "khallas"
READY_MAX_S = 60.0

DATA = """\
bind 127.0.0.1
port {port}
dir "{folder}"
requirepass {password}
masterauth {password}
save ""
appendonly yes
maxmemory-policy noeviction
repl-diskless-sync-delay 0
daemonize no
"""

WATCH = f"""\
bind 127.0.0.1
port {{port}}
dir "{{folder}}"
requirepass {{password}}
sentinel sentinel-pass {{password}}
sentinel monitor {SERVICE} 127.0.0.1 {{watched}} {QUORUM}
sentinel auth-pass {SERVICE} {{secret}}
sentinel down-after-milliseconds {SERVICE} 500
sentinel failover-timeout {SERVICE} 2000
"""


class Data(Server):
    """One server; the replica shares the primary's password and follows it."""

    def __init__(self, folder: Path, primary: "Data | None" = None) -> None:
        super().__init__(folder)
        self.password = primary.password if primary else self.password
        self._follows = f"replicaof 127.0.0.1 {primary.port}\n" if primary else ""

    def _prepare(self) -> tuple[list[str], User]:
        config = self.folder / "valkey.conf"
        config.write_text(DATA.format(port=self.port, folder=self.folder, password=self.password) + self._follows)
        return [str(find_valkey()), str(config)], "self"

    def _answers(self) -> bool:
        return _pings(self.client())

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, password=self.password, socket_timeout=2)


class Watcher(Server):
    """One Sentinel; all share the first one's password, which is not the servers'."""

    def __init__(self, folder: Path, watched: Data, password: str = "") -> None:
        super().__init__(folder)
        self.password = password or self.password
        self._watched = watched

    def _prepare(self) -> tuple[list[str], User]:
        config = self.folder / "sentinel.conf"
        if not config.exists():  # it writes into it
            values = {"port": self.port, "folder": self.folder, "password": self.password}
            config.write_text(WATCH.format(**values, watched=self._watched.port, secret=self._watched.password))
        return [str(find_valkey()), str(config), "--sentinel"], "self"

    def _answers(self) -> bool:
        return _pings(self.client())

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, password=self.password, socket_timeout=2)


@dataclass(frozen=True, slots=True)
class Watched:
    """All of them."""

    primary: Data
    replica: Data
    sentinels: list[Watcher]

    @property
    def url(self) -> str:
        """As an operator writes it."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        password, own = self.primary.password, self.sentinels[0].password
        return f"redis+sentinel://:{password}@{hosts}/{SERVICE}/0?sentinel_password={own}"


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Once the replica follows and each Sentinel knows of it and of the others."""
    with ExitStack() as stack:
        primary = stack.enter_context(Data(folder / "primary"))
        replica = stack.enter_context(Data(folder / "replica", primary))
        sentinels: list[Watcher] = []
        for n in range(SENTINELS):
            own = sentinels[0].password if sentinels else ""
            sentinels.append(stack.enter_context(Watcher(folder / f"sentinel-{n}", primary, own)))
        _await_all_known(sentinels)
        yield Watched(primary, replica, sentinels)


def _await_all_known(sentinels: list[Watcher]) -> None:
    deadline = time.monotonic() + READY_MAX_S
    told: list[tuple[int, int]] = []
    while time.monotonic() < deadline:
        told = []
        for each in sentinels:
            with each.client() as client:
                state = client.sentinel_master(SERVICE)
                told.append((state["num-slaves"], state["num-other-sentinels"]))
        if told == [(1, SENTINELS - 1)] * SENTINELS:
            return
        time.sleep(0.05)
    raise AssertionError(f"the Sentinels did not find each other: {told}")


def _pings(client: "redis.Redis") -> bool:
    try:
        with client:
            return bool(client.ping())
    except redis.RedisError:
        return False
