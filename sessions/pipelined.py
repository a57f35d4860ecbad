"""Commands of concurrent requests share round trips: those of one event-loop tick go out together.

redis-py keeps what it is good at: connections, sign-in, TLS, Sentinels, reconnects. A round trip of its own costs it
about two raw HTTP requests (facts/speed.md), and its pipelines pack, time and lock once more for each command; so a few
connections of its pool are held, and spoken to whole batches at a time. Nothing is a transaction: each command is
atomic in itself, and an error or a cancellation reaches its own caller alone.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

LINES_MAX = 2  # connections under way at once
BATCH_MAX = 256
WAITING_MAX = 20_000
WAIT_MAX_S = 2.0  # of a whole batch, reconnects included
TRUSTED_S = 0.5  # since its last reply: a connection that rested longer is looked at first

Arguments = tuple[Any, ...]
Waiting = tuple[Arguments, "asyncio.Future[Any]"]


class Overloaded(RedisError):
    """Ours: more commands wait than a healthy server leaves. Nothing was sent; try later."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and its digest."""

    source: str
    sha: str


class Commands:
    """What may be asked of Redis. Raises redis.exceptions.RedisError, OSError and TimeoutError as redis-py does."""

    async def do(self, *arguments: Any) -> Any:
        """One command's reply, as the server spells it."""
        raise NotImplementedError

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """A script's reply; a server that forgot the script (a restart) is given it again."""
        try:
            return await self.do("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.do("EVAL", script.source, len(keys), *keys, *arguments)


class Together(Commands):
    """Commands that wait for one another, LINES_MAX batches of them under way."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._lines: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def do(self, *arguments: Any) -> Any:
        if len(self._waiting) >= WAITING_MAX:
            raise Overloaded("too many commands wait for Redis")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((arguments, future))
        if not self._scheduled and len(self._lines) < LINES_MAX:
            self._scheduled = True
            loop.call_soon(self._begin)
        return await future

    async def _line(self) -> None:
        """Ask for what waits. An error is told to those it concerns, and raised when it is no Exception."""
        raise NotImplementedError

    def _batch(self) -> list[Waiting]:
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        return [waiting for waiting in taken if not waiting[1].done()]

    def _begin(self) -> None:
        self._scheduled = False
        if self._waiting and len(self._lines) < LINES_MAX:
            # nobody's context: it is of several requests
            task = asyncio.get_running_loop().create_task(self._line(), context=Context())
            self._lines.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._lines.discard(task)
        self._begin()


class Pipelined(Together):
    """Commands to one server, or to the primary that Sentinels name. Its connections are the pool's to close."""

    def __init__(self, redis: Redis, *, wait_s: float = WAIT_MAX_S) -> None:
        super().__init__()
        self._pool = redis.connection_pool
        self._wait_s = wait_s
        self._resting: list[tuple[Any, float]] = []  # connections, and since when

    async def _line(self) -> None:
        """Batches over one connection for as long as somebody waits; what fails ends the line and its own batch."""
        batch, connection = self._batch(), None
        try:
            connection = await self._connection()
            while batch:  # bounded by what waits
                answer(batch, await self._asked(connection, batch))
                if not self._waiting:
                    await asyncio.sleep(0)  # those just answered may have a next command
                batch = self._batch()
        except BaseException as error:
            fail(batch, error)
            if connection is not None:
                await self._give_back(connection)
            if not isinstance(error, Exception):
                raise
        else:
            self._resting.append((connection, asyncio.get_running_loop().time()))

    async def _connection(self) -> Any:
        now = asyncio.get_running_loop().time()
        connection, since = self._resting.pop() if self._resting else (None, now)
        if connection is not None and now - since < TRUSTED_S:
            return connection
        async with asyncio.timeout(self._wait_s):
            if connection is None:
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's own
            try:
                if await connection.can_read():  # at rest there is nothing to read but its end
                    await connection.disconnect()
                    await connection.connect()
            except BaseException:
                await self._give_back(connection)
                raise
        connection.socket_timeout = None  # a batch has one timer; redis-py's would be a task for each write
        return connection

    async def _give_back(self, connection: Any) -> None:
        connection.socket_timeout = self._pool.connection_kwargs.get("socket_timeout")
        await self._pool.release(connection)

    async def _asked(self, connection: Any, batch: list[Waiting]) -> list[Any]:
        packed = b"".join([pack_command(arguments) for arguments, _ in batch])
        async with asyncio.timeout(self._wait_s):
            await connection.send_packed_command(packed, check_health=False)
            return [await _reply(connection) for _ in batch]


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:  # this command's own, the next replies follow
        return error


def answer(batch: Sequence[Waiting], replies: Sequence[Any]) -> None:
    """Each caller's own reply, or error."""
    for (_, future), reply in zip(batch, replies, strict=True):
        if future.done():
            continue
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)


def fail(batch: Sequence[Waiting], error: BaseException) -> None:
    """The same error for all that were on their way."""
    for _, future in batch:
        if not future.done():
            # each its own exception: a traceback is not shared between callers
            future.set_exception(_again(error))


def _again(error: BaseException) -> Exception:
    if isinstance(error, RedisError | OSError | TimeoutError):
        return type(error)(str(error))
    return RedisError(type(error).__name__)
