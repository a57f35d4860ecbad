"""Commands of concurrent requests share round trips: those of one event-loop tick go out in one write, over a
connection that redis-py opened.

redis-py keeps what it is good at: addresses, sign-in, TLS, Sentinels. Once it has connected, the transport's bytes
come here, for a round trip of redis-py's own costs about two raw HTTP requests (protocols/speed.md).

Nothing is a transaction: each command is atomic in itself, and an error or a cancellation reaches its own caller alone.
Nothing is retried: a command may have been carried out although its reply was lost.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any, cast

from hiredis import PushNotification, Reader, pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, NoScriptError, ReadOnlyError, RedisError

Asked = asyncio.Future[Any]

REDIS_ERRORS = (RedisError, OSError, TimeoutError)  # all that Redis being away, slow or wrong is told by
WAITING_MAX = 20_000
WAIT_MAX_S = 2.0  # for a connection, and for a reply
_NOT_YET = object()
# a server that is about to close, or that was demoted: whoever connects next is led to the right one
_PARTING = (ConnectionLost, ReadOnlyError)


class Overloaded(RedisError):
    """More commands wait than a healthy server leaves, by our fault. Nothing was sent; try later."""


class redis_errors_as:  # noqa: N801 - reads as contextlib.suppress does
    """Turns Redis's errors within the block into one of ours, which says what could not be done; no value
    is repeated.
    """

    __slots__ = ("_ours",)

    def __init__(self, ours: Callable[[str], Exception]) -> None:
        self._ours = ours

    def __enter__(self) -> None:
        """Prepares nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, REDIS_ERRORS):
            raise self._ours(type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and its digest."""

    source: str
    sha: str


class Commands:
    """The port by which Redis is asked. Raises redis.exceptions.RedisError, OSError and TimeoutError as
    redis-py does.
    """

    def do(self, *arguments: Any) -> Awaitable[Any]:
        """Sends one command and returns its reply, as the server spells it. Raises Overloaded at once."""
        raise NotImplementedError

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """A script's reply; a server that forgot the script (a restart) is given it again."""
        try:
            return await self.do("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.do("EVAL", script.source, len(keys), *keys, *arguments)


class Pipelined(Commands):
    """Commands to one server, or to the primary that Sentinels name, over one connection of redis-py's pool.

    It is opened when it is needed and closed with its pool. Belongs to the loop that asks first.
    """

    def __init__(self, redis: Redis, *, wait_s: float = WAIT_MAX_S, waiting_max: int = WAITING_MAX) -> None:
        self._pool = redis.connection_pool
        self._wait_s = wait_s
        self._waiting_max = waiting_max
        # asked for once: Python 3.11 looks its process up by a system call each time
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: RedisConnection | None = None
        self._packed: list[bytes] = []  # what goes out with the next write, and who asked
        self._asked: list[Asked] = []
        self._scheduled = False
        self._opening: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def do(self, *arguments: Any) -> Awaitable[Any]:
        waiting = len(self._asked)
        if self._line is not None:
            waiting += len(self._line)
        if waiting >= self._waiting_max:
            raise Overloaded("too many commands wait for Redis")
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._packed.append(pack_command(arguments))
        one: Asked = loop.create_future()
        self._asked.append(one)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._write)
        return one

    def _write(self) -> None:
        self._scheduled = False
        if not self._asked:  # written already, over a line that has just been opened
            return
        if self._line is not None:
            packed, asked = b"".join(self._packed), self._asked
            self._packed, self._asked = [], []
            self._line.ask(packed, asked)
        elif self._opening is None:
            self._opening = self._apart(self._open())

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's own
            self._line = RedisConnection(connection, self._wait_s, self._ended)
        except BaseException as error:
            asked, self._asked, self._packed = self._asked, [], []
            fail(asked, error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._opening = None
        self._write()

    def _ended(self, line: "RedisConnection") -> None:
        """What was not written yet goes over the next line."""
        self._line = None
        giving = self._apart(self._give_back(line.connection))
        self._closing.add(giving)
        giving.add_done_callback(self._closing.discard)
        if not self._scheduled:
            self._write()

    async def _give_back(self, connection: Any) -> None:
        with suppress(*REDIS_ERRORS):  # it is lost already
            await connection.disconnect(nowait=True)
        await self._pool.release(connection)

    def _apart(self, work: Any) -> "asyncio.Task[None]":
        """In nobody's context: it is of several requests."""
        return asyncio.get_running_loop().create_task(work, context=Context())


class RedisConnection(asyncio.Protocol):
    """One connection: a tick's commands written at once, replies told to who asked, in the order of the commands. A
    line that was silent too long, or says what nobody asked, ends: no late reply is another's.
    """

    def __init__(self, connection: Any, wait_s: float, ended: Callable[["RedisConnection"], None]) -> None:
        """`ended` is called once, when nothing more comes by this line and whoever waited has heard the error."""
        self.connection = connection
        self._wait_s = wait_s
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._asked: deque[tuple[Asked, float]] = deque()  # bounded by who owns the line
        self._watch: asyncio.TimerHandle | None = None
        self._over = False
        self._reader = Reader(
            protocolError=InvalidResponse, replyError=connection._parser.parse_error, notEnoughData=_NOT_YET
        )
        self._transport = cast("asyncio.Transport", connection._writer.transport)
        self._before = self._transport.get_protocol()  # redis-py waits for it when it closes the connection
        self._transport.set_protocol(self)

    def __len__(self) -> int:
        """Commands that wait for their reply."""
        return len(self._asked)

    def ask(self, packed: bytes, asked: Sequence[Asked]) -> None:
        """Commands, and who wants their replies, in the same order."""
        now = self._loop.time()
        self._asked.extend([(one, now) for one in asked])
        self._transport.write(packed)
        if self._watch is None:
            self._watch = self._loop.call_at(now + self._wait_s, self._look)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOT_YET:
                if not isinstance(reply, PushNotification):  # nobody subscribes to anything here
                    self._tell(reply)
        except RedisError as error:
            self.end(error)

    def _tell(self, reply: Any) -> None:
        if not self._asked:
            raise InvalidResponse("a reply to nothing")
        one, _ = self._asked.popleft()
        answer(one, reply)
        if isinstance(reply, _PARTING):
            raise ConnectionLost("the server takes no commands by this connection")

    def connection_lost(self, error: Exception | None) -> None:
        self._before.connection_lost(error)
        self.end(ConnectionLost("the connection was lost"))

    def end(self, error: BaseException) -> None:
        """Cut the line; who waits hears the error."""
        if self._over:
            return
        self._over = True
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        fail([one for one, _ in self._asked], error)
        self._asked.clear()
        self._ended(self)

    def _look(self) -> None:
        """One timer for all that wait: when it rings, the oldest tells when it must ring next."""
        self._watch = None
        if not self._asked:
            return
        due = self._asked[0][1] + self._wait_s
        if due <= self._loop.time():
            self.end(TimeoutError("the server did not answer in time"))
        else:
            self._watch = self._loop.call_at(due, self._look)


def answer(one: Asked, reply: Any) -> None:
    """The reply, or the error that it is; who gave up hears nothing."""
    if one.done():
        return
    if isinstance(reply, Exception):
        one.set_exception(reply)
    else:
        one.set_result(reply)


def fail(asked: Sequence[Asked], error: BaseException) -> None:
    """Fails all with the same error, each with an exception of its own: a traceback is not shared between callers."""
    for one in asked:
        if not one.done():
            one.set_exception(_again(error))


def _again(error: BaseException) -> Exception:
    if isinstance(error, RedisError | OSError | TimeoutError):
        return type(error)(str(error))
    return RedisError(type(error).__name__)
