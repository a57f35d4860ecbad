"""Logs: one line of JSON (or colours) an event, our own and the libraries', masked on the way out.

A request's lines share its id (`request`), a call's its own. Telephone numbers are whole at DEBUG alone. Tracebacks
hold no local variables, and no digits of what an exception says.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.observe import masking
from core.tracing import fresh_request_id, request_id

NOISY = ("procrastinate", "uvicorn.access", "httpx", "aiohttp.access", "uvicorn.error", "alembic")

HEADER = b"x-request-id"
_UUID = re.compile(rb"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")

Event = MutableMapping[str, Any]


def formatter(style: str) -> logging.Formatter:
    """What turns any record into one masked line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _request,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        _exception,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _masked, renderer],
    )


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
    with structlog.contextvars.bound_contextvars(**names):
        yield


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

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), told]
            await send(message)

        await self._app(scope, receive, telling)
        # not in a finally: the server logs what was raised here, in this request's own task
        request_id.reset(before)


def _theirs(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode() if _UUID.fullmatch(value) else None
    return None


def _request(_: object, __: str, event: Event) -> Event:
    """The request's id, also in the job it left behind."""
    if (name := request_id.get()) and "request" not in event:
        event["request"] = name
    return event


def _exception(_: object, __: str, event: Event) -> Event:
    """The traceback as text, without locals and without the digits that an exception's words may quote."""
    told = event.pop("exc_info", None)
    if told is True:
        told = sys.exc_info()
    if isinstance(told, BaseException):
        told = (type(told), told, told.__traceback__)
    if isinstance(told, tuple) and told[0] is not None:
        event["exception"] = masking.traceback("".join(traceback.format_exception(*told)))
    return event


def _masked(_: object, __: str, event: Event) -> Event:
    numbers = event.get("level") == "debug"
    for key, logged in event.items():
        if key != "timestamp":
            event[key] = masking.plain(logged, numbers=numbers)
    return event


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("khallas").critical("the process ends", exc_info=(kind, error, trace))
