"""Connections that wait no longer than a server may take: one that fell silent is as good as away.

A server's own time-outs end a statement that is slow; a server that was frozen, cut off or lost with its machine ends
nothing, and its connection would be waited for as long as the kernel hopes.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from psycopg import AsyncConnection, Error, Notify
from psycopg.rows import DictRow

ANSWER_MAX_S = 15.0  # longer than the server's own bounds: those end a statement, this one a connection
# What is silent and idle (a listener) is found by the kernel: 10 s, then three questions.
KEPT_ALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # ms that what was sent may stay unacknowledged
}


class BoundedConnection(AsyncConnection[DictRow]):
    """Cut when the server answers nothing for ANSWER_MAX_S: the statement fails as one whose connection was lost."""

    answer_max_s = ANSWER_MAX_S
    _listens = False

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """As psycopg's, for so long."""
        if self._listens:
            return await super().wait(gen, *args, **kwargs)
        cut = asyncio.get_running_loop().call_later(self.answer_max_s, self._cut)
        try:
            return await super().wait(gen, *args, **kwargs)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        with suppress(OSError, ValueError, Error), socket.socket(fileno=os.dup(self.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)  # the one who waits reads the end

    async def notifies(self, **bounds: Any) -> AsyncGenerator[Notify]:
        """As psycopg's: whoever listens may hear nothing for hours."""
        self._listens = True
        try:
            async for notice in super().notifies(**bounds):
                yield notice
        finally:
            self._listens = False
