"""HTTP/1.1 as uvicorn speaks it with httptools, bounded: a request must arrive whole within a deadline, its head
within a size. uvicorn alone keeps trickling connections for ever and buffers any head (protocols/speed.md, Servers).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from channels.http.hosts import one_host

RECEIVE_MAX_S = 10.0  # from the connection, or a request's first byte, to its last
HEAD_BYTES_MAX = 16 * 1024
HEADERS_MAX = 64

LINGER_S = 3.0  # an idle connection of a server that stops: a request may be on its way

WHOLE = "khallas.whole"  # an ASGI extension of this server: see Whole

Count = Callable[[str, str], None]  # door, reason
Whole = Callable[[Scope, int, bytes, bytes], bool]
"""An answer known as a whole (status, header lines of ours, body) in one write; False: it must go by messages."""


class HeadTooLarge(ValueError):
    """The peer's fault: the parser turns it into 400 and the connection ends."""


class NoHost(ValueError):
    """The peer's fault: no Host or several, or an HTTP older than hosts. 400, as above."""


@dataclass(slots=True)
class Leaving:
    """Tells whether the server has begun to stop: each connection is told so in its next answer."""

    begun: bool = False


class BoundedProtocol(HttpToolsProtocol):
    """Cuts slow senders and endless heads, and lets no request fall between two servers; the rest is uvicorn's."""

    def __init__(
        self, *args: Any, count: Count, receive_max_s: float = RECEIVE_MAX_S, leaving: Leaving, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._count = count
        self._receive_max_s = receive_max_s
        self._leaving = leaving
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0  # of a head in several pieces, those that came before the last
        self._piece_bytes = 0  # received last
        self._whole = False  # whether the bytes just received ended with a request's last one
        self._idle_since_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._watch()
        if self._leaving.begun:  # accepted just before the listener closed
            self._linger()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        if self.scope is not None:  # it holds a method of ours: a circle that the collector would find late
            self.scope.pop("extensions", None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._whole = False
        self._idle_since_s = None
        self._piece_bytes = len(data)
        super().data_received(data)
        if self._whole:  # nearly always: no timer is set for it
            return
        if self._deadline is None:
            self._watch()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._count("protocol", "head")
                self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        self._whole = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn's own, which is not asked: it runs for every line of every head."""
        headers = self.headers
        if len(headers) == HEADERS_MAX:
            self._count("protocol", "head")
            raise HeadTooLarge
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._too_many_bytes():
            self._count("protocol", "head")
            raise HeadTooLarge
        if not one_host(self.headers, self.url, self.parser.get_http_version()):
            self._count("protocol", "host")
            raise NoHost
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {WHOLE: self._answer}  # type: ignore[dict-item]  # ours is a function
            if self._leaving.begun:
                self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """As uvicorn's own, with one timer for a connection's idle times instead of one for each."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def timeout_keep_alive_handler(self) -> None:
        """Close what was idle for so long, or look again when it will have been."""
        self.timeout_keep_alive_task = None
        if self._idle_since_s is None:  # the next answer's end sets the timer again
            return
        due_s = self._idle_since_s + self.timeout_keep_alive
        if self.loop.time() < due_s:
            self.timeout_keep_alive_task = self.loop.call_at(due_s, self.timeout_keep_alive_handler)
        elif not self.transport.is_closing():
            self.transport.close()

    def _unset_keepalive_if_required(self) -> None:
        """uvicorn asks this of every request: the timer stays, and finds the connection busy."""

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops. Closing an idle connection now would lose what is on its way."""
        if self._idle():
            self._linger()
        else:
            super().shutdown()

    def on_message_complete(self) -> None:
        self._in_head = self._whole = True
        self._unwatch()
        super().on_message_complete()

    def _too_many_bytes(self) -> bool:
        if self._head_bytes + self._piece_bytes <= HEAD_BYTES_MAX:  # nearly always: nothing is added up
            return False
        return sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX

    def _answer(self, scope: Scope, status: int, lines: bytes, body: bytes) -> bool:
        cycle = self.cycle
        if cycle is None or cycle.scope is not scope:  # another request has come meanwhile
            return False
        if cycle.disconnected or cycle.response_started or self.flow.write_paused:
            return False
        if self.config.access_log or cycle.scope["method"] == "HEAD":
            return False
        head = [STATUS_LINE[status], lines]
        for name, value in cycle.default_headers:
            head += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            head.append(b"connection: close\r\n")
        head += (b"\r\n", body)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self.transport.write(b"".join(head))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _linger(self) -> None:
        self.loop.call_later(LINGER_S, self._close_idle)

    def _close_idle(self) -> None:
        began = self._deadline is not None and (self._head_bytes > 0 or not self._in_head)
        if self._idle() and not began and not self.transport.is_closing():
            self.transport.close()

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


def bounded(count: Count, receive_max_s: float = RECEIVE_MAX_S, leaving: Leaving | None = None) -> Any:
    """Returns what uvicorn.Config takes as `http`: it calls it, and asks no more of its type."""
    return partial(BoundedProtocol, count=count, receive_max_s=receive_max_s, leaving=leaving or Leaving())
