"""Logs: one line of JSON (or colours) an event, our own and the libraries', masked on the way out.

A request's lines share its id (`request`), a call's its own. Telephone numbers are whole at DEBUG alone. Tracebacks
hold no local variables, and no digits of what an exception says.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from core.tracing import about_now, request_id
from khallas.telemetry import masking

NOISY = ("procrastinate", "uvicorn.access", "httpx", "aiohttp.access", "uvicorn.error", "alembic")


_KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}  # of a record; the rest are extras

Event = dict[str, Any]


class MaskedLine(logging.Formatter):
    """Any record as one masked line."""

    def __init__(self, render: Callable[[Event], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        event: Event = {**about_now.get(), "event": record.getMessage()}
        if name := request_id.get():  # also in the job a request left behind
            event.setdefault("request", name)
        event |= {"logger": record.name, "level": record.levelname.lower()}
        event |= {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.stack_info:
            event["stack"] = record.stack_info
        if (words := _exception(record)) is not None:
            event["exception"] = words
        numbers = record.levelno <= logging.DEBUG
        event = {name: masking.plain(value, numbers=numbers) for name, value in event.items()}
        event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return self._render(event)


def formatter(style: str) -> logging.Formatter:
    """The formatter that turns any record into one masked line."""
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


def _exception(record: logging.LogRecord) -> str | None:
    """The traceback as text, without locals and without the digits that an exception's words may quote."""
    if not record.exc_info or record.exc_info[1] is None:  # a library says False
        return None
    return masking.traceback("".join(traceback.format_exception(record.exc_info[1])))


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("khallas").critical("the process ends", exc_info=(kind, error, trace))
