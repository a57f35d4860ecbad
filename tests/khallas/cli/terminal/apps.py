"""Small servers that speak the gateways' wires: the other side of the terminal's phones."""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from twilio.request_validator import RequestValidator

from tests.support.forms import posted

TOKEN = "demo-token"
SECRET = "between us"

PAGES = {
    "": ("CON Langue\n1. Francais\n2. \u0627\u0644\u0639\u0631\u0628\u064a\u0629", "Language"),
    "1": ("CON Factures [brackets] {and}\n1. [x] 05/2019", "PickInvoices"),
    "1*1": ("END Un appel arrive. Ref 123456", "HandOver"),
    "2": ("CON mechant \x1b[2J\n1. Suite", "Service"),
    "1*hello": ("END Bye", "Goodbye"),
    "1*9": ("END Neqdi demande votre code", "WalletAsked"),
}


class UssdApp:
    """Africa's Talking's dialect; asks for a secret at /ussd/africastalking when told. `beside`: more doors."""

    def __init__(self, *, secret: str = "", status: int = 200, beside: Sequence[BaseRoute] = ()) -> None:
        self.secret, self.status = secret, status
        self.asked: list[Mapping[str, str]] = []
        self.asgi = Starlette(routes=[Route("/ussd/africastalking", self.respond, methods=["POST"]), *beside])

    async def respond(self, request: Request) -> Response:
        form = await posted(request)
        self.asked.append(form)
        if self.secret and request.headers.get("X-Khallas-Secret") != self.secret:
            return PlainTextResponse("refused\n", 403)
        if self.status != 200:
            return PlainTextResponse("the field phoneNumber is missing\n", self.status)
        text, screen = PAGES[form["text"]]
        return PlainTextResponse(text, headers={"X-Screen": screen})


DOCUMENTS = {
    "": """<Gather numDigits="1" action="/ivr/twilio/Reference" timeout="30">
        <Say language="fr-FR">Pour payer, tapez 1.</Say></Gather><Say>Au revoir.</Say>""",
    "Reference": '<Gather action="/ivr/twilio/CardNumber" timeout="30"><Say>Votre reference.</Say></Gather>',
    "CardNumber": '<Gather action="/ivr/twilio/CardCvv" timeout="30"><Say>Numero de carte.</Say></Gather>',
    "CardCvv": '<Gather numDigits="3" action="/ivr/twilio/Paid" timeout="30"><Say>Code.</Say></Gather>',
    "Paid": "<Say>Merci.</Say><Pause length='1'/><Dial>777</Dial>",
}


class VoiceApp:
    """Signed webhooks only: a call from the menu to Paid. Without `screens` it does not tell them."""

    def __init__(self, *, screens: bool = True, documents: Mapping[str, str] = DOCUMENTS) -> None:
        self.base_url, self.screens, self.documents = "", screens, documents
        self.digits: dict[str, str] = {}
        self.statuses: list[str] = []
        self.asgi = Starlette(routes=[Route("/{path:path}", self.respond, methods=["POST"])])

    async def respond(self, request: Request) -> Response:
        form = await posted(request)
        signature = request.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(TOKEN).validate(self.base_url + request.url.path, form, signature):
            return PlainTextResponse("refused\n", 403)
        if request.url.path == "/sms/twilio":
            replies = "" if form["Body"] == "QUIET" else f"<Message>Code pour {form['From']}: 0042</Message>"
            return Response(f"<Response>{replies}</Response>", media_type="text/xml")
        if request.url.path == "/ivr/twilio/status":
            self.statuses.append(form["CallStatus"])
            return Response(status_code=204)
        screen = request.url.path.removeprefix("/ivr/twilio").strip("/")
        if "Digits" in form:
            self.digits[screen] = form["Digits"]
        headers = {"Connection": "close"}  # no timer of a connection wakes who waits for a key
        headers |= {"X-Screen": screen or "Service"} if self.screens else {}
        return Response(f"<Response>{self.documents[screen]}</Response>", media_type="text/xml", headers=headers)
