"""One connection to Redis that redis-py opened: commands written a whole tick at a time, replies told to who asked.

redis-py keeps what it is good at: addresses, sign-in, TLS, Sentinels. Once it has connected, the transport's bytes
come here, for a round trip of redis-py's own costs about two raw HTTP requests (protocols/speed.md). Replies come in
the order of the commands; a line that was silent too long, or says what nobody asked, ends: no late reply is another's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

from hiredis import PushNotification, Reader
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, ReadOnlyError, RedisError

Asked = asyncio.Future[Any]

_NOT_YET = object()
# a server that is about to close, or that was demoted: whoever connects next is led to the right one
_PARTING = (ConnectionLost, ReadOnlyError)


class RedisConnection(asyncio.Protocol):
    """`ended` is called once, when nothing more comes by this line and whoever waited has heard the error."""

    def __init__(self, connection: Any, wait_s: float, ended: Callable[["RedisConnection"], None]) -> None:
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
