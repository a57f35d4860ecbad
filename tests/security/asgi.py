"""Requests to an ASGI application without a socket: thousands a second, each with an end."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp

ANSWER_MAX_S = 60.0  # wall time, on any machine: whoever needs more hangs


@dataclass(frozen=True)
class Ask:
    """A request as a gateway might send it. `target` is path and query, as bytes on the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass
class Told:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)  # each Set-Cookie
    body: bytes = b""


async def ask(app: ASGIApp, request: Ask, peer: str = "192.0.2.7") -> Told:
    """Raises TimeoutError, and whatever the application lets through: a server would turn that into a 500."""
    told = Told()
    parts = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.status = message["status"]
            pairs = [(name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"]]
            told.headers = dict(pairs)
            told.cookies = [value for name, value in pairs if name == "set-cookie"]
        else:
            told.body += message.get("body", b"")

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "https",
        "path": _unquoted(request.path),
        "raw_path": request.path.encode("latin-1", "replace"),
        "query_string": request.query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in request.headers],
        "client": (peer, 40_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    async with asyncio.timeout(ANSWER_MAX_S):
        await app(scope, receive, send)
    return told


def _unquoted(path: str) -> str:
    return unquote(path, errors="replace")
