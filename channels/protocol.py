"""HTTP/1.1 as uvicorn speaks it with httptools, bounded: a request must arrive whole within a deadline, its head
within a size. uvicorn alone keeps trickling connections for ever and buffers any head (facts/speed.md, Servers).
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RECEIVE_MAX_S = 10.0  # from the connection, or a request's first byte, to its last
HEAD_BYTES_MAX = 16 * 1024
HEADERS_MAX = 64

Count = Callable[[str, str], None]  # door, reason


class HeadTooLarge(ValueError):
    """The peer's fault: the parser turns it into 400 and the connection ends."""


class BoundedProtocol(HttpToolsProtocol):
    """Cuts slow senders and endless heads; the rest is uvicorn's."""

    def __init__(self, *args: Any, count: Count, receive_max_s: float = RECEIVE_MAX_S, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._count = count
        self._receive_max_s = receive_max_s
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:
            self._watch()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._count("protocol", "head")
                self.send_400_response("The request's head is too large.")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > HEADERS_MAX or len(value) > HEAD_BYTES_MAX:
            self._count("protocol", "head")
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._unwatch()
        super().on_message_complete()

    def _watch(self) -> None:
        self._deadline = self.loop.call_later(self._receive_max_s, self._cut)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._count("protocol", "slow")
            self.transport.abort()


def bounded(count: Count, receive_max_s: float = RECEIVE_MAX_S) -> Any:
    """What uvicorn.Config takes as `http`: it calls it, and asks no more of its type."""
    return partial(BoundedProtocol, count=count, receive_max_s=receive_max_s)
