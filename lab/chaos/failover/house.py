"""The application on a cluster: two servers and two workers, of which one each goes straight to the nodes and one by
the balancer; the bank and Twilio in our process."""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from core.database.pool import Database, make_pool
from lab.chaos.world import JUDGE_WAITS_MAX_S, JUDGES_MAX, environment_of
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.servers.patroni.cluster import Cluster
from lab.servers.processes import Server, ServerFailed, User, free_port
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio

ANSWER_MAX_S = 2.0
START_MAX_S, LOOK_S = 600.0, 0.5  # a busy machine's


class AppProcess(Server):
    """One verb of khallas as a process of its own."""

    def __init__(self, folder: Path, verb: str, environment: Mapping[str, str], port: int) -> None:
        super().__init__(folder, port)
        self._verb = verb
        self._environment = environment

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT."""
        return f"http://127.0.0.1:{self.port}"

    def _prepare(self) -> tuple[list[str], User]:
        file = self.folder / "environment.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(dict(self._environment)))
        command = [sys.executable, "-m", "lab.chaos.failover.process", self._verb, str(file), str(self.port)]
        return command, "self"

    def _answers(self) -> bool:
        return True  # all start together, and are waited for together

    def serves(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=ANSWER_MAX_S) as answer:  # noqa: S310 - ours
                return bool(answer.status == 200)
        except OSError:
            return False


@dataclass(frozen=True)
class FailoverHouse:
    """Running. `doors` are the servers' addresses: straight to the nodes, and by the balancer."""

    database: Database
    cmi: EmulatedCmi
    twilio: Twilio
    public_url: str
    doors: tuple[str, str]
    processes: tuple[AppProcess, ...]


async def _serving(processes: Sequence[AppProcess]) -> None:
    deadline = time.monotonic() + START_MAX_S
    while not all([await asyncio.to_thread(process.serves) for process in processes]):
        if time.monotonic() > deadline:
            raise ServerFailed("; ".join(process.log_tail() for process in processes))
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def failover_house(cluster: Cluster, redis_url: str, folder: Path) -> AsyncIterator[FailoverHouse]:
    """The database is migrated already."""
    async with AsyncExitStack() as stack:
        cmi = await stack.enter_async_context(emulated_cmi(hang_max_s=5.0))
        twilio = await stack.enter_async_context(Twilio())
        api = await stack.enter_async_context(serving(rest(twilio)))
        pool = await stack.enter_async_context(make_pool(cluster.direct_url, connections_max=JUDGES_MAX))
        pool.timeout = JUDGE_WAITS_MAX_S
        port, processes = free_port(), []
        for way, url in (("direct", cluster.direct_url), ("balanced", cluster.balanced_url)):
            environment = environment_of(url, redis_url, port, cmi, twilio, api)
            for verb in ("serve", "worker"):
                own = port if (way, verb) == ("direct", "serve") else free_port()
                process = AppProcess(folder / f"{verb}-{way}", verb, environment, own)
                processes.append(stack.enter_context(process))
        await _serving(processes)
        public_url = f"http://127.0.0.1:{port}"
        twilio.connect(public_url)
        doors = (processes[0].url, processes[2].url)
        yield FailoverHouse(Database(pool), cmi, twilio, public_url, doors, tuple(processes))
