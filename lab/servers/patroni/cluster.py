"""Three nodes, one etcd and a balancer; what Patroni says of them."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from lab.servers.patroni.etcd import Etcd
from lab.servers.patroni.node import SUPERUSER, PatroniNode
from lab.servers.patroni.programs import needed
from lab.servers.patroni.proxies import Proxy, balancer
from lab.servers.processes import ServerFailed, free_port, kept_password

NAMES = ("a", "b", "c")
FORMED_MAX_S = 180.0
ANSWER_MAX_S = 2.0
LOOK_S = 0.25
STREAMING = frozenset({"streaming", "running"})  # the second: what Patroni before 3.1 says of it


@dataclass(frozen=True, slots=True)
class Member:
    """A node as another one sees it."""

    node: str
    role: str
    state: str
    timeline: int


@dataclass(frozen=True)
class Cluster:
    """Running. `direct_url` names every node, `balanced_url` the balancer."""

    nodes: tuple[PatroniNode, ...]
    balancer: Proxy
    password: str

    def _url(self, hosts: str, more: str) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{hosts}/khallas{more}"

    @property
    def direct_url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.outside_postgres}" for node in self.nodes)
        return self._url(hosts, "?target_session_attrs=read-write")

    @property
    def balanced_url(self) -> str:
        return self._url(f"127.0.0.1:{self.balancer.port}", "")

    def node(self, name: str) -> PatroniNode:
        return next(node for node in self.nodes if node.node == name)

    async def members(self, but: str = "") -> list[Member]:
        """What the first node that answers says; empty when none does. `but` is not asked."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_MAX_S)) as session:
            for node in self.nodes:
                if node.node == but:
                    continue
                try:
                    async with session.get(f"http://127.0.0.1:{node.port}/cluster") as answer:
                        told: dict[str, Any] = await answer.json()
                except (aiohttp.ClientError, TimeoutError):
                    continue
                return [_member(each) for each in told.get("members", ())]
        return []

    async def primary(self, but: str = "") -> str | None:
        """Whoever answers as such, by the balancer's question; `but` is not asked."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_MAX_S)) as session:
            for node in self.nodes:
                if node.node == but:
                    continue
                try:
                    async with session.get(f"http://127.0.0.1:{node.port}/primary") as answer:
                        if answer.status == 200:
                            return node.node
                except (aiohttp.ClientError, TimeoutError):
                    continue
        return None

    async def whole(self, within_s: float = FORMED_MAX_S) -> list[Member]:
        """Every node runs, all on one timeline, one of them the synchronous standby. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        members: list[Member] = []
        while time.monotonic() < deadline:
            members = await self.members()
            if _is_whole(members):
                return members
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"the cluster is not whole: {members}")

    async def until(self, true: Callable[[], bool], within_s: float) -> None:
        """Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if true():
                return
            await asyncio.sleep(LOOK_S)
        raise TimeoutError

    async def switch_over(self, primary: str) -> None:
        """By hand, as `patronictl switchover` does it. Raises ServerFailed."""
        url = f"http://127.0.0.1:{self.node(primary).port}/switchover"
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(FORMED_MAX_S)) as session,
            session.post(url, json={"leader": primary}) as answer,
        ):
            if answer.status not in {200, 202}:
                raise ServerFailed(f"no switchover: {answer.status} {await answer.text()}")


def _member(told: dict[str, Any]) -> Member:
    return Member(told["name"], told["role"], told["state"], told.get("timeline", 0))


def _is_whole(members: list[Member]) -> bool:
    roles = [each.role for each in members]
    return (
        len(members) == len(NAMES)
        and roles.count("leader") == 1
        and "sync_standby" in roles
        and all(each.state in STREAMING for each in members)
        and len({each.timeline for each in members}) == 1
    )


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Within the block; formed when `whole` returns. Raises ServerFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    (folder / "programs").mkdir(exist_ok=True)
    programs = needed(folder / "programs")
    password = kept_password(folder)
    with ExitStack() as stack:
        etcd = stack.enter_context(Etcd(folder / "etcd", programs))
        nodes = tuple(PatroniNode(folder / name, programs, name, etcd.port, password) for name in NAMES)
        for node in nodes:
            stack.enter_context(node.wires)
            stack.enter_context(node)
        named = [(node.node, node.outside_postgres, node.outside_rest) for node in nodes]
        proxy = stack.enter_context(balancer(folder / "balancer", programs, free_port(), named))
        yield Cluster(nodes, proxy, password)


async def made_database(cluster_: Cluster) -> None:
    """The database, once there is a primary; synchronous commits reach a standby from here on."""
    url = cluster_.balanced_url.replace("/khallas", "/postgres")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CREATE DATABASE khallas TEMPLATE template0 ENCODING 'UTF8'")


def room_for(folder: Path) -> int:
    """Free bytes there: three copies of everything are written."""
    return shutil.disk_usage(folder).free
