"""Commands of concurrent requests share round trips: those of one event-loop tick go out as one pipeline.

redis-py keeps what it is good at (connections, time-outs, reconnects); a round trip of its own costs it about two raw
HTTP requests (facts/speed.md). Nothing is a transaction: each command is atomic in itself, and an error or a
cancellation reaches its own caller alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError, RedisError

IN_FLIGHT_MAX = 2
BATCH_MAX = 256
WAITING_MAX = 20_000

Arguments = tuple[Any, ...]


class Overloaded(RedisError):
    """Ours: more commands wait than a healthy server leaves. Nothing was sent; try later."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and its digest."""

    source: str
    sha: str


class Pipelined:
    """Redis commands, sent together. Raises redis.exceptions.RedisError, OSError and TimeoutError as redis-py does."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        self._redis = redis
        self._waiting: deque[tuple[Arguments, asyncio.Future[Any]]] = deque()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def do(self, *arguments: Any) -> Any:
        """One command's reply."""
        if len(self._waiting) >= WAITING_MAX:
            raise Overloaded("too many commands wait for Redis")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((arguments, future))
        if not self._scheduled and len(self._in_flight) < IN_FLIGHT_MAX:
            self._scheduled = True
            loop.call_soon(self._flush)
        return await future

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """A script's reply; a server that forgot the script (a restart) is given it again."""
        try:
            return await self.do("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.do("EVAL", script.source, len(keys), *keys, *arguments)

    def _flush(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._in_flight) < IN_FLIGHT_MAX:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
            batch = [(arguments, future) for arguments, future in batch if not future.done()]
            if batch:
                task = asyncio.get_running_loop().create_task(self._send(batch))
                self._in_flight.add(task)
                task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._flush()

    async def _send(self, batch: list[tuple[Arguments, asyncio.Future[Any]]]) -> None:
        try:
            pipe = self._redis.pipeline(transaction=False)
            for arguments, _ in batch:
                pipe.execute_command(*arguments)
            replies = await pipe.execute(raise_on_error=False)
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    # each its own exception: a traceback is not shared between callers
                    future.set_exception(_again(error))
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            if future.done():
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)


def _again(error: BaseException) -> Exception:
    if isinstance(error, RedisError | OSError | TimeoutError):
        return type(error)(str(error))
    return RedisError(type(error).__name__)
