"""A phone page over stand-ins and a small application that answers like Khallas, on real ports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.messaging.texts import load_texts
from lab.clocks import StillClock
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.mailsink import MailSink
from lab.phone.prompts import WalletPrompts
from lab.phone.studio import Numbers, World, phone_routes
from lab.servers.serving import serving
from lab.twilio.server import Twilio
from lab.wallets.network import WalletNetwork

NUMBERS = Numbers("*1117#", "1117", "+212520001117", "777")


@dataclass
class Ussd:
    """Repeats what it got; "9" ends the dialog, "down" is not answered as it should be."""

    forms: list[dict[str, str]] = field(default_factory=list)

    async def door(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.forms.append(form)
        if "status" in form:
            return PlainTextResponse("")
        if form["text"].endswith("down"):
            return PlainTextResponse("", 503)
        kind = "END" if form["text"].endswith("9") else "CON"
        return PlainTextResponse(f"{kind} got {form['text']}", headers={"X-Screen": "Service"})

    async def pulled(self, request: Request) -> Response:
        """Comviva's manner."""
        return PlainTextResponse(f"pulled {request.query_params['input']}", headers={"Freeflow": "FC"})


@dataclass
class Stage:
    """All that a test of the page touches."""

    http: aiohttp.ClientSession
    ussd: Ussd
    twilio: Twilio
    cmi: EmulatedCmi
    mail: MailSink
    network: WalletNetwork
    clock: StillClock


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Two ports: the application's, and the page's."""
    ussd = Ussd()
    app = Starlette(
        routes=[
            Route("/ussd/africastalking", ussd.door, methods=["POST"]),
            Route("/ussd/comviva", ussd.pulled, methods=["GET"]),
        ]
    )
    twilio = Twilio(account_sid="ACdemo", auth_token="demo-token")
    async with serving(app) as url, twilio, emulated_cmi() as cmi, MailSink() as mail:
        clock = StillClock(datetime(2026, 11, 1, 9, 30, tzinfo=UTC))
        network = WalletNetwork(clock.now)
        world = World(twilio, cmi, mail, prompts=WalletPrompts(network, "Neqdi"))
        async with (
            phone_routes(url, NUMBERS, ("africastalking", "comviva", "other"), world, load_texts()) as routes,
            serving(Starlette(routes=routes)) as page,
            aiohttp.ClientSession(page) as http,
        ):
            yield Stage(http, ussd, twilio, cmi, mail, network, clock)
