"""The application's front: a request's target and Host are looked at first; then the busiest doors are reached by their
path alone, everything else through Starlette.
"""

from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.http.hosts import PROBES, Hosts, target_fault, without_slash
from channels.http.request_ids import RequestIds

MISDIRECTED = 421
Count = Callable[[str, str], None]  # door, reason


def hot(routes: Iterable[BaseRoute]) -> dict[str, ASGIApp]:
    """The plain ASGI doors among routes, by path; those with parts in their path stay with the router."""
    found: dict[str, ASGIApp] = {}
    for route in routes:
        if isinstance(route, Route) and "{" not in route.path and not isinstance(route.endpoint, type):
            found[route.path] = RequestIds(route.endpoint)
    return found


class Front(Starlette):
    """Starlette, with doors before its middleware and its router; they answer whatever happens by themselves."""

    def __init__(
        self, doors: dict[str, ASGIApp], *, hosts: Hosts | None = None, count: Count | None = None, **options: Any
    ) -> None:
        """`hosts` None: every Host is ours (tests). `count` hears whom nobody answered."""
        super().__init__(**options)
        self.router.redirect_slashes = False  # it would send people to whatever Host they named
        self._doors = doors
        self._hosts = hosts
        self._count = count or (lambda door, reason: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        fault = self._fault(scope)
        if fault is not None:
            status, words = fault
            self._count("protocol", words.rpartition(" ")[2])
            await PlainTextResponse(f"{words}\n", status, {"Cache-Control": "no-store"})(scope, receive, send)
            return
        scope["path"] = without_slash(scope["path"])  # signatures are over raw_path, which stays
        door = self._doors.get(scope["path"])
        if door is None:
            await super().__call__(scope, receive, send)
        else:
            await door(scope, receive, send)

    def _fault(self, scope: Scope) -> tuple[int, str] | None:
        path: str = scope["path"]
        fault = target_fault(path, scope.get("raw_path") or path.encode(), scope["query_string"])
        if fault is not None or self._hosts is None or path in PROBES:
            return fault
        server = (scope.get("server") or ("",))[0]
        for name, value in scope["headers"]:  # how many there are is the protocol's business
            if name == b"host" and not self._hosts.ours(value, server):
                return MISDIRECTED, "this is no server of that host"
        return None
