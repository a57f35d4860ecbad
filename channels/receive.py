"""The thin shell of every HTTP door: a request read within bounds, checked, then decoded. Starlette lives here."""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from channels.door import Incoming, Malformed, Refused, Reply, same

BODY_BYTES_MAX = 64 * 1024
BODY_WAIT_S = 5.0
SECRET_HEADER = "x-khallas-secret"  # noqa: S105 - a header's name
SECRET_FIELD = "secret"  # noqa: S105 - a parameter's name

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Check = Callable[[Incoming], None]


async def incoming(request: Request, public_url: str, *, body_max: int = BODY_BYTES_MAX) -> Incoming:
    """The request as plain values. Raises Malformed when the body is too large, too slow or cut off."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > body_max:
        raise Malformed("the body is too large")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > body_max:
                    raise Malformed("the body is too large")
    except (TimeoutError, ClientDisconnect):
        raise Malformed("the body did not arrive") from None
    query = request.url.query
    return Incoming(
        method=request.method,
        url=public_url + request.url.path + (f"?{query}" if query else ""),
        path=request.url.path,
        query=query,
        headers=request.headers,
        body=bytes(body),
        peer=request.client.host if request.client else "",
    )


def response(reply: Reply, *, screen: str | None = None) -> Response:
    """A Reply as Starlette sends it."""
    headers = dict(reply.headers)
    headers.setdefault("Cache-Control", "no-store")
    if screen is not None:
        headers["X-Screen"] = screen
    return Response(reply.body, reply.status, headers, reply.media_type)


def refusal(error: Malformed | Refused) -> Response:
    """4xx in plain words; nothing of the request is repeated."""
    if isinstance(error, Refused):
        return Response("refused\n", 403, media_type="text/plain")
    return Response(f"{error}\n", 400, media_type="text/plain")


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may speak a wire that signs nothing: whoever knows the shared secret, or calls from an allowed network."""

    secret: str = ""
    networks: Sequence[Network] = ()
    open_to_all: bool = False

    def check(self, request: Incoming) -> None:
        """Raises Refused, before any field is looked at."""
        if self.open_to_all:
            return
        if self.networks:
            if not _within(request.peer, self.networks):
                raise Refused("not from an allowed network")
            return
        if not self.secret or not same(self._given(request), self.secret):
            raise Refused("the shared secret is missing or wrong")

    @staticmethod
    def _given(request: Incoming) -> str:
        if SECRET_HEADER in request.headers:
            return request.headers[SECRET_HEADER]
        try:
            return request.params().get(SECRET_FIELD, "")
        except Malformed:
            return ""


def _within(peer: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in networks)
