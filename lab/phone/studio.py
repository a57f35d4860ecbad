"""The phone page's server side: page, files, and JSON under /phone/api beside the desk's (lab/twilio/desk.py)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from channels.web.pages import CSP_WORKING, language_asked, private_headers
from core.languages import LANGUAGES, LanguageCode
from core.messaging.texts import Texts
from core.subscribers.lines import national
from lab.cmi.stand import EmulatedCmi
from lab.mailsink import MailSink
from lab.phone.handsets import Handsets, NoDialog, Page
from lab.phone.mailbox import LETTER_HEADERS, Mailboxes
from lab.phone.orders import Act, Order, TroubleOrder, read_order
from lab.phone.people import people
from lab.phone.prompts import WalletPrompts
from lab.phone.trace import Entry, Trace
from lab.phone.troubles import Troubles
from lab.phone.voice import NoVoice, Voice, installed
from lab.twilio.desk import call_told, desk_routes, text_told
from lab.twilio.server import Refused, Twilio
from lab.twilio.webhooks import WebhookFailed
from lab.ussd_wires import DIALECTS
from lab.wallets.network import DEMO_PIN

HERE = Path(__file__).parent
FONTS = HERE.parents[1] / "channels" / "web" / "receipts" / "fonts"
CSP = f"{CSP_WORKING}; frame-src 'self'; media-src 'self'"
AFTER_DIGITS_MAX = 12
CALLS_SHOWN = 5
SECTION = "phone"
ROOMS = (("web", "/"), ("desk", "/desk"), ("ops", "/ops"))  # the web door first: customers come in there too


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a customer can reach, as it is dialled."""

    service_code: str
    short_code: str
    voice: str
    help: str


@dataclass(frozen=True, slots=True)
class World:
    """The stand-ins that run in this demo; None where a real one was given."""

    twilio: Twilio
    cmi: EmulatedCmi | None
    mail: MailSink | None
    bank_timeout_s: float = 30.0  # how long Khallas waits for the bank
    prompts: WalletPrompts | None = None  # of the wallet network


@asynccontextmanager
async def phone_routes(
    url: str, numbers: Numbers, wires: Sequence[str], world: World, texts: Texts
) -> AsyncIterator[list[BaseRoute]]:
    """The page at /phone. `url` is the application's, `wires` the USSD wires it has enabled."""
    trace = Trace(lambda: datetime.now(UTC))
    world.twilio.watch(trace.observe)
    async with Handsets(url, numbers.service_code, trace.observer) as handsets:
        if world.prompts is not None:
            world.prompts.network.in_dialog = lambda msisdn: (
                handsets.open_page(msisdn) is not None or world.twilio.talks(msisdn)
            )
        yield _Studio(numbers, wires, world, texts, trace, handsets, Voice()).routes()


