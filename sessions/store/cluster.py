"""A Redis Cluster behind the same calls: each node's commands in round trips of their own.

One node's silence must not be another's: redis-py sends a pipeline to all nodes it touches and fails it as a whole, and
its own retry closes the connections to every node. So commands are parted by node before they are sent, nothing is
retried inside, and after an error the map of slots is read anew, once at a time, without closing anything.
"""

import asyncio
import contextlib
import time
from collections import deque
from contextvars import Context
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ClusterDownError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as NodeLost
from redis.exceptions import TimeoutError as NodeSilent

from sessions.store.pipeline import WAITING_MAX, Asked, Commands, Overloaded, Pipelined, answer, fail

BATCHES_MAX = 2  # of one node, under way at once
BATCH_MAX = 256
REFRESH_EVERY_S = 0.5
_SCRIPTS = frozenset({"EVAL", "EVALSHA"})
_MOVED_HOUSE = (NodeLost, NodeSilent, ClusterDownError, OSError)


def pipelined(redis: Redis | RedisCluster) -> Commands:
    """Commands of concurrent requests sent together, to one server or to a cluster's."""
    return ByNode(redis) if isinstance(redis, RedisCluster) else Pipelined(redis)


Arguments = tuple[Any, ...]


class OfNode(Commands):
    """Commands of one node. A cluster keeps its connections to itself, so that redis-py's pipeline speaks to it."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster
        self._waiting: deque[tuple[Arguments, Asked]] = deque()
        self._batches: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def do(self, *arguments: Any) -> Any:
        if len(self._waiting) >= WAITING_MAX:
            raise Overloaded("too many commands wait for Redis")
        loop = asyncio.get_running_loop()
        one: Asked = loop.create_future()
        self._waiting.append((arguments, one))
        if not self._scheduled and len(self._batches) < BATCHES_MAX:
            self._scheduled = True
            loop.call_soon(self._begin)
        return await one

    def _begin(self) -> None:
        self._scheduled = False
        if self._waiting and len(self._batches) < BATCHES_MAX:
            # nobody's context: it is of several requests
            task = asyncio.get_running_loop().create_task(self._batch(), context=Context())
            self._batches.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._begin()

    async def _batch(self) -> None:
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        batch = [waiting for waiting in taken if not waiting[1].done()]
        try:
            pipe = self._cluster.pipeline(transaction=False)
            for arguments, _ in batch:
                pipe.execute_command(*arguments)
            replies = await pipe.execute(raise_on_error=False)
        except BaseException as error:
            fail([one for _, one in batch], error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, one), reply in zip(batch, replies, strict=True):
            answer(one, reply)


class ByNode(Commands):
    """Commands in the order of their slots, each node's by itself."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster
        self._nodes: dict[str, OfNode] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = 0.0

    async def do(self, *arguments: Any) -> Any:
        try:
            return await self._of(await self._node(arguments)).do(*arguments)
        except _MOVED_HOUSE:
            self._refresh_soon()
            raise
        except RedisClusterException as error:
            self._refresh_soon()
            raise RedisError(str(error)) from error

    async def _node(self, arguments: Arguments) -> str:
        if not self._cluster.nodes_manager.slots_cache:
            await self._cluster.initialize()
        key = arguments[3] if arguments[0] in _SCRIPTS else arguments[1]
        node = self._cluster.get_node_from_key(key)
        return "" if node is None else str(node.name)

    def _of(self, node: str) -> "OfNode":
        if node not in self._nodes:  # as many as a cluster has had nodes
            self._nodes[node] = OfNode(self._cluster)
        return self._nodes[node]

    def _refresh_soon(self) -> None:
        due = time.monotonic() - self._refreshed_at >= REFRESH_EVERY_S
        if due and (self._refreshing is None or self._refreshing.done()):
            self._refreshed_at = time.monotonic()
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    async def _refresh(self) -> None:
        # nobody answers: the next error asks again
        with contextlib.suppress(RedisClusterException, RedisError, OSError, TimeoutError):
            await self._cluster.nodes_manager.initialize()
