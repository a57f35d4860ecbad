"""A server that falls silent keeps nobody: what is done once somebody has waited for it too long."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any

from psycopg import AsyncConnection, Error, Notify, errors
from psycopg.rows import DictRow

ANSWER_MAX_S = 15.0  # longer than the server's own bounds: those end a statement, this one a connection
SUSPECT_S = 4.0  # without an answer to anybody: then a new connection is tried, which a server that lives takes
# a server that was demoted or ran out of disk takes no writes: as good as away until another one answers
LOST = (
    errors.OperationalError,
    errors.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)
# PostgreSQL's, where a kept statement's table got another column; the words of that error depend on its language
PLAN_IS_OLD = "RevalidateCachedQuery"


class CutConnection(AsyncConnection[DictRow]):
    """One that can be ended without a word to the server."""

    answer_max_s = ANSWER_MAX_S
    suspect_s = SUSPECT_S
    listens = False
    again: Callable[[], Coroutine[Any, Any, AsyncConnection[Any]]]

    @property
    def look_after_s(self) -> float:
        """Returns how long a wait may take before anybody asks why."""
        return min(self.answer_max_s, self.suspect_s)

    def cut(self) -> None:
        """Ends the connection: whoever waits for the server reads the end of it."""
        with suppress(OSError, ValueError, Error), socket.socket(fileno=os.dup(self.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    async def notifies(self, **bounds: Any) -> AsyncGenerator[Notify]:
        """As psycopg's: whoever listens may hear nothing for hours."""
        self.listens = True
        try:
            async for notice in super().notifies(**bounds):
                yield notice
        finally:
            self.listens = False


class ServerWatch:
    """Who waits for a server, and when it last answered any of this process's connections."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.at_s = float("-inf")  # of the loop's clock
        self.waiting: dict[CutConnection, float] = {}  # since when
        self._probe: asyncio.Task[None] | None = None

    def look(self) -> float:
        """Cuts who waited too long; returns when to look again. A server that answers nobody is asked anew."""
        again_at_s, now_s = float("inf"), self.loop.time()
        for each, since_s in list(self.waiting.items()):
            if each.listens:
                continue
            waited_s = now_s - since_s
            if waited_s >= each.answer_max_s:
                each.cut()
                if self._nobody_since(since_s):
                    self.cut_all()
                since_s = self.waiting[each] = now_s
            suspect = waited_s >= each.suspect_s
            if suspect and self._nobody_since(since_s) and (self._probe is None or self._probe.done()):
                self._probe = self.loop.create_task(self._ask_anew(each, since_s), context=Context())
            again_at_s = min(again_at_s, since_s + (each.answer_max_s if suspect else each.look_after_s))
        return again_at_s

    async def _ask_anew(self, connection: CutConnection, since_s: float) -> None:
        """A server that lives takes a connection, or says why not, however slow its statements are."""
        try:
            await (await connection.again()).close()
        except errors.ConnectionTimeout:
            if self._nobody_since(since_s):
                self.cut_all()
        except Error:
            pass

    def _nobody_since(self, since_s: float) -> bool:
        """Returns whether nobody was answered since then, or ever."""
        return self.at_s < since_s

    def cut_all(self) -> None:
        """Fails whatever waits, as lost."""
        for each in list(self.waiting):
            each.cut()
