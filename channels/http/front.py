"""The application's front: the busiest doors are reached by their path alone, everything else through Starlette."""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.observe.logs import RequestIds


def hot(routes: Iterable[BaseRoute]) -> dict[str, ASGIApp]:
    """The plain ASGI doors among routes, by path; those with parts in their path stay with the router."""
    found: dict[str, ASGIApp] = {}
    for route in routes:
        if isinstance(route, Route) and "{" not in route.path and not isinstance(route.endpoint, type):
            found[route.path] = RequestIds(route.endpoint)
    return found


class Front(Starlette):
    """Starlette, with doors before its middleware and its router; they answer whatever happens by themselves."""

    def __init__(self, doors: dict[str, ASGIApp], **options: Any) -> None:
        super().__init__(**options)
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._doors.get(scope["path"]) if scope["type"] == "http" else None
        if door is None:
            await super().__call__(scope, receive, send)
        else:
            await door(scope, receive, send)
