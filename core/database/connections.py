"""Connections to PostgreSQL that are left when it falls silent, and the pool that hands them out."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, Self
from weakref import WeakValueDictionary

from psycopg import AsyncConnection, Error, Notify
from psycopg.errors import ConnectionTimeout
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from core.database.hosts import first_open, took_writes, writers

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

ANSWER_MAX_S = 15.0  # longer than the server's own bounds: those end a statement, this one a connection
SUSPECT_S = 4.0  # without an answer to anybody: then a new connection is tried, which a server that lives takes
TAKEN_MAX_S = 2  # by the server


class Heard:
    """When a server last answered any of this process's connections, and which of them wait for it."""

    def __init__(self) -> None:
        self.at_s = float("-inf")  # of the event loop's clock
        self.waiting: set[BoundedConnection] = set()
        self.probe: asyncio.Task[None] | None = None

    def nobody_since(self, since_s: float) -> bool:
        """Returns whether nobody was answered since then, or ever."""
        return self.at_s < since_s

    def cut_all(self) -> None:
        """Fails whatever waits, as lost."""
        for each in list(self.waiting):
            each.cut()


_servers: WeakValueDictionary[tuple[str, int], Heard] = WeakValueDictionary()


class BoundedConnection(AsyncConnection[DictRow]):
    """Cut when the server answers nothing for ANSWER_MAX_S: the statement fails as one whose connection was lost.

    A server's own time-outs end a statement that is slow; a server that was frozen, cut off or lost with its machine
    ends nothing, and its connection would be waited for as long as the kernel hopes. Where nobody was answered for a
    while, and no new connection is taken either, everybody's is cut: whoever asked last would wait until long after
    another server took over.
    """

    answer_max_s = ANSWER_MAX_S
    suspect_s = SUSPECT_S
    _listens = False
    _heard: Heard
    _again: Callable[[], Coroutine[Any, Any, AsyncConnection[Any]]]
    _timer: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's; of several hosts that may take writes, one that is silent keeps nobody from the next."""
        connect, hosts = super().connect, writers(conninfo)

        async def asked(host: dict[str, str]) -> Self:
            opened = await connect(conninfo, **(kwargs | host))
            opened._again = partial(connect, conninfo, **(kwargs | host | {"connect_timeout": TAKEN_MAX_S}))
            if host:
                took_writes(conninfo, host)
            return opened

        connection: Self = await (first_open([partial(asked, host) for host in hosts]) if hosts else asked({}))
        connection._heard = _servers.setdefault((connection.info.host, connection.info.port), Heard())
        return connection

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """As psycopg's, for so long."""
        loop, heard = asyncio.get_running_loop(), self._heard
        if not self._listens:
            look = self._unanswered if self.answer_max_s <= self.suspect_s else self._suspect
            self._timer = loop.call_later(min(self.answer_max_s, self.suspect_s), look, loop.time())
        heard.waiting.add(self)
        try:
            answer = await super().wait(gen, *args, **kwargs)
        finally:
            heard.waiting.discard(self)
            if self._timer is not None:
                self._timer.cancel()
        heard.at_s = loop.time()
        return answer

    def _suspect(self, since_s: float) -> None:
        loop, heard = asyncio.get_running_loop(), self._heard
        self._timer = loop.call_later(self.answer_max_s - self.suspect_s, self._unanswered, since_s)
        if heard.nobody_since(since_s) and (heard.probe is None or heard.probe.done()):
            heard.probe = loop.create_task(self._probe(since_s), context=Context())

    async def _probe(self, since_s: float) -> None:
        """One that lives takes a connection, or says why not, however slow its statements are."""
        heard = self._heard
        try:
            await (await self._again()).close()
        except ConnectionTimeout:
            if heard.nobody_since(since_s):
                heard.cut_all()
        except Error:
            pass

    def _unanswered(self, since_s: float) -> None:
        self.cut()
        if self._heard.nobody_since(since_s):
            self._heard.cut_all()

    def cut(self) -> None:
        """Ends the connection without a word: whoever waits for the server reads the end of it."""
        with suppress(OSError, ValueError, Error), socket.socket(fileno=os.dup(self.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    async def notifies(self, **bounds: Any) -> AsyncGenerator[Notify]:
        """As psycopg's: whoever listens may hear nothing for hours."""
        self._listens = True
        try:
            async for notice in super().notifies(**bounds):
                yield notice
        finally:
            self._listens = False


class WarmestFirst(AsyncConnectionPool[Connection]):
    """Hands out the connection that came back last: of its server process the caches are full and the plans made.

    What waits longest is what the pool lets go when it shrinks. psycopg's own takes turns, and a seldom asked server
    reads each statement anew in ten processes.
    """

    async def _get_ready_connection(self, timeout: float | None) -> Connection | None:  # noqa: ASYNC109 - psycopg's
        self._pool.rotate(1)  # psycopg takes the leftmost, and puts back at the right
        self._forget_who_gave_up()
        return await super()._get_ready_connection(timeout)

    async def reconnect_failed(self) -> None:
        """Whoever waits still is served: psycopg's would connect again when the next one asks."""
        await super().reconnect_failed()
        async with self._lock:
            self._forget_who_gave_up()
            if self._waiting:
                self._maybe_grow_pool()

    def _forget_who_gave_up(self) -> None:
        """psycopg counts them until a connection comes; at `max_waiting` it turns everybody away and makes none, so
        that none ever comes."""
        while self._waiting and self._waiting[0].error is not None:
            self._waiting.popleft()