class _Studio:
    def __init__(
        self,
        numbers: Numbers,
        wires: Sequence[str],
        world: World,
        texts: Texts,
        trace: Trace,
        handsets: Handsets,
        voice: Voice,
    ) -> None:
        self._numbers, self._texts = numbers, texts
        self._wires = [wire for wire in wires if wire in DIALECTS]
        self._twilio, self._trace, self._handsets, self._voice = world.twilio, trace, handsets, voice
        self._mailboxes, self._troubles = Mailboxes(world.mail), Troubles(world.twilio, world.cmi, world.bank_timeout_s)
        self._prompts = world.prompts
        self._people = people()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/phone", self.page, methods=["GET"]),
            Mount("/phone/static", _Files(directory=HERE / "static")),
            Mount("/phone/fonts", _Files(directory=FONTS)),
            Route("/phone/api/feed/{number}", self.feed, methods=["GET"]),
            Route("/phone/api/ussd/{number}", self.ussd, methods=["POST"]),
            Route("/phone/api/troubles", self.trouble, methods=["POST"]),
            Route("/phone/api/voice", self.say, methods=["GET"]),
            Route("/phone/mails/{id}", self.letter, methods=["GET"]),
            *desk_routes(self._twilio, "/phone/api"),
            *(self._prompts.routes("/phone/api") if self._prompts else ()),
        ]

    async def page(self, request: Request) -> Response:
        """Everything the browser needs to begin, texts included."""
        language = language_asked(request) or _preferred(request)
        values = asdict(self._numbers) | {"wallet": self._prompts.name if self._prompts else "", "pin": DEMO_PIN}

        def t(key: str) -> str:
            return self._texts.fill(language, SECTION, key, **values)

        keys = sorted(self._texts.keys(language, SECTION))
        start = {
            "language": language.value,
            "numbers": asdict(self._numbers) | {"voice_national": national(self._numbers.voice)},
            "people": [{"msisdn": p.msisdn, "number": p.number, "language": p.language} for p in self._people],
            "mailbox": self._mailboxes.works,
            "voice": installed(),
            "texts": {key.removeprefix("js."): t(key) for key in keys if key.startswith("js.")},
        }
        html = self._templates.get_template("phone.html").render(
            t=t,
            say=lambda other, key: self._texts.fill(other, SECTION, key),
            language=language,
            languages=tuple(LanguageCode),
            rtl=LANGUAGES[language].rtl,
            people=self._people,
            wires=self._wires,
            rooms=_rooms(request),
            numbers=self._numbers,
            wallet=values["wallet"],
            troubles=self._troubles.state(),
            start=start,
        )
        return HTMLResponse(html, headers=private_headers(CSP) | {"Content-Language": language.value})

    async def feed(self, request: Request) -> Response:
        """What a customer's handset, the mailbox and the trace show now; of the trace what is newer than ?after=."""
        number, typed = request.path_params["number"], request.query_params.get("after", "0")
        after = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= AFTER_DIGITS_MAX else 0
        texts = [text for text in self._twilio.inboxes.of(number) if text.received or text.direction == "inbound"]
        return JSONResponse(
            {
                "texts": [text_told(text) for text in texts],
                "dialog": _page_told(self._handsets.open_page(number)),
                "prompt": self._prompts.of(number, language_asked(request)) if self._prompts else None,
                "calls": [call_told(call) for call in self._twilio.calls_of(number)[-CALLS_SHOWN:]],
                "mails": self._mailboxes.told(self._addresses_of_others(number)),
                "trace": [_entry_told(entry) for entry in self._trace.of(number, min(after, self._trace.last))],
                "last": self._trace.last,
                "troubles": self._troubles.state(),
            }
        )

    def _addresses_of_others(self, number: str) -> frozenset[str]:
        """An address that was typed during a dialog belongs to nobody: everybody sees its mail."""
        addresses = {email for person in self._people if person.msisdn == number for email in person.emails}
        return frozenset(email for person in self._people for email in person.emails) - addresses

    async def ussd(self, request: Request) -> Response:
        """dial, send, repeat or drop."""
        number = request.path_params["number"]
        try:
            order = await read_order(request, Order)
            page = await self._acted(number, order)
        except Refused as refused:
            return JSONResponse({"error": refused.message}, refused.status)
        except (NoDialog, ValueError) as error:
            return JSONResponse({"error": str(error)}, 409)
        except WebhookFailed as error:
            return JSONResponse({"error": str(error)}, 502)
        return JSONResponse(_page_told(page))

    async def _acted(self, number: str, order: Order) -> Page | None:
        match order.act:
            case Act.DIAL:
                return await self._handsets.dial(number, order.wire, order.keys)
            case Act.SEND:
                return await self._handsets.send(number, order.keys)
            case Act.REPEAT:
                return await self._handsets.repeat(number)
            case Act.DROP:
                await self._handsets.drop(number)
                return None

    async def trouble(self, request: Request) -> Response:
        """Arm a fault or take it back."""
        try:
            order = await read_order(request, TroubleOrder)
        except Refused as refused:
            return JSONResponse({"error": refused.message}, refused.status)
        self._troubles.turn(order.trouble, on=order.on)
        return JSONResponse(self._troubles.state())

    async def say(self, request: Request) -> Response:
        """?text= in the voice of ?tag=, as a WAV file; 404 where nothing can be said."""
        query = request.query_params
        try:
            wav = await self._voice.say(query.get("text", ""), query.get("tag", ""))
        except NoVoice as error:
            return JSONResponse({"error": str(error)}, 404)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        return Response(wav, media_type="audio/wav", headers={"Cache-Control": "no-store"})

    async def letter(self, request: Request) -> Response:
        """One mail as its reader's mail program would show it."""
        html = self._mailboxes.html(request.path_params["id"])
        return HTMLResponse(html or "", 404 if html is None else 200, dict(LETTER_HEADERS))


class _Files(StaticFiles):
    """Asked for anew each time: a demo's files change with its release."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer


def _rooms(request: Request) -> dict[str, str]:
    """The other pages that this application serves, and where."""
    served = {getattr(route, "path", "") for route in request.app.routes}
    return {name: path for name, path in ROOMS if path in served}


def _preferred(request: Request) -> LanguageCode:
    """The browser's first language that Khallas speaks, else French."""
    for part in request.headers.get("accept-language", "").split(","):
        name = part.strip()[:2].lower()
        if name in set(LanguageCode):
            return LanguageCode(name)
    return LanguageCode.FR


def _page_told(page: Page | None) -> dict[str, object] | None:
    return None if page is None else asdict(page.shown) | {"room": asdict(page.room)}


def _entry_told(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "outgoing": entry.outgoing,
        "method": entry.method,
        "path": entry.path,
        "fields": dict(entry.fields),
        "status": entry.status,
        "body": entry.body,
        "screen": entry.screen,
        "elapsed_ms": entry.elapsed_ms,
    }
