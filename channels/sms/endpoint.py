"""SMS over HTTP: bytes -> MoMessage -> reply -> bytes, and delivery reports. Each enabled wire has its own guard."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from channels.http.doors import gateway
from channels.http.receive import Check, Count, arriving, refused, send_reply
from channels.sms.inbox import Inbox, NotStored, reference_of
from channels.sms.message import MoMessage
from channels.sms.wires import SmsWire
from channels.wire import Incoming, Malformed, Reply, SenderRefused, with_reference
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 32 * 1024
LATER = Reply(b"later\n", status=503)

Answer = Callable[[Incoming], Awaitable[Reply]]


def routes(
    inbox: Inbox, wires: Mapping[str, SmsWire], guards: Mapping[str, Check], count: Count, *, public_url: str
) -> list[Route]:
    """Two routes a wire: texts from customers, and what became of ours. `count` hears of requests not let in."""
    base = public_url.rstrip("/")
    built: list[Route] = []
    for name, wire in wires.items():
        entrance = Entrance(wire, guards[name], count, base)
        built += gateway(wire.path, SmsEndpoint(entrance, _texts(inbox, wire, base)), [wire.method])
        built += gateway(wire.status_path, SmsEndpoint(entrance, _reports(inbox, wire)), [wire.method])
    return built


@dataclass(frozen=True, slots=True)
class Entrance:
    """The parts that the doors of one wire have in common."""

    wire: SmsWire
    check: Check
    count: Count
    public_url: str


class SmsEndpoint:
    """Plain ASGI, as USSD's: no Request, no Response in between. `answer` raises Malformed for what it cannot read."""

    def __init__(self, entrance: Entrance, answer: Answer) -> None:
        self._entrance = entrance
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entrance = self._entrance
        if scope["method"] != entrance.wire.method:  # HEAD comes along with GET, and would be a text
            await send_reply(scope, send, Reply(b"", status=405, headers={"Allow": entrance.wire.method}))
            return
        try:
            arrived = await arriving(scope, receive, entrance.public_url, body_max=BODY_BYTES_MAX)
            entrance.check(arrived)
            reply = await self._answer(arrived)
        except (Malformed, SenderRefused) as error:
            await refused(error, f"sms/{entrance.wire.name}", entrance.count)(scope, receive, send)
            return
        await send_reply(scope, send, reply)


def _texts(inbox: Inbox, wire: SmsWire, public_url: str) -> Answer:
    status_url = public_url + wire.status_path

    async def texts(arrived: Incoming) -> Reply:
        message = wire.decode(arrived)
        if wire.replies_later:
            return await _stored(inbox, wire, message)
        reference = reference_of(message)
        try:
            reply = await inbox.take(message)
        except Exception:
            log.exception("text %s failed", reference)
            reply = inbox.unavailable(message)
        return wire.encode(reply, with_reference(status_url, reference))

    return texts


async def _stored(inbox: Inbox, wire: SmsWire, message: MoMessage) -> Reply:
    """Nothing to say once the message is kept; until then the gateway is to bring it again."""
    try:
        await inbox.store(message)
    except NotStored:
        return LATER
    except Exception:
        log.exception("text %s failed", reference_of(message))
        return LATER
    return wire.encode(None, "")


def _reports(inbox: Inbox, wire: SmsWire) -> Answer:
    async def reports(arrived: Incoming) -> Reply:
        status = wire.decode_status(arrived)
        try:
            await inbox.report(status)
        except DatabaseUnavailable:
            log.exception("delivery report of %s cannot be kept now", status.provider_id)
            return LATER
        return Reply(b"", status=200 if wire.replies_later else 204)

    return reports
