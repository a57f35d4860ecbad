"""Twilio's REST API over the stand-in: what the application's client asks for, with Twilio's shapes and errors."""

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urljoin

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.twilio.desk import desk_routes
from lab.twilio.dialled import API_VERSION
from lab.twilio.server import Refused, Twilio
from lab.twilio.webhooks import Exchange

FORM_MAX_BYTES = 64_000
_BASE = "/" + API_VERSION + "/Accounts/{account}"


def rest(twilio: Twilio) -> Starlette:
    """The API at /2010-04-01, and the desk (lab/twilio/desk.py) at /lab."""
    api = _Api(twilio)
    return Starlette(
        routes=[
            Route(_BASE + ".json", api.answering(api.read_account)),
            Route(_BASE + "/IncomingPhoneNumbers.json", api.answering(api.list_numbers)),
            Route(_BASE + "/SMS/ShortCodes.json", api.answering(api.list_short_codes)),
            Route(_BASE + "/Messages.json", api.answering(api.create_message), methods=["POST"]),
            Route(_BASE + "/Messages/{sid}.json", api.answering(api.read_message)),
            Route(_BASE + "/Calls.json", api.answering(api.create_call), methods=["POST"]),
            Route(_BASE + "/Calls/{sid}.json", api.answering(api.read_call)),
            *desk_routes(twilio, "/lab"),
        ]
    )


async def _form(request: Request) -> list[tuple[str, str]]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_BYTES:
            raise Refused(413, 20413, "Request Entity Too Large")
    return parse_qsl(body.decode(), keep_blank_values=True)


class _Api:
    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    def answering(self, endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Checks the account, and turns Refused into Twilio's error answer."""

        async def answer(request: Request) -> Response:
            try:
                self._authenticate(request)
                return await endpoint(request)
            except Refused as refused:
                more = f"https://www.twilio.com/docs/errors/{refused.code}"
                body = {"code": refused.code, "message": refused.message, "more_info": more, "status": refused.status}
                return JSONResponse(body, refused.status)

        return answer

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("Authorization", "")
        mine = b64encode(f"{self._twilio.account_sid}:{self._twilio.auth_token}".encode()).decode()
        if not secrets.compare_digest(given.encode(), f"Basic {mine}".encode()):
            raise Refused(401, 20003, "Authenticate")
        if request.path_params["account"] != self._twilio.account_sid:
            raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")

    async def read_account(self, request: Request) -> Response:
        return JSONResponse({"sid": self._twilio.account_sid, "status": "active", "type": "Full"})

    async def list_numbers(self, request: Request) -> Response:
        number = self._twilio.ivr_number
        row = {"phone_number": number, "sms_url": "", "sms_method": "POST"} | self._webhook("voice", "ivr/twilio")
        asked = request.query_params.get("PhoneNumber", number)
        return JSONResponse({"incoming_phone_numbers": [row] if asked == number else []})

    async def list_short_codes(self, request: Request) -> Response:
        code = self._twilio.short_code
        row = {"short_code": code} | self._webhook("sms", "sms/twilio")
        return JSONResponse({"short_codes": [row] if request.query_params.get("ShortCode", code) == code else []})

    def _webhook(self, what: str, door: str) -> dict[str, str]:
        return {f"{what}_url": urljoin(self._twilio.public_url, door), f"{what}_method": "POST"}

    async def create_message(self, request: Request) -> Response:
        form = await _form(request)
        return await self._told(request, form, self._twilio.send_message(dict(form)))

    async def read_message(self, request: Request) -> Response:
        text = self._twilio.inboxes.find(request.path_params["sid"])
        if text is None:
            raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
        return JSONResponse(text.resource(self._twilio.account_sid))

    async def create_call(self, request: Request) -> Response:
        form = await _form(request)
        events = tuple(value for name, value in form if name == "StatusCallbackEvent")
        return await self._told(request, form, self._twilio.place_call(dict(form), events))

    async def read_call(self, request: Request) -> Response:
        call = self._twilio.calls.get(request.path_params["sid"])
        if call is None:
            raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
        return JSONResponse(call.dialled.resource(call.status))

    async def _told(
        self, request: Request, form: list[tuple[str, str]], asked: Awaitable[dict[str, object]]
    ) -> Response:
        """201 with what was made; whoever watches the wire hears of it, and of a refusal."""
        began, status, body = time.perf_counter(), 201, ""
        try:
            resource = await asked
            body = json.dumps(resource)
            return JSONResponse(resource, status)
        except Refused as refused:
            status, body = refused.status, refused.message
            raise
        finally:
            elapsed_ms = (time.perf_counter() - began) * 1000
            self._twilio.watched(
                Exchange("POST", str(request.url), dict(form), status, body, None, elapsed_ms, outgoing=True)
            )
