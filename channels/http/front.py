"""The application's front: a request's target and Host are looked at first; then the busiest doors are reached by their
path alone, everything else through Starlette.
"""

import random
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.http.hosts import PROBES, Hosts
from core.tracing import REQUEST_ID_BYTES, request_id

MISDIRECTED = 421
TARGET_BYTES_MAX = 8 * 1024
SEGMENT_CHARS_MAX = 256  # of a path: the longest of ours is a dialog's id of 128
REQUEST_ID_HEADER = b"x-request-id"
_UUID = re.compile(rb"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")
Count = Callable[[str, str], None]  # door, reason


def hot(routes: Iterable[BaseRoute]) -> dict[str, ASGIApp]:
    """The plain ASGI doors among routes, by path; functions and those with parts in their path stay with the router."""
    doors: dict[str, ASGIApp] = {}
    for route in routes:
        if isinstance(route, Route) and "{" not in route.path and route.app is route.endpoint:
            doors[route.path] = RequestIds(route.endpoint)
    return doors


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


def target_fault(path: str, raw_path: bytes, query: bytes) -> tuple[int, str] | None:
    """Status and words for a target that no door is asked about."""
    if len(raw_path) + len(query) > TARGET_BYTES_MAX:
        return 414, "the address is too long"
    if len(path) > SEGMENT_CHARS_MAX and any(len(part) > SEGMENT_CHARS_MAX for part in path.split("/")):
        return 404, "nothing is there"
    return None


def without_slash(path: str) -> str:
    """A door answers the same with a slash behind its address: nobody is sent on to another one."""
    return path[:-1] if len(path) > 1 and path.endswith("/") else path


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
        name = _theirs(scope) or _fresh()
        before, told = request_id.set(name), (REQUEST_ID_HEADER, name.encode())

        def telling(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), told]
            return send(message)

        await self._app(scope, receive, telling)
        # not in a finally: the server logs what was raised here, in this request's own task
        request_id.reset(before)


def _fresh() -> str:
    """As long as core.tracing.request makes them, from a generator that this process seeded once: the system's own
    would be a system call a request. A name, no secret.
    """
    return f"{random.getrandbits(8 * REQUEST_ID_BYTES):0{2 * REQUEST_ID_BYTES}x}"


def _theirs(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER:
            return value.decode() if _UUID.fullmatch(value) else None
    return None
