"""The stand-in's desk over HTTP, JSON only: where the demo's phone page and tests in other processes play customers.

It asks no password: it belongs on 127.0.0.1, beside a demo. Keys that were pressed are never told back.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.twilio.call import Call
from lab.twilio.dialled import WATCHED
from lab.twilio.server import Fault, Refused, Twilio
from lab.twilio.texts import Text
from lab.twilio.twiml import BadTwiml
from lab.twilio.webhooks import WebhookFailed

ORDER_MAX_BYTES = 16_000

Endpoint = Callable[[Request], Awaitable[Response]]


def desk_routes(twilio: Twilio, prefix: str) -> list[Route]:
    """To be served, or mounted, wherever the phone page finds them."""
    desk = _Desk(twilio)
    return [
        Route(prefix + "/texts/{number}", desk.answering(desk.texts), methods=["GET"]),
        Route(prefix + "/texts/{number}", desk.answering(desk.send), methods=["POST"]),
        Route(prefix + "/texts/{number}", desk.answering(desk.clear), methods=["DELETE"]),
        Route(prefix + "/phones/{number}/calls", desk.answering(desk.calls), methods=["GET"]),
        Route(prefix + "/phones/{number}/calls", desk.answering(desk.dial), methods=["POST"]),
        Route(prefix + "/calls/{sid}", desk.answering(desk.call), methods=["GET"]),
        Route(prefix + "/calls/{sid}/{act}", desk.answering(desk.act), methods=["POST"]),
        Route(prefix + "/faults", desk.answering(desk.faults), methods=["PUT"]),
    ]


def text_told(text: Text) -> dict[str, object]:
    """A text as the phone page shows it."""
    return {
        "sid": text.sid,
        "from": text.sender,
        "to": text.to,
        "body": text.body,
        "direction": text.direction,
        "status": text.statuses[-1],
        "created_at": text.created_at.isoformat(),
    }


def call_told(call: Call) -> dict[str, object]:
    """A call as the phone page shows it. `waiting` is the Gather, null when it is not the customer's turn."""
    gather, dialled = call.waiting, call.dialled
    waiting = None
    if gather is not None:
        waiting = {
            "digits_max": gather.digits_max,
            "finish_on_key": gather.finish_on_key,
            "timeout_s": gather.timeout_s,
            "input": list(gather.inputs),
            "pressed": call.pressed,
        }
    return {
        "sid": dialled.sid,
        "from": dialled.from_number,
        "to": dialled.to_number,
        "direction": dialled.direction.value,
        "status": call.status.value,
        "rings": call.rings,
        "ended": call.ended,
        "elapsed_ms": call.elapsed_ms,
        "captions": [asdict(caption) for caption in call.captions],
        "waiting": waiting,
        "paying": call.paying is not None,
        "transferred_to": call.transferred_to,
        "screen": call.screen,
        "error": call.error,
    }


async def _order(request: Request) -> Mapping[str, str]:
    # a form from another site's page cannot carry this content type without asking first
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(415, 0, "send application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > ORDER_MAX_BYTES:
            raise Refused(413, 0, f"at most {ORDER_MAX_BYTES} bytes")
    try:
        order = json.loads(body or b"{}")
    except ValueError as error:
        raise Refused(400, 0, f"not JSON: {error}") from None
    if not isinstance(order, dict) or not all(isinstance(value, str) for value in order.values()):
        raise Refused(400, 0, "an object of texts")
    return order


def _pace(call: Call, order: Mapping[str, str]) -> None:
    """A person who answers wants real pauses ("pace": "real"), a script does not."""
    if order.get("pace") == "real":
        call.keep_pace(WATCHED)


class _Desk:
    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    def answering(self, endpoint: Endpoint) -> Endpoint:
        """Turns errors into answers: 4xx the request's fault, 502 the application's."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refused as refused:
                return JSONResponse({"error": refused.message}, refused.status)
            except ValueError as error:
                return JSONResponse({"error": str(error)}, 400)
            except (WebhookFailed, BadTwiml) as error:
                return JSONResponse({"error": str(error)}, 502)

        return answer

    async def texts(self, request: Request) -> Response:
        number = request.path_params["number"]
        return JSONResponse([text_told(text) for text in self._twilio.inboxes.of(number)])

    async def send(self, request: Request) -> Response:
        order = await _order(request)
        replies = await self._twilio.deliver_mo(
            request.path_params["number"], order.get("body", ""), to=order.get("to", ""), sid=order.get("sid", "")
        )
        return JSONResponse({"replies": replies})

    async def clear(self, request: Request) -> Response:
        self._twilio.inboxes.clear(request.path_params["number"])
        return Response(status_code=204)

    async def calls(self, request: Request) -> Response:
        return JSONResponse([call_told(call) for call in self._twilio.calls_of(request.path_params["number"])])

    async def dial(self, request: Request) -> Response:
        order = await _order(request)
        call = await self._twilio.dial(request.path_params["number"])
        _pace(call, order)
        return JSONResponse(call_told(call), 201)

    async def call(self, request: Request) -> Response:
        return JSONResponse(call_told(self._find(request)))

    async def act(self, request: Request) -> Response:
        order, call = await _order(request), self._find(request)
        match request.path_params["act"]:
            case "answer":
                _pace(call, order)
                call.answer()
            case "press":
                call.press(order.get("keys", ""))
            case "silence":
                call.silence()
            case "hang-up":
                call.hang_up()
            case _:
                raise Refused(404, 0, "answer, press, silence or hang-up")
        return JSONResponse(call_told(call))

    async def faults(self, request: Request) -> Response:
        order = await _order(request)
        self._twilio.messages_fault = Fault(order.get("messages", self._twilio.messages_fault))
        self._twilio.calls_fault = Fault(order.get("calls", self._twilio.calls_fault))
        return JSONResponse({"messages": self._twilio.messages_fault, "calls": self._twilio.calls_fault})

    def _find(self, request: Request) -> Call:
        call = self._twilio.calls.get(request.path_params["sid"])
        if call is None:
            raise Refused(404, 0, "no such call")
        return call
