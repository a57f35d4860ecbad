"""A tiny voice application, and what it was asked: the other side of the stand-ins under test."""

import asyncio
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from tests.support.forms import posted

TOKEN = "demo-token"

DOCUMENTS = {
    "/ivr/twilio": """<Gather numDigits="1" action="menu" timeout="8">
        <Say language="fr-FR">Pour payer, tapez 1.</Say><Say language="arb">للأداء اضغط 1</Say></Gather>
        <Say>Nous n'avons rien recu.</Say><Redirect>/ivr/twilio</Redirect>""",
    "/ivr/menu": '<Gather action="/ivr/card" finishOnKey="#"><Say>Numero de carte, puis dièse.</Say></Gather><Hangup/>',
    "/ivr/card": "<Say>Un instant.</Say><Redirect>/ivr/paying</Redirect>",
    "/ivr/help": "<Say>On vous passe un conseiller.</Say><Dial>777</Dial>",
    "/ivr/loop": "<Redirect>/ivr/loop</Redirect>",
    "/ivr/bad": "<Gather num_digits='1'/>",
    "/ivr/pay": "<Pay action='/ivr/paid' paymentConnector='khallas'><Prompt for='payment-card-number'>"
    "<Say>Carte ?</Say></Prompt></Pay>",
    "/ivr/paid": "<Say>Merci.</Say>",
    "/ivr/busy": '<Reject reason="busy"/>',
    "/ivr/quick": "<Gather timeout='0.05'><Say>Vite.</Say></Gather><Say>Trop tard.</Say>",
    "/ivr/empty": '<Gather actionOnEmptyResult="true" action="/ivr/menu"/>',
}
POLLS_UNTIL_PAID = 3


class IvrApp:
    """Signed forms only. `asked` is every (path, form) in order. Status reports are answered once `reports` is set."""

    def __init__(self, base_url: str = "") -> None:
        self.base_url = base_url
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.reports: asyncio.Event | None = None
        self.asgi = Starlette(routes=[Route("/{path:path}", self.respond, methods=["GET", "POST"])])

    def forms(self, path: str) -> list[Mapping[str, str]]:
        return [form for asked, form in self.asked if asked == path]

    async def respond(self, request: Request) -> Response:
        form = await posted(request)
        url = self.base_url + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if not RequestValidator(TOKEN).validate(url, form, request.headers.get("X-Twilio-Signature", "")):
            return Response(status_code=403)
        path = request.url.path
        self.asked.append((path, form or dict(request.query_params)))
        if path.endswith("/status"):
            if self.reports is not None:
                await self.reports.wait()
            return Response(status_code=204)
        if path == "/ivr/broken":
            return Response(status_code=500)
        if path == "/sms/twilio":
            body = f"<Message action='/sms/twilio/status'>Vu: {form['Body']}</Message>"
        elif path == "/ivr/paying":
            paid = len(self.forms(path)) >= POLLS_UNTIL_PAID
            body = "<Say>Paye.</Say>" if paid else "<Pause length='1'/><Redirect>/ivr/paying</Redirect>"
        else:
            body = DOCUMENTS[path]
        headers = {"X-Screen": path.rsplit("/", 1)[1]}
        return Response(f"<Response>{body}</Response>", media_type="text/xml", headers=headers)
