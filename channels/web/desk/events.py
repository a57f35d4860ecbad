"""/desk/events: which systems are told of payments, what waits for them, and dead letters, sent again by a click.

An administrator's alone; endpoints are added at the command line (docs/guides/events.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.receipt_view import when
from channels.web.desk.entry import HOME, DeskRequest, Threshold
from channels.web.desk.showing import for_administrators, said, shown
from core.events.endpoints import EventEndpoint
from core.help_desk.access_log import Access, AccessLog, Action
from core.ports import Clock

EVENTS = HOME + "/events"
DEAD_SHOWN_MAX = 100


class DeskEndpoints(Protocol):
    """The port by which the desk reads and changes endpoints. Raises DatabaseUnavailable."""

    async def every(self) -> Sequence[EventEndpoint]: ...

    async def dead(self, limit: int, name: str = "") -> Sequence[Mapping[str, Any]]: ...

    async def resend(self, name: str, now: datetime, sequence: int | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class EventBooksAtDesk:
    """The repositories that the page reads and writes."""

    endpoints: DeskEndpoints
    log: AccessLog
    clock: Clock


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint, as the page prints it: no secret, no query of its address."""

    name: str
    address: str
    delivered: int
    last: str
    waiting: int
    oldest: str
    dead: int
    off: str


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A dead letter, as the page prints it."""

    endpoint: str
    type: str
    payment_id: str
    at: str
    error: str


class _EventPages:
    def __init__(self, books: EventBooksAtDesk, threshold: Threshold) -> None:
        self._books = books
        self._threshold = threshold

    async def page(self, visit: DeskRequest) -> Response:
        """GET: endpoints, and the newest dead letters."""
        endpoints = await self._books.endpoints.every()
        letters = await self._books.endpoints.dead(DEAD_SHOWN_MAX)
        return await shown(
            self._threshold,
            visit,
            "events",
            path=EVENTS,
            rows=tuple(_row(each) for each in endpoints),
            letters=tuple(_letter(each) for each in letters),
        )

    async def resend(self, visit: DeskRequest) -> Response:
        """POST: an endpoint's dead letters are due again."""
        name, now, actor = str(visit.request.path_params["name"]), self._books.clock.now(), visit.actor
        count = await self._books.endpoints.resend(name, now)
        detail = f"resend {name[:40]}: {count}"
        await self._books.log.write(Access(now, actor.name, actor.role, Action.EVENTS, None, detail, actor.address))
        return await said(self._threshold, visit, EVENTS, "notice.events.again" if count else "notice.events.none")


def _row(endpoint: EventEndpoint) -> EndpointRow:
    return EndpointRow(
        endpoint.name,
        endpoint.address(),
        endpoint.delivered,
        when(endpoint.delivered_at) or "",
        endpoint.waiting,
        when(endpoint.oldest_at) or "",
        endpoint.dead,
        endpoint.disabled_why,
    )


def _letter(row: Mapping[str, Any]) -> DeadRow:
    return DeadRow(row["endpoint"], row["type"], row["payment_id"], when(row["dead_at"]) or "", row["error"] or "")


def routes(books: EventBooksAtDesk, threshold: Threshold) -> Sequence[BaseRoute]:
    """The addresses of the page of events."""
    pages, guarded = _EventPages(books, threshold), partial(for_administrators, threshold)
    return [
        Route(EVENTS, threshold.shows(guarded(pages.page)), methods=["GET"]),
        Route(EVENTS + "/{name}/resend", threshold.does(guarded(pages.resend)), methods=["POST"]),
    ]
