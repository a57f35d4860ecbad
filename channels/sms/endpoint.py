"""SMS over HTTP: bytes -> MoMessage -> reply -> bytes, and delivery reports. Each enabled wire has its own guard."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.door import Malformed, Refused, Reply
from channels.gateways.callbacks import with_reference
from channels.http.receive import Check, Count, incoming, refused, response
from channels.sms.inbox import Inbox, NotStored
from channels.sms.message import MoMessage
from channels.sms.wires import SmsWire
from core.books import BooksDown

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 32 * 1024

Handler = Callable[[Request], Awaitable[Response]]


def routes(
    inbox: Inbox, wires: Mapping[str, SmsWire], guards: Mapping[str, Check], count: Count, *, public_url: str
) -> list[Route]:
    """Two routes a wire: texts from customers, and what became of ours. `count` hears of requests not let in."""
    base = public_url.rstrip("/")
    return [
        route
        for name, wire in wires.items()
        for route in (
            Route(wire.path, _texts(inbox, wire, guards[name], count, base), methods=[wire.method]),
            Route(wire.status_path, _reports(inbox, wire, guards[name], count, base), methods=[wire.method]),
        )
    ]


def _texts(inbox: Inbox, wire: SmsWire, check: Check, count: Count, public_url: str) -> Handler:
    async def texts(request: Request) -> Response:
        try:
            arrived = await incoming(request, public_url, body_max=BODY_BYTES_MAX)
            check(arrived)
            message = wire.decode(arrived)
        except (Malformed, Refused) as error:
            return refused(error, f"sms/{wire.name}", count)
        if wire.replies_later:
            return await _stored(inbox, wire, message)
        try:
            reply = await inbox.take(message)
        except Exception:
            log.exception("text %s failed", message.reference)
            reply = inbox.unavailable(message)
        status_url = with_reference(public_url + wire.status_path, message.reference)
        return response(wire.encode(reply, status_url))

    return texts


async def _stored(inbox: Inbox, wire: SmsWire, message: MoMessage) -> Response:
    """Nothing to say once the message is kept; until then the gateway is to bring it again."""
    try:
        await inbox.store(message)
    except NotStored:
        return response(Reply(b"later\n", status=503))
    except Exception:
        log.exception("text %s failed", message.reference)
        return response(Reply(b"later\n", status=503))
    return response(wire.encode(None, ""))


def _reports(inbox: Inbox, wire: SmsWire, check: Check, count: Count, public_url: str) -> Handler:
    async def reports(request: Request) -> Response:
        try:
            arrived = await incoming(request, public_url, body_max=BODY_BYTES_MAX)
            check(arrived)
            status = wire.decode_status(arrived)
        except (Malformed, Refused) as error:
            return refused(error, f"sms/{wire.name}", count)
        try:
            await inbox.report(status)
        except BooksDown:
            log.exception("delivery report of %s cannot be kept now", status.provider_id)
            return response(Reply(b"later\n", status=503))
        return response(Reply(b"", status=200 if wire.replies_later else 204))

    return reports
