"""Logs: one line of JSON (or colours) an event, our own and the libraries', masked on the way out.

A request's lines share its id (`request`), a call's its own. Telephone numbers are whole at DEBUG alone. Tracebacks
hold no local variables, and no digits of what an exception says.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.tracing import fresh_request_id, request_id
from khallas.telemetry import masking

NOISY = ("procrastinate", "uvicorn.access", "httpx", "aiohttp.access", "uvicorn.error", "alembic")

HEADER = b"x-request-id"
_UUID = re.compile(rb"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")

_KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}  # of a record; the rest are extras
_about: ContextVar[Mapping[str, str]] = ContextVar("khallas_about", default=MappingProxyType({}))

Event = dict[str, Any]


class MaskedLine(logging.Formatter):
    """Any record as one masked line."""

    def __init__(self, render: Callable[[Event], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        event: Event = {**_about.get(), "event": record.getMessage()}
        if name := request_id.get():  # also in the job a request left behind
            event.setdefault("request", name)
        event |= {"logger": record.name, "level": record.levelname.lower()}
        event |= {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.stack_info:
            event["stack"] = record.stack_info
        if (told := _exception(record)) is not None:
            event["exception"] = told
        numbers = record.levelno <= logging.DEBUG
        event = {name: masking.plain(value, numbers=numbers) for name, value in event.items()}
        event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return self._render(event)


def formatter(style: str) -> logging.Formatter:
    """What turns any record into one masked line."""
    if style == "json":
        return MaskedLine(lambda event: json.dumps(event, ensure_ascii=False))
    # structlog brings rich along, 5 MiB of it: for people at a terminal, not for every worker
    from structlog.dev import ConsoleRenderer

    render = ConsoleRenderer(colors=sys.stderr.isatty())
    return MaskedLine(lambda event: str(render(None, event["level"], event)))


def configure(level: str, style: str) -> None:
    """Send everything, our own and the libraries', through one formatter to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(style))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in list(logging.root.manager.loggerDict.values()):
        if isinstance(library, logging.Logger):  # a library's own handler would write past the masks
            library.handlers.clear()
            library.propagate = True
    for name in NOISY:
        logging.getLogger(name).setLevel("WARNING")
    sys.excepthook = _uncaught


@contextmanager
def about(**names: str) -> Iterator[None]:
    """Lines within the block, and in tasks begun there, bear these names: request, call."""
    before = _about.set({**_about.get(), **names})
    try:
        yield
    finally:
        _about.reset(before)


class RequestIds:
    """ASGI: a request's log lines, jobs and payments' events bear an id, which is told back in X-Request-Id.

    A proxy's own id is taken over where it is a whole UUID, as nginx and others make them; whatever else a peer sends
    is not: the header is no way to write into our logs and books.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _theirs(scope) or fresh_request_id()
        before, told = request_id.set(name), (HEADER, name.encode())

        def telling(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), told]
            return send(message)

        await self._app(scope, receive, telling)
        # not in a finally: the server logs what was raised here, in this request's own task
        request_id.reset(before)


def _theirs(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode() if _UUID.fullmatch(value) else None
    return None


def _exception(record: logging.LogRecord) -> str | None:
    """The traceback as text, without locals and without the digits that an exception's words may quote."""
    if record.exc_info is None or record.exc_info[1] is None:
        return None
    return masking.traceback("".join(traceback.format_exception(record.exc_info[1])))


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("khallas").critical("the process ends", exc_info=(kind, error, trace))
