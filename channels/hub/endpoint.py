"""POST /hub and DELETE /hub/{id}: TM Forum's way to ask for events (docs/guides/events.md).

Whoever knows one of the tokens registers a callback; what is sent there is the same events in TM Forum's envelope.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.http.receive import Check, Count, incoming, refused
from channels.wire import Malformed, SenderRefused
from core.events.catalogue import EventType
from core.events.endpoints import EndpointError, EndpointKind, EventEndpoint, types_of
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

PATH = "/hub"
DOOR = "hub"
BODY_BYTES_MAX = 8 * 1024
ID_BYTES = 10
EVENT_TYPE = "eventType"
NO_STORE = {"Cache-Control": "no-store"}


class HubRegistration(BaseModel):
    """A registration as it is posted; other fields of TM Forum's are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    callback: Annotated[str, Field(min_length=1, max_length=1_000)]
    query: Annotated[str, Field(max_length=1_000)] = ""


class HubEndpoints(Protocol):
    """The port by which the hub keeps registrations. Raises DatabaseUnavailable."""

    async def add(self, endpoint: EventEndpoint, now: datetime) -> EventEndpoint:
        """Adds a receiver. Raises EndpointError."""

    async def remove(self, name: str, *, hub: bool) -> bool:
        """Removes a receiver. Returns whether it was there."""


def wanted(query: str) -> frozenset[EventType]:
    """The events of a query: eventType=payment.captured,payment.refunded, repeated or with commas; empty is all.

    Raises Malformed: a filter that we do not keep would send what nobody asked for.
    """
    words: list[str] = []
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=len(EventType))
    except ValueError:
        raise Malformed("the query is no query") from None
    for name, value in pairs:
        if name != EVENT_TYPE:
            raise Malformed("the query may filter by eventType alone")
        words += [word for word in value.split(",") if word]
    try:
        return types_of(words)
    except EndpointError:
        raise Malformed(f"the query names an event that is none; known are {', '.join(EventType)}") from None


def routes(
    endpoints: HubEndpoints,
    url_of: Callable[[str], str],
    now: Callable[[], datetime],
    check: Check,
    count: Count,
    *,
    public_url: str,
) -> list[Route]:
    """`url_of` raises EndpointError for an address that may not be called; `check` SenderRefused."""

    async def register(request: Request) -> Response:
        try:
            arrived = await incoming(request, public_url, body_max=BODY_BYTES_MAX)
            check(arrived)
            endpoint = _endpoint(arrived.body, url_of)
        except (Malformed, SenderRefused) as error:
            return refused(error, DOOR, count)
        try:
            await endpoints.add(endpoint, now())
        except EndpointError:
            return JSONResponse({"code": "409", "reason": "no more registrations"}, 409, NO_STORE)
        except DatabaseUnavailable:
            return _away()
        log.info("events: %s was registered at the hub", endpoint.name)
        registered = {"id": endpoint.name, "callback": endpoint.url, "query": endpoint.query}
        return JSONResponse(registered, 201, NO_STORE | {"Location": f"{PATH}/{endpoint.name}"})

    async def unregister(request: Request) -> Response:
        try:
            check(await incoming(request, public_url, body_max=BODY_BYTES_MAX))
        except (Malformed, SenderRefused) as error:
            return refused(error, DOOR, count)
        try:
            gone = await endpoints.remove(request.path_params["id"], hub=True)
        except DatabaseUnavailable:
            return _away()
        return Response(status_code=204, headers=NO_STORE) if gone else Response("none\n", 404, NO_STORE)

    return [
        Route(PATH, register, methods=["POST"]),
        Route(PATH + "/{id}", unregister, methods=["DELETE"]),
    ]


def _endpoint(body: bytes, url_of: Callable[[str], str]) -> EventEndpoint:
    """Raises Malformed, which repeats nothing of the body."""
    try:
        registration = HubRegistration.model_validate_json(body)
    except ValidationError:
        raise Malformed("the body is no {callback, query}") from None
    try:
        url = url_of(registration.callback)
    except EndpointError as error:
        raise Malformed(f"the callback: {error}") from None
    name = f"hub-{secrets.token_hex(ID_BYTES)}"
    return EventEndpoint(name, EndpointKind.TMF, url, wanted(registration.query), query=registration.query)


def _away() -> Response:
    return Response("try again later\n", 503, NO_STORE | {"Retry-After": "5"})
