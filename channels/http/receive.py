"""The thin shell of every HTTP door: a request read within bounds, checked, then decoded. Starlette lives here."""

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from channels.http.authentication import Network
from channels.http.protocol import WHOLE, Whole
from channels.wire import Incoming, Malformed, Reply, SenderRefused, same
from core.tracing import request_id

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 64 * 1024
BODY_WAIT_S = 5.0
PEERS_KEPT_MAX = 1_024
NO_CONTENT = 204  # its answer has no length (RFC 9110, 8.6)
LINES = b"content-type: %b\r\ncontent-length: %d\r\ncache-control: no-store\r\nx-request-id: %b\r\n"
SECRET_HEADER = "x-khallas-secret"  # noqa: S105 - a header's name
SECRET_FIELD = "secret"  # noqa: S105 - a parameter's name

Check = Callable[[Incoming], None]
Count = Callable[[str, str], None]  # door, reason


async def incoming(
    request: Request, public_url: str, *, body_max: int = BODY_BYTES_MAX, body_wait_s: float = BODY_WAIT_S
) -> Incoming:
    """The request as plain values. Raises Malformed when the body is too large, too slow or cut off."""
    return await arriving(request.scope, request.receive, public_url, body_max=body_max, body_wait_s=body_wait_s)


async def arriving(
    scope: Scope,
    receive: Receive,
    public_url: str,
    *,
    body_max: int = BODY_BYTES_MAX,
    body_wait_s: float = BODY_WAIT_S,
) -> Incoming:
    """The request read from ASGI, as `incoming` gives it. The wait for the first bytes is bounded by
    channels/http/protocol.py.
    """
    # of a name that is repeated the first, as Starlette's Headers
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > body_max:
        raise Malformed("the body is too large")
    # nearly every body of ours comes in one piece: no timer is set for it
    message = await receive()
    body = _piece(message, body_max)
    if message.get("more_body", False):
        body += await _rest(receive, body_max - len(body), body_wait_s)
    query, path = scope["query_string"].decode("latin-1"), scope["path"]
    spelled = scope.get("raw_path", path.encode()).decode("latin-1")
    client = scope.get("client")
    return Incoming(
        method=scope["method"],
        url=f"{public_url}{spelled}?{query}" if query else public_url + spelled,
        path=path,
        query=query,
        headers=headers,
        body=body,
        peer=client[0] if client else "",
    )


async def _rest(receive: Receive, body_max: int, wait_s: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(wait_s):
            more = True
            while more:  # bounded by body_max and wait_s
                message = await receive()
                body += _piece(message, body_max - len(body))
                more = message.get("more_body", False)
    except TimeoutError:
        raise Malformed("the body did not arrive") from None
    return bytes(body)


def _piece(message: Message, room: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Malformed("the body did not arrive")
    piece: bytes = message.get("body", b"")
    if len(piece) > room:
        raise Malformed("the body is too large")
    return piece


async def send_reply(scope: Scope, send: Send, reply: Reply, *, screen: str | None = None) -> None:
    """A Reply on the wire, without a Response in between; in one write where the server can."""
    whole: Whole | None = scope.get("extensions", {}).get(WHOLE)
    if whole is not None and not reply.headers and reply.status != NO_CONTENT:
        told = reply.media_type.encode("latin-1"), len(reply.body), request_id.get().encode()
        lines = LINES % told if screen is None else LINES % told + b"x-screen: %b\r\n" % screen.encode("latin-1")
        if whole(scope, reply.status, lines, reply.body):
            return
    headers = [(b"content-type", reply.media_type.encode("latin-1"))]
    if reply.status != NO_CONTENT:
        headers.append((b"content-length", b"%d" % len(reply.body)))
    if "Cache-Control" not in reply.headers:
        headers.append((b"cache-control", b"no-store"))
    if screen is not None:
        headers.append((b"x-screen", screen.encode("latin-1")))
    if reply.headers:
        headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def response(reply: Reply, *, screen: str | None = None) -> Response:
    """A Reply as Starlette sends it."""
    headers = dict(reply.headers)
    headers.setdefault("Cache-Control", "no-store")
    if screen is not None:
        headers["X-Screen"] = screen
    return Response(reply.body, reply.status, headers, reply.media_type)


def refusal(error: Malformed | SenderRefused) -> Response:
    """4xx in plain words; nothing of the request is repeated, and nobody keeps it."""
    words, status = ("refused\n", 403) if isinstance(error, SenderRefused) else (f"{error}\n", 400)
    return Response(words, status, {"Cache-Control": "no-store"}, "text/plain")


def refused(error: Malformed | SenderRefused, door: str, count: Count) -> Response:
    """The refusal, logged and counted under the door's own name."""
    log.warning("refused at %s: %s", door, error)
    count(door, "forbidden" if isinstance(error, SenderRefused) else "malformed")
    return refusal(error)


@dataclass(frozen=True, slots=True)
class Authentication:
    """Knows who may speak a wire that signs nothing: whoever knows one of the secrets, calls from one of the networks,
    or, where both are set, does both. Where none is set nobody may.
    """

    secrets: Sequence[str] = field(default=(), repr=False)
    networks: Sequence[Network] = ()
    open_to_all: bool = False
    _within: Callable[[str], bool] = field(init=False, repr=False, compare=False)  # gateways are few and ask often

    def __post_init__(self) -> None:
        object.__setattr__(self, "_within", lru_cache(PEERS_KEPT_MAX)(partial(_is_within, tuple(self.networks))))

    def check(self, request: Incoming) -> None:
        """Checks who sends a request, before any field is looked at. Raises Refused."""
        if self.open_to_all:
            return
        if self.networks and not self._within(request.peer):
            raise SenderRefused("not from an allowed network")
        if self.networks and not self.secrets:
            return
        given = self._given(request)
        # every comparison is made, so that the time tells nothing
        matches = [same(given, secret) for secret in self.secrets]
        if not any(matches):
            raise SenderRefused("the shared secret is missing or wrong")

    def admits(self, peer: str) -> bool:
        """Returns whether an address may connect at all, before it has said anything."""
        return self.open_to_all or not self.networks or self._within(peer)

    @staticmethod
    def _given(request: Incoming) -> str:
        if SECRET_HEADER in request.headers:
            return request.headers[SECRET_HEADER]
        try:
            return request.params().get(SECRET_FIELD, "")
        except Malformed:
            return ""


def _is_within(networks: tuple[Network, ...], peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in networks)
