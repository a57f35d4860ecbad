"""A real Redis cluster: three nodes of the embedded binary, joined as docs/SCALING.md says."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
from redis.crc import key_slot

from lab.servers.processes import Server, User, free_port
from lab.servers.valkey import find_valkey

NODES = 3
SLOTS = 16_384
JOIN_MAX_S = 60.0

CONFIG = """\
bind 127.0.0.1
port {port}
cluster-port {bus_port}
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 800
cluster-require-full-coverage no
dir "{folder}"
requirepass {password}
masterauth {password}
save ""
appendonly no
daemonize no
"""


class Node(Server):
    """One node; all of them share the password of the first."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        super().__init__(folder)
        self.bus_port = free_port()
        self.password = password or self.password

    def _prepare(self) -> tuple[list[str], User]:
        config = self.folder / "valkey.conf"
        values = {"port": self.port, "bus_port": self.bus_port, "folder": self.folder, "password": self.password}
        config.write_text(CONFIG.format(**values))
        return [str(find_valkey()), str(config)], "self"

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, password=self.password, socket_timeout=2)


@contextmanager
def cluster(folder: Path, *, spare: bool = False) -> Iterator[list[Node]]:
    """Three nodes that share the slots, once each says that all is well. `spare`: a fourth stands in for the third."""
    with ExitStack() as stack:
        nodes: list[Node] = []
        for n in range(NODES + spare):
            node = Node(folder / f"node-{n}", nodes[0].password if nodes else None)
            nodes.append(stack.enter_context(node))
        for n, node in enumerate(nodes):
            with node.client() as client:
                if n < NODES:
                    begin, end = SLOTS * n // NODES, SLOTS * (n + 1) // NODES - 1
                    client.execute_command("CLUSTER", "ADDSLOTSRANGE", begin, end)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
                if n:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].bus_port)
        _await(nodes, "cluster_state:ok", f"cluster_known_nodes:{len(nodes)}")
        if spare:
            with nodes[NODES].client() as client:
                client.execute_command("CLUSTER", "REPLICATE", _id_of(nodes[NODES - 1]))
                _await_synced(client)
        yield nodes


def _id_of(node: Node) -> str:
    with node.client() as client:
        return bytes(client.execute_command("CLUSTER", "MYID")).decode()


def _await_synced(client: "redis.Redis") -> None:
    deadline = time.monotonic() + JOIN_MAX_S
    while time.monotonic() < deadline:
        if client.info("replication").get("master_link_status") == "up":
            return
        time.sleep(0.05)
    raise AssertionError("the replica did not follow")


def _await(nodes: list[Node], *words: str) -> None:
    deadline = time.monotonic() + JOIN_MAX_S
    while time.monotonic() < deadline:
        told = []
        for node in nodes:
            with node.client() as client:
                told.append(bytes(client.execute_command("CLUSTER", "INFO")).decode())
        if all(word in each for word in words for each in told):
            return
        time.sleep(0.05)
    raise AssertionError(f"the cluster did not join: {told}")


def slot_of(key: str) -> int:
    """Where a key lies; of `{…}` in it alone, if it holds that."""
    return int(key_slot(key.encode()))


def node_of(key: str) -> int:
    """Which node serves a key."""
    return slot_of(key) * NODES // SLOTS
